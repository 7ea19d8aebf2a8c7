"""What a week of days is expected to cost, from the days before it.

A level, a trend and a profile of weekdays, each robust: a median, a Theil–Sen slope
(Sen 1968) and medians of days relative to their week, so that a few wild days of the
past change nothing. Their spread is Qn (Rousseeuw and Croux 1993): as robust as a
median absolute deviation, and twice as efficient. It is the number of statsmodels, bit
by bit, but for six weeks of days every difference is looked at sooner than few are
chosen, and statsmodels takes longer to load than a day's weeks to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Series = NDArray[np.float64]
    Days = NDArray[np.int64]

WEEK_DAYS = 7
#: Weeks of the past that level, trend and spread come from.
MEMORY_WEEKS = 6
#: Weeks that the profile of weekdays comes from; it outlives a change of level.
PROFILE_WEEKS = 8
#: Fewer usable days than this are not enough to expect anything.
MINIMUM_DAYS = 14
_TREND_WEEKS = 4
#: A weekday that was seen less often is taken to be like all others.
_LEAST_OF_A_WEEKDAY = 3
#: A level, a slope and a factor per weekday: what was fitted lies nearer to the days.
_PARAMETERS = 9
#: A trend beyond this part of the level per week is not carried forward.
_STEEPEST = 0.03
#: No cost is steadier than this part of itself: bills are rounded and restated.
_LEAST_SPREAD = 0.01
#: Makes Qn of normal numbers their standard deviation: 1 ÷ (√2 · Φ⁻¹(5/8)).
_QN_OF_NORMAL = 2.219144465985076


@dataclass(frozen=True, slots=True)
class Expectation:
    """Expected days, and how far from them days usually are.

    Attributes
    ----------
    days : ndarray, shape (days,)
        Money per day.
    spread : float
        Standard deviation of a day's relative residual, estimated robustly.
    """

    days: Series
    spread: float


def expect(
    values: Series, is_usual: NDArray[np.bool_], first: int, days: Days
) -> Expectation | None:
    """Expect some days from the usual ones before them.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day; only those before ``days[0]`` are looked at.
    is_usual : ndarray of bool, shape (days,)
        Whether a day may teach.
    first : int
        The level has been what it is since this day.
    days : ndarray of int
        Numbers of the days to expect, ascending.

    Returns
    -------
    Expectation or None
        ``None`` where too few days are known.
    """
    start = int(days[0])
    known = _usual_days(is_usual, max(first, start - MEMORY_WEEKS * WEEK_DAYS), start)
    if len(known) < MINIMUM_DAYS:
        return None
    profile = _profile(values, is_usual, start)
    smooth = values[known] / profile[known % WEEK_DAYS]
    weeks = (known - start) // WEEK_DAYS
    level, slope = _level_and_slope(smooth, weeks)
    fitted = (level + slope * weeks) * profile[known % WEEK_DAYS]
    ahead = (days - start) // WEEK_DAYS
    expected = np.maximum((level + slope * ahead) * profile[days % WEEK_DAYS], 0.0)
    return Expectation(expected, _spread(values[known], fitted))


def _usual_days(is_usual: NDArray[np.bool_], start: int, end: int) -> Days:
    return np.flatnonzero(is_usual[start:end]) + start


def _profile(values: Series, is_usual: NDArray[np.bool_], start: int) -> Series:
    """Return each weekday relative to its week; 1 where too little is known."""
    known = _usual_days(is_usual, max(0, start - PROFILE_WEEKS * WEEK_DAYS), start)
    weeks = known // WEEK_DAYS
    found = np.ones(WEEK_DAYS)
    levels = {
        week: median(values[known[weeks == week]].tolist()) for week in set(weeks)
    }
    of_week = np.array([levels[week] for week in weeks])
    relative = np.divide(values[known], of_week, np.ones(len(known)), where=of_week > 0)
    for weekday in range(WEEK_DAYS):
        of_day = relative[known % WEEK_DAYS == weekday]
        if len(of_day) >= _LEAST_OF_A_WEEKDAY:
            found[weekday] = max(median(of_day.tolist()), 1e-3)
    return found


def _level_and_slope(smooth: Series, weeks: Days) -> tuple[float, float]:
    """Return level and slope per week, the level being that of week 0."""
    numbers = sorted(set(weeks.tolist()))
    levels = [median(smooth[weeks == week].tolist()) for week in numbers]
    slope = 0.0
    if len(numbers) >= _TREND_WEEKS:
        pairs = combinations(range(len(numbers)), 2)
        slopes = [(levels[b] - levels[a]) / (numbers[b] - numbers[a]) for a, b in pairs]
        steepest = _STEEPEST * abs(median(levels))
        slope = float(np.clip(median(slopes), -steepest, steepest))
    level = median(
        one - slope * week for one, week in zip(levels, numbers, strict=True)
    )
    return level, slope


def _spread(values: Series, fitted: Series) -> float:
    is_there = fitted > 0
    if not np.any(is_there):
        return _LEAST_SPREAD
    residuals = values[is_there] / fitted[is_there] - 1.0
    count = len(residuals)
    fitted_too_well = np.sqrt(count / max(count - _PARAMETERS, 1))
    return max(float(_qn(residuals) * fitted_too_well), _LEAST_SPREAD)


def _qn(values: Series) -> float:
    """Return the spread: a low quantile of the differences between all pairs."""
    half = len(values) // 2 + 1
    rank = half * (half - 1) // 2
    if rank == 0:
        return 0.0
    one, other = _pairs(len(values))
    differences = np.abs(values[one] - values[other])
    return _QN_OF_NORMAL * float(np.partition(differences, rank - 1)[rank - 1])


@cache
def _pairs(count: int) -> tuple[Days, Days]:
    return np.triu_indices(count, 1)


__all__ = ["MINIMUM_DAYS", "WEEK_DAYS", "Expectation", "expect"]
