"""Puts the pages of a model API's daily report together, and lays results out as rows.

Vendors answer in buckets of a day, page after page. A page may come twice, or out of
order; each result counts once, and the rows come in the same order regardless of the
order of pages. Two pages that answer differently for the same day and group were read
while it changed: that is reported, and neither is taken.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from triptych.core.errors import (
    IncompleteDeliveryError,
    MalformedDeliveryError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Wide enough that moving the point of an amount rounds nothing.
_WIDE = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of time, in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a report, with the day that it belongs to."""

    day: Span
    fields: dict[str, Any]
    where: str

    def text(self, name: str) -> str | None:
        """Return a field as text; ``None`` where there is none."""
        return as_text(self.fields.get(name))

    def part(self, name: str) -> Result:
        """Return an object inside; an empty object where there is none."""
        inner = self.fields.get(name)
        if inner is not None and not isinstance(inner, dict):
            raise malformed(f"{name!r} is no object", self.where)
        return Result(self.day, inner or {}, self.where)

    def count(self, name: str) -> int | None:
        """Return a field that counts; ``None`` where there is none.

        Raises
        ------
        MalformedDeliveryError
            It is not a whole number.
        """
        value = self.fields.get(name)
        if value is None:
            return None
        is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        if not is_number or value != int(value):
            raise malformed(f"{name!r} is not a whole number", self.where)
        return int(value)


class Report:
    """Results of a single query, gathered from its pages.

    Parameters
    ----------
    asked : Span
        Requested span; buckets that start outside belong to other queries.
    dimensions : sequence of str
        Fields that the results are grouped by.
    where : str
        Name in messages.
    """

    def __init__(self, asked: Span, *, dimensions: Sequence[str], where: str) -> None:
        self._asked = asked
        self._dimensions = tuple(dimensions)
        self._where = where
        self._answered: set[datetime] = set()
        self._found: dict[tuple[Span, tuple[str, ...]], list[dict[str, Any]]] = {}

    def add(self, day: Span, results: Iterable[Any]) -> None:
        """Add the results of a bucket of a page.

        Raises
        ------
        TransientSourceError
            Another page answered differently for the same day and group.
        MalformedDeliveryError
            A result is no object.
        """
        if not self._asked.start <= day.start < self._asked.end:
            return
        self._answered.add(day.start)
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for fields in results:
            if not isinstance(fields, dict):
                raise malformed("a result is no object", self._where)
            groups[self._group_of(fields)].append(fields)
        for group, members in groups.items():
            if self._found.setdefault((day, group), members) != members:
                raise TransientSourceError(
                    f"Two pages answer differently for {day.start:%Y-%m-%d}: it"
                    " changed while it was read.",
                    where=self._where,
                    next_step="Run again; nothing of this answer was loaded.",
                )

    def refuse_gaps(self, end: datetime) -> None:
        """Refuse an answer that leaves out a day after its first.

        For vendors that report every day, including empty days. A day before the first
        was perhaps before the organisation.

        Parameters
        ----------
        end : datetime
            Days from here on may be missing still.

        Raises
        ------
        IncompleteDeliveryError
            A day was asked for and is not answered.
        """
        day = min(self._answered, default=end)
        while day < min(end, self._asked.end):
            if day not in self._answered:
                raise IncompleteDeliveryError(
                    f"The answer leaves out {day:%Y-%m-%d}.",
                    where=self._where,
                    next_step="Run again; nothing of this answer was loaded.",
                )
            day += timedelta(days=1)

    def results(self) -> Iterator[Result]:
        """Yield every result once, by day and group."""
        for day, group in sorted(self._found, key=_in_order):
            for fields in self._found[day, group]:
                yield Result(day, fields, self._where)

    def _group_of(self, fields: dict[str, Any]) -> tuple[str, ...]:
        # JSON distinguishes null from the text "null", and sorts.
        return tuple(
            json.dumps(fields.get(name), default=str) for name in self._dimensions
        )


def _in_order(key: tuple[Span, tuple[str, ...]]) -> tuple[datetime, tuple[str, ...]]:
    return key[0].start, key[1]


def as_text(value: object) -> str | None:
    """Return a value as the text that is delivered."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str, sort_keys=True)
    return str(value)


def shifted(amount: str | None, *, decimals: int) -> str | None:
    """Convert an amount in lowest units into whole units, digit for digit.

    Text other than a number stays as it is, for the runner to set its row aside.

    Examples
    --------
    >>> shifted("123.78912", decimals=2), shifted("n/a", decimals=2)
    ('1.2378912', 'n/a')
    """
    if amount is None:
        return None
    try:
        number = Decimal(amount)
    except InvalidOperation:
        return amount
    return str(number.scaleb(-decimals, _WIDE)) if number.is_finite() else amount


def malformed(what: str, where: str) -> MalformedDeliveryError:
    """Return the error for an answer of another form than documented."""
    return MalformedDeliveryError(
        f"Unexpected response format: {what}.",
        where=where,
        next_step="Nothing of it was loaded; what was loaded before stays current."
        " If it stays so, the API has changed.",
    )
