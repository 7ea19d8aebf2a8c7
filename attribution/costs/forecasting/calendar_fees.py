"""Monthly fees on fixed days: plans, seats, support, month-end batches.

No method with a weekly season knows of it: the day is an outlier once a month, and the
next is forecast like any other. So it is taken off before a series is forecast, and put
back on its days ahead. A day of the month is counted from its start, or its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.backtest import level_before
from attribution.costs.forecasting.growth import WEEK_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from attribution.arrays import Floats

    #: Day of the month: 1 to 28 from its start, -1 to -3 from its end.
    Slot = int

#: The same weekday of so many weeks before and after shows the cost of the day without
#: the fee.
_WEEKS_AROUND = 3
#: So many times the deviation of days, and this part of a typical day, is no chance.
_DEVIATIONS, _PART_OF_A_DAY = 5.0, 0.1
#: A fee came at least so often, and the last fees are alike to this factor.
_TIMES_SEEN, _ALIKE = 2, 2.0
#: Days that deviations are taken from.
_RECENT_DAYS = 91
_LAST_FROM_START, _FIRST_FROM_END = 28, -3
#: A fee that chance would make of ordinary days as often as this is none.
_CHANCE = 0.02
#: Amounts that the next amount is expected from.
_NEWEST = 6
#: Standard deviation of a median, of that of a mean.
_OF_A_MEDIAN = 1.25


@dataclass(frozen=True, eq=False, slots=True)
class CalendarFees:
    """A series without its fees, and the fees.

    Attributes
    ----------
    rest : ndarray, shape (days,)
        Money per day without them; the series itself where there are none.
    amounts : mapping of int to float
        Expected fee on a day of the month; negative days count from its end.
    spread, error : float
        Standard deviation of a fee around the middle of all, and of that middle.
    last_day : date
        Of the series.
    """

    rest: Floats
    amounts: dict[Slot, float]
    spread: float
    error: float
    last_day: date

    def ahead(self, horizon: int) -> Floats:
        """Return the fees of each day ahead."""
        found = np.zeros(horizon)
        slots = _slots(self.last_day + timedelta(days=1), horizon)
        for slot, amount in self.amounts.items():
            found[slots == slot] = amount
        return found


def without_calendar_fees(values: Floats, last_day: date) -> CalendarFees:
    """Remove the newest excess of a day of the month over its weekday.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day, up to ``last_day``.
    last_day : date
        Day of the last value.
    """
    beyond = values - _usual(values)
    least = _least(values, beyond)
    first_day = last_day - timedelta(days=len(values) - 1)
    slots = _slots(first_day, len(values))
    found = {
        slot: seen
        for slot in np.unique(slots).tolist()
        if len(
            seen := _newest_alike(beyond, np.flatnonzero(slots == slot)[::-1], least)
        )
        >= _TIMES_SEEN
    }
    found = dict(_beyond_chance(found, beyond))
    if not found:
        return CalendarFees(values, {}, 0.0, 0.0, last_day)
    rest = values.copy()
    amounts: dict[Slot, float] = {}
    missed: list[float] = []
    for slot, seen in found.items():
        rest[seen] = (values - beyond)[seen]
        amounts[slot] = float(np.median(beyond[seen[:_NEWEST]]))
        missed += list(beyond[seen] - np.median(beyond[seen]))
    spread = float(np.sqrt(np.mean(np.square(missed))))
    seldom = min(*(len(seen) for seen in found.values()), _NEWEST)
    error = spread * _OF_A_MEDIAN / float(np.sqrt(seldom))
    return CalendarFees(rest, amounts, spread, error, last_day)


def _slots(first: date, count: int) -> NDArray[np.int64]:
    """Return days of the month of days in a row; its last three count from its end."""
    days = np.datetime64(first) + np.arange(count)
    month = days.astype("datetime64[M]")
    from_start = (days - month).astype(np.int64) + 1
    from_end = (days - (month + 1).astype("datetime64[D]")).astype(np.int64)
    return np.asarray(np.where(from_end >= _FIRST_FROM_END, from_end, from_start))


def _usual(values: Floats) -> Floats:
    """Return the median of the same weekday around each day, without the day.

    Beyond an end of the series, weeks of the other side stand in.
    """
    days = np.arange(len(values))
    weeks = WEEK_DAYS * np.array(
        [week for week in range(-_WEEKS_AROUND, _WEEKS_AROUND + 1) if week]
    )
    at = days + weeks[:, None]
    at = np.where((at < 0) | (at >= len(values)), days - weeks[:, None], at)
    at = np.where((at < 0) | (at >= len(values)), days, at)
    return np.asarray(np.median(values[at], axis=0))


def _least(values: Floats, beyond: Floats) -> float:
    """Return the least amount beyond chance on a day: a part, and noise."""
    noise = float(np.median(np.abs(beyond[-_RECENT_DAYS:])))
    return max(_DEVIATIONS * noise, _PART_OF_A_DAY * level_before(values, len(values)))


def _newest_alike(beyond: Floats, days: NDArray[np.int64], least: float) -> list[int]:
    """Return the days that have the fee: from the newest to the first gap."""
    alike: list[int] = []
    for day in days.tolist():
        amount = beyond[day]
        like = not alike or amount <= _ALIKE * beyond[alike[0]] <= _ALIKE**2 * amount
        if amount < least or not like:
            break
        alike.append(day)
    return alike


def _beyond_chance(
    found: dict[Slot, list[int]], beyond: Floats
) -> Iterator[tuple[Slot, list[int]]]:
    """Yield the fees that ordinary days would not make by chance.

    Of all other days so many stand out as far; to do so as often in a row on any of all
    days of a month must be rare.
    """
    ordinary = np.ones(len(beyond), dtype=np.bool_)
    for seen in found.values():
        ordinary[seen] = False
    tried = _LAST_FROM_START - _FIRST_FROM_END
    for slot, seen in found.items():
        as_far = beyond[ordinary] >= beyond[seen].min() / _ALIKE
        chance = float(np.mean(as_far)) if ordinary.any() else 0.0
        if tried * chance ** len(seen) <= _CHANCE:
            yield slot, seen
