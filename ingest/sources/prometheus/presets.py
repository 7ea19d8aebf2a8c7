"""Fill in the options of a ``prometheus`` source from presets of model servers.

The names of the metrics are data, with their source and date: ``presets.toml``. Options
in ``triptych.yml`` come before those of a preset, and rules of ``mapping``, too.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FILE = Path(__file__).with_name("presets.toml")
READINGS = ("usage", "accelerators")


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """Return the presets by name."""
    return tomllib.loads(_FILE.read_text("utf-8"))


def with_presets(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return options with those of presets where none is given.

    Raises
    ------
    ValueError
        A preset is unknown, or two of them read the same kind of figures.

    Examples
    --------
    >>> given = {"usage": {"requests": "http_requests_total"}}
    >>> filled = with_presets(given, ["vllm"])
    >>> filled["usage"]["requests"], filled["usage"]["input_tokens"]
    ('http_requests_total', 'vllm:prompt_tokens_total')
    """
    filled = dict(given)
    for name in names:
        preset = presets().get(name)
        if preset is None:
            message = f"{name!r} is no preset; there are {', '.join(presets())}"
            raise ValueError(message)
        for reading in set(READINGS) & set(preset):
            _refuse_second(reading, name, names)
            filled[reading] = {**preset[reading], **(filled.get(reading) or {})}
        filled["mapping"] = [*(filled.get("mapping") or ()), *preset["mapping"]]
    return filled


def _refuse_second(reading: str, name: str, names: Sequence[str]) -> None:
    """Refuse a second preset of the same kind of figures."""
    others = [other for other in names if reading in presets().get(other, {})]
    if len(others) > 1 and others[0] != name:
        message = (
            f"{others[0]!r} and {name!r} both read {reading}: make a source of each,"
            " and never of a router and the servers behind it"
        )
        raise ValueError(message)
