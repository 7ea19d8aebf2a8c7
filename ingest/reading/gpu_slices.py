"""Compute the share of a GPU that a MIG instance has.

A GPU in MIG mode is cut into instances of whole compute slices; how many slices make
the whole depends on its model. An unknown model is unknown, never taken for seven.

Source: NVIDIA Multi-Instance GPU User Guide, *Supported GPUs* and *Profiles*.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Model → compute slices of the whole GPU.
MAX_SLICES = {
    "A30": 4,
    "A100": 7,
    "H100": 7,
    "H200": 7,
    "B200": 7,
    "GB200": 7,
    "RTX PRO 5000": 2,
    "RTX PRO 6000": 4,
}

_SEPARATORS = re.compile(r"[^A-Z0-9]+")
#: 3g.20gb, 1g.10gb+me, and 1c.3g.20gb: a single compute slice of a three-slice
#: instance.
_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.\d+gb(?:\+[a-z.]+)?", re.IGNORECASE)
_NAMED_PROFILE = re.compile(rf"MIG[ -]?({_PROFILE.pattern})", re.IGNORECASE)


@lru_cache(maxsize=1_024)
def max_slices(model: str) -> int | None:
    """Return how many slices the whole GPU has; ``None`` for an unknown model.

    Whole words decide, the longest name first, with any text between and around them.

    Examples
    --------
    >>> max_slices("NVIDIA-A100-SXM4-40GB"), max_slices("NVIDIA GB200 NVL")
    (7, 7)
    >>> max_slices("NVIDIA RTX A1000") is None
    True
    """
    words = f" {_SEPARATORS.sub(' ', model.upper()).strip()} "
    for known in sorted(MAX_SLICES, key=len, reverse=True):
        if f" {known} " in words:
            return MAX_SLICES[known]
    return None


@lru_cache(maxsize=1_024)
def profile_slices(profile: str) -> int | None:
    """Return how many slices an instance of a profile has; ``None`` if unreadable.

    Examples
    --------
    >>> profile_slices("2g.10gb"), profile_slices("1c.3g.20gb"), profile_slices("big")
    (2, 1, None)
    """
    found = _PROFILE.fullmatch(profile.strip())
    return int(found[1] or found[2]) if found else None


@lru_cache(maxsize=1_024)
def profile_in_name(name: str) -> str | None:
    """Return the MIG profile that a device or product name holds.

    Examples
    --------
    >>> profile_in_name("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb")
    '1g.5gb'
    """
    found = _NAMED_PROFILE.search(name)
    return found[1] if found else None
