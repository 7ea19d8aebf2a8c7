"""Railway's billing periods, and the UTC days that they are cut into.

A period starts on the day of the month on which the plan was taken, at any time of the
day, so its first and last day may be parts of a day. Railway reports the running period
only; earlier periods follow from the invoices, or from going back by months.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open range of time; both ends are in UTC."""

    start: datetime
    end: datetime

    def days(self) -> Iterator[Period]:
        """Yield its UTC days; the first and the last may be partial days."""
        start = self.start
        while start < self.end:
            end = min(_next_midnight(start), self.end)
            yield Period(start, end)
            start = end

    def overlaps(self, start: date | None, end: date | None) -> bool:
        """Return True if it shares time with the half-open range of days."""
        return (end is None or self.start < midnight(end)) and (
            start is None or self.end > midnight(start)
        )

    def includes_the_day(self, moment: datetime) -> bool:
        """Return True if the UTC day of a moment is in it or is its first day."""
        return self.start.date() <= moment.date() < self.end.date()

    def contains(self, moment: datetime) -> bool:
        """Return True if a moment lies inside."""
        return self.start <= moment < self.end

    def is_about(self, other: Period) -> bool:
        """Return True if it starts and ends as another does, within a day."""
        return (
            abs(self.start - other.start) <= _ONE_DAY
            and abs(self.end - other.end) <= _ONE_DAY
        )


def billing_periods(
    current: Period, invoiced: Iterable[Period], *, since: datetime
) -> list[Period]:
    """Return the running period and those before it that start at ``since`` or later.

    Parameters
    ----------
    current : Period
        The running period.
    invoiced : iterable of Period
        Periods of invoices. A period that ends on the day on which a known period
        starts, and began in the month before, gives the start day of the period before;
        without such a period, it is the same day a month earlier.
    since : datetime
        Start of the earliest period.

    Returns
    -------
    list of Period
        Oldest first, without gaps; no two start in the same calendar month.
    """
    first_days = {
        period.end.date(): period.start.date()
        for period in sorted(invoiced, key=lambda p: p.start, reverse=True)
        if _month_number(period.end) - _month_number(period.start) == 1
    }
    found = [current]
    anchor_day = current.start.day
    while True:
        end = found[-1].start
        first_day = first_days.get(end.date())
        if first_day is None:
            start = _a_month_before(end, anchor_day)
        else:
            start = datetime.combine(first_day, end.timetz())
            anchor_day = max(anchor_day, start.day)
        if start < since:
            return found[::-1]
        found.append(Period(start, end))


def weeks(*, since: datetime, until: datetime) -> list[Period]:
    """Return the whole weeks, Monday to Monday, that start within a range of time."""
    monday = since.date() + timedelta(days=-since.weekday() % 7)
    found = []
    while midnight(monday) < until:
        if midnight(monday) >= since:
            found.append(week_of(monday))
        monday += timedelta(days=7)
    return found


def week_of(monday: date) -> Period:
    """Return the week that begins on a Monday."""
    return Period(midnight(monday), midnight(monday + timedelta(days=7)))


def to_moment(text: object, *, where: str) -> datetime:
    """Return the UTC moment of a text; a day without a time is its midnight.

    Raises
    ------
    MalformedDeliveryError
        It is no such text, or has a time of day without a time zone.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    is_day = isinstance(text, str) and len(text) == len("2026-08-13")
    if moment is None or (moment.tzinfo is None and not is_day):
        raise MalformedDeliveryError(
            f"{text!r} is no time with a time zone.",
            where=where,
            next_step="Railway's API may have changed; nothing of this was loaded.",
        )
    return moment.replace(tzinfo=UTC) if is_day else moment.astimezone(UTC)


def _a_month_before(moment: datetime, anchor_day: int) -> datetime:
    year, month = moment.year, moment.month - 1
    if month == 0:
        year, month = year - 1, 12
    day = min(anchor_day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)


def _month_number(moment: datetime) -> int:
    return moment.year * 12 + moment.month


def _next_midnight(moment: datetime) -> datetime:
    return midnight(moment.date() + _ONE_DAY)


def midnight(day: date) -> datetime:
    """Return the moment at which a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
