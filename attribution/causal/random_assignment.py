"""Drawing arms so that anybody can draw them again, and a hash of who is in which.

A unit's number is a hash of the seed and its name, so the draw depends on nothing else:
no library, no order, no version. The units with the smallest numbers are treated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw of an experiment that the register bears out.

    Attributes
    ----------
    origin : str
        Origin of the arms, for readers.
    seed : str
        Hash of the sealed entry that the plan's units are drawn with; empty where a
        platform assigned them.
    list_sha256 : str
        Hash of the arms that a platform delivered; empty where they were drawn.
    objection : str
        Reason that it is no evidence of chance; empty if it is.
    """

    origin: str
    seed: str = ""
    list_sha256: str = ""
    objection: str = ""


def drawn_arms(
    units: Iterable[str], *, seed: str | int, share: float
) -> dict[str, int]:
    """Return the arm of each unit: 1 for treated, 0 for control.

    Parameters
    ----------
    units : iterable of str
        Names; each once.
    seed : str or int
        Fixed before anybody could know the draw.
    share : float
        Part of the units that is treated, above 0 and below 1; rounded to whole units.

    Examples
    --------
    >>> drawn_arms(["a", "b", "c", "d"], seed=1, share=0.5)
    {'a': 1, 'b': 0, 'c': 0, 'd': 1}
    """
    names = sorted(set(units))
    count = round(len(names) * share)
    treated = set(sorted(names, key=lambda name: _number(seed, name))[:count])
    return {name: int(name in treated) for name in names}


def _number(seed: str | int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def list_hash(arms: Mapping[str, int]) -> str:
    """Return the SHA-256 of a list of arms: lines ``unit,arm`` in order of the unit."""
    lines = (f"{unit},{arms[unit]}\n" for unit in sorted(arms))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
