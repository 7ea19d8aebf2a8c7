"""Days and months as sources ask for them, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def today() -> date:
    """Return the day that it is in UTC."""
    return datetime.now(UTC).date()


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def month_start(day: date, months_before: int = 0) -> date:
    """Return the first day of a month, as many months before that of a day."""
    months = day.year * 12 + day.month - 1 - months_before
    return date(months // 12, months % 12 + 1, 1)


def first_days(start: date, end: date) -> Iterator[date]:
    """Yield the first day of each month between two days, both included."""
    first = month_start(start)
    while first <= end:
        yield first
        first = month_start(first, -1)
