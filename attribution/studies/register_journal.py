"""Journal of study register entries, so that a change shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Journal(Protocol):
    """Keeps entries where a change shows."""

    def entries(self) -> Sequence[Mapping[str, Any]]:
        """Return the entries that it has, oldest first."""

    def add(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Add entries: all or none."""


def first_difference(
    own: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]
) -> int | None:
    """Return the first line of a register that its journal has not; None if none.

    Entries of the journal beyond the last line are no difference.
    """
    for number, entry in enumerate(own, start=1):
        if number > len(kept) or dict(kept[number - 1]) != dict(entry):
            return number
    return None
