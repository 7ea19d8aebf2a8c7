"""What comes on the first of each month: a plan, seats, support that is billed at once.

No method with a weekly season knows of it: the day is an outlier once a month, and the
next one is forecast like any other. So it is taken off before a series is forecast, and
put back on the first days ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.forecasting.backtest import level_before
from attribution.forecasting.candidates import WEEK_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Series = NDArray[np.float64]

#: The same weekday of so many weeks before and after says what the day cost else.
_WEEKS_AROUND = 2
#: So many times what days deviate, and this part of a typical day, is no chance.
_DEVIATIONS, _PART_OF_A_DAY = 5.0, 0.1
#: A fee came at least so often, and the last ones are alike to this factor.
_TIMES_SEEN, _ALIKE = 2, 2.0
#: Days that deviations are taken from.
_RECENT_DAYS = 91


@dataclass(frozen=True, slots=True)
class MonthlyFee:
    """A series without its fee, and the fee.

    Attributes
    ----------
    rest : ndarray, shape (days,)
        Money per day without it; the series itself where there is none.
    amount : float
        What is expected on the first of a month; 0 where nothing is.
    last_day : date
        Of the series.
    """

    rest: Series
    amount: float
    last_day: date

    def ahead(self, horizon: int) -> Series:
        """Return the fee on each day ahead: on firsts of months, and else nothing."""
        days = (self.last_day + timedelta(days=n) for n in range(1, horizon + 1))
        return np.array([self.amount if day.day == 1 else 0.0 for day in days])


def without_monthly_fee(values: Series, last_day: date) -> MonthlyFee:
    """Take off what the newest firsts of months have beyond a day of their weekday.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day, up to ``last_day``.
    last_day : date
        Day of the last value.
    """
    firsts = _firsts(len(values), last_day)
    usual = {day: _usual(values, day, firsts) for day in firsts}
    beyond = {day: values[day] - usual[day] for day in firsts}
    seen = _newest_alike(beyond, _least(values, firsts))
    if len(seen) < _TIMES_SEEN:
        return MonthlyFee(values, 0.0, last_day)
    rest = values.copy()
    rest[seen] = [usual[day] for day in seen]
    return MonthlyFee(
        rest, float(np.median([beyond[day] for day in seen[:3]])), last_day
    )


def _firsts(count: int, last_day: date) -> list[int]:
    """Return the firsts of months by their position, the newest first."""
    days = (last_day - timedelta(days=count - 1 - n) for n in range(count))
    return [n for n, day in enumerate(days) if day.day == 1][::-1]


def _usual(values: Series, day: int, others: Sequence[int]) -> float:
    """Return the median of the same weekday around a day."""
    around = [
        values[each]
        for weeks in range(-_WEEKS_AROUND, _WEEKS_AROUND + 1)
        if 0 <= (each := day + weeks * WEEK_DAYS) < len(values) and each not in others
    ]
    return float(np.median(around)) if around else float(values[day])


def _least(values: Series, firsts: Sequence[int]) -> float:
    """Return what is more than chance on a first: a part of a day, and its noise."""
    start = max(0, len(values) - _RECENT_DAYS)
    deviations = [
        abs(values[day] - _usual(values, day, (*firsts, day)))
        for day in range(start, len(values))
        if day not in firsts
    ]
    noise = float(np.median(deviations)) if deviations else 0.0
    return max(_DEVIATIONS * noise, _PART_OF_A_DAY * level_before(values, len(values)))


def _newest_alike(beyond: dict[int, float], least: float) -> list[int]:
    """Return the firsts that have the fee: from the newest on, until one has not."""
    found: list[int] = []
    for day, amount in beyond.items():
        like = not found or amount <= _ALIKE * beyond[found[0]] <= _ALIKE**2 * amount
        if amount < least or not like:
            break
        found.append(day)
    return found


__all__ = ["MonthlyFee", "without_monthly_fee"]
