"""Name the source that reads bills of a vendor by the mapping of their columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.discovery.bill_mapping import BillMapping

_USUAL: Final[dict[str, Any]] = {"delimiter": ",", "mapping": {}, "defaults": {}}
_MOST_SOURCES: Final = 1000


def source_of_mapping(
    mapped: BillMapping, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the entry of the source that reads bills as they are mapped.

    Two tables of a vendor with other columns are two sources; a source that is there
    already is returned as it is.

    Parameters
    ----------
    mapped : BillMapping
        How the columns are read.
    known : mapping
        Name of each source → its options as they are written.
    """
    base = re.sub(r"[^a-z0-9]+", "-", mapped.vendor.casefold()).strip("-") or "vendor"
    entry: dict[str, Any] = {}
    for number in range(1, _MOST_SOURCES):
        name = base if number == 1 else f"{base}-{number}"
        entry = _entry(name, mapped)
        there = known.get(name)
        if there is None or all(there.get(k) == v for k, v in entry.items()):
            break
    return entry


def _entry(name: str, mapped: BillMapping) -> dict[str, Any]:
    """Return a source without what is usual."""
    entry: dict[str, Any] = {
        "name": name,
        "type": "focus_files",
        "path": f"mapped/{name}",
        "delimiter": mapped.delimiter,
        "mapping": mapped.mapping,
        "defaults": mapped.defaults,
    }
    return {key: value for key, value in entry.items() if value != _USUAL.get(key)}
