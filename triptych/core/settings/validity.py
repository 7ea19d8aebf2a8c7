"""Half-open validity of entries in the catalogue and the rules."""

from __future__ import annotations

import re
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Dated(Protocol):
    """Entry that holds from ``valid_from`` to the day before ``valid_to``."""

    @property
    def valid_from(self) -> date | None:
        """First day; ``None`` is since ever."""

    @property
    def valid_to(self) -> date | None:
        """First day on which it holds no more; ``None`` is for ever."""


def to_date(given: object) -> object:
    """Read ``YYYY-MM-DD`` and nothing looser: not a number, not a time."""
    if given is None or isinstance(given, date):
        return given
    if isinstance(given, str) and _ISO_DATE.fullmatch(given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass
    raise ValueError(f"{given!r} is not a date; write it as 2026-01-31")


def ends_before_it_starts(entry: Dated) -> bool:
    """Return True if no day lies in the validity of ``entry``."""
    if entry.valid_from is None or entry.valid_to is None:
        return False
    return entry.valid_to <= entry.valid_from


def overlap(first: Dated, second: Dated) -> bool:
    """Return True if a day exists on which both hold.

    Examples
    --------
    >>> from types import SimpleNamespace as Entry
    >>> spring = Entry(valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1))
    >>> autumn = Entry(valid_from=date(2026, 7, 1), valid_to=None)
    >>> overlap(spring, autumn)
    False
    """
    starts = max(first.valid_from or date.min, second.valid_from or date.min)
    ends = (first.valid_to, second.valid_to)
    return all(end is None or starts < end for end in ends)


def overlapping_pairs(
    entries: Sequence[Dated], names: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Yield positions of entries of the same name that hold on the same day."""
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    for same in positions.values():
        for first, second in combinations(same, 2):
            if overlap(entries[first], entries[second]):
                yield first, second


Day = Annotated[date, BeforeValidator(to_date)]
