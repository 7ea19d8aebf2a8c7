"""Ordinary deviations of a day: unusual costs that recur.

A batch at the end of a month, a fee on its first, a job that runs now and then: none is
known to a level with a weekly season, and none is an anomaly. So similar deviations are
looked up in the days before: at the same place of the month, or several times.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.arrays import Floats

#: A surplus is monthly up to this multiple of the last month's, so many days around.
_MONTHLY_RATIO, _MONTHLY_SLIP_DAYS = 1.5, 1
#: It comes anyway if so many were at least this part of it, within so many days.
_LEAST_TIMES, _FREQUENT_PART, _FREQUENT_DAYS = 3, 0.5, 180


def is_frequent(
    beyond: Floats, expected: Floats, last: int, days: int, least_ratio: float
) -> bool:
    """Return True if days in a row deviated as far several times before.

    Parameters
    ----------
    beyond, expected : ndarray, shape (days,)
        Money beyond expectation, and the expectation, by day.
    last : int
        The last of the days in question.
    days : int
        Number of days.
    least_ratio : float
        Part of the expectation beyond which so many days stand out at all.
    """
    end = last - days + 1
    before = slice(max(end - _FREQUENT_DAYS, 0), end)
    if before.stop - before.start < days:
        return False
    least = least_ratio * _sums(np.nan_to_num(expected[before]), days)
    least = np.maximum(least, _FREQUENT_PART * float(beyond[end : last + 1].sum()))
    as_far = np.flatnonzero(_sums(beyond[before], days) >= least)
    # Days in a row that overlap count as a single time.
    times = 1 + int(np.sum(np.diff(as_far) > days)) if len(as_far) else 0
    return times >= _LEAST_TIMES


def _sums(values: Floats, days: int) -> Floats:
    """Return the sum of every so many days in a row."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(summed[days:] - summed[:-days])


def is_monthly(beyond: Floats, number: int, first_day: date) -> bool:
    """Return True if a day deviates as its like of the last month did.

    Its like is as far from the start of the month or from its end, and may have slipped
    by a day; a day before it that went on standing out was not of the month.
    """
    day = first_day + timedelta(days=number)
    return any(
        beyond[number] <= _MONTHLY_RATIO * _stood_out(beyond, like + slip)
        for like in _month_before(number, day)
        for slip in range(-_MONTHLY_SLIP_DAYS, _MONTHLY_SLIP_DAYS + 1)
        if 0 <= like + slip < number
    )


def _month_before(number: int, day: date) -> Iterator[int]:
    """Yield the days of the month before that are as far from its start and its end."""
    start = number - day.day + 1
    last = day.replace(day=1) - timedelta(days=1)
    yield start - last.day + min(day.day, last.day) - 1
    next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    yield start - (next_month - day).days


def _stood_out(beyond: Floats, number: int) -> float:
    """Return a past day's cost beyond the usual and beyond nearby days."""
    near = beyond[max(number - 4, 0) : number + 5]
    return float(beyond[number] - np.median(near))
