"""What a week of days is expected to cost, from the days before it.

A level, a trend and a profile of weekdays, each robust: means without the least and the
greatest, and a Theil–Sen slope (Sen 1968), so that a few wild days of the past change
next to nothing. Their spread is Qn (Rousseeuw and Croux 1993): as robust as a median
absolute deviation, and twice as efficient. It is the number of statsmodels, bit by bit,
but for twelve weeks of days every difference is looked at sooner than few are chosen,
and statsmodels takes longer to load than a day's weeks to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Flags, Floats

    Days = NDArray[np.int64]

WEEK_DAYS = 7
#: Weeks that trend, profile of weekdays and spread come from: a slope of few weeks is
#: noise that is carried forward. The profile outlives a change of level.
MEMORY_WEEKS = 12
#: Weeks that the level comes from.
LEVEL_WEEKS = 6
#: Fewer usable days than this are not enough to expect anything.
MINIMUM_DAYS = 14
_TREND_WEEKS = 4
#: A weekday that was seen less often is taken to be like all others.
_LEAST_OF_A_WEEKDAY = 2
#: A level, a slope and a factor per weekday: what was fitted lies nearer to the days.
_PARAMETERS = 9
#: A trend beyond this part of the level per week is not carried forward.
_STEEPEST = 0.03
#: No cost is steadier than this part of itself: bills are rounded and restated.
_LEAST_SPREAD = 0.01
#: No weekday is expected at a smaller part of its week.
_LEAST_OF_A_WEEK = 1e-3
#: So few have no least and no greatest that could be left out.
_ALL_OF = 2
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

    days: Floats
    spread: float


def expect(
    values: Floats, is_usual: Flags, first: int, days: Days
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
    past, teaches, number = _past_weeks(values, is_usual, start)
    is_of_level = teaches & (number >= first)
    if is_of_level[-LEVEL_WEEKS:].sum() < MINIMUM_DAYS:
        return None
    profile = _profile(past, teaches)
    # A weekday without cost says nothing of the level.
    has_cost = profile > _LEAST_OF_A_WEEK
    if has_cost.any():
        is_of_level = is_of_level & has_cost
    level, slope = _level_and_slope(_middles(past / profile, is_of_level, axis=1))
    ahead = (days - start) // WEEK_DAYS
    place = (days - start) % WEEK_DAYS
    expected = np.maximum((level + slope * ahead) * profile[place], 0.0)
    weeks = np.arange(-MEMORY_WEEKS, 0)[:, None]
    fitted = (level + slope * weeks) * profile
    return Expectation(expected, _spread(past[is_of_level], fitted[is_of_level]))


def _past_weeks(
    values: Floats, is_usual: Flags, start: int
) -> tuple[Floats, Flags, Days]:
    """Return the days before a week by week, which of them teach, and their numbers."""
    count = MEMORY_WEEKS * WEEK_DAYS
    shape = MEMORY_WEEKS, WEEK_DAYS
    number = np.arange(start - count, start).reshape(shape)
    if start >= count:
        days = slice(start - count, start)
        return values[days].reshape(shape), is_usual[days].reshape(shape), number
    past, teaches = np.zeros(count), np.zeros(count, dtype=np.bool_)
    if start:
        past[-start:], teaches[-start:] = values[:start], is_usual[:start]
    return past.reshape(shape), teaches.reshape(shape), number


def _profile(past: Floats, teaches: Flags) -> Floats:
    """Return each weekday relative to its week; 1 where too little is known."""
    level = _middles(past, teaches, axis=1)[:, None]
    with np.errstate(invalid="ignore"):
        has_level = level > 0.0
    relative = np.divide(past, level, out=np.ones_like(past), where=has_level)
    found = np.maximum(_middles(relative, teaches, axis=0), _LEAST_OF_A_WEEK)
    is_known = teaches.sum(axis=0) >= _LEAST_OF_A_WEEKDAY
    return np.asarray(np.where(is_known, found, 1.0))


def _level_and_slope(levels: Floats) -> tuple[float, float]:
    """Return level and slope per week, the level being that of the week to come."""
    is_known = np.isfinite(levels)
    slope = 0.0
    if is_known.sum() >= _TREND_WEEKS:
        one, other = _pairs(len(levels))
        slopes = (levels[other] - levels[one]) / (other - one)
        steepest = _STEEPEST * abs(_median(levels[is_known]))
        middle = _median(slopes[np.isfinite(slopes)])
        slope = min(max(middle, -steepest), steepest)
    weeks = np.arange(-len(levels), 0)
    recent = slice(-LEVEL_WEEKS, None)
    carried = (levels - slope * weeks)[recent]
    return float(_middles(carried, is_known[recent], axis=0)), slope


def _middles(values: Floats, is_known: Flags, axis: int) -> Floats:
    """Return means without the least and the greatest, of three or more; NaN of none.

    One wild value changes little, and what is left is nearly as certain as a mean.
    """
    if values.shape[axis] > _ALL_OF and is_known.all():
        ends = values.min(axis=axis) + values.max(axis=axis)
        return np.asarray((values.sum(axis=axis) - ends) / (values.shape[axis] - 2))
    count = is_known.sum(axis=axis)
    total = np.where(is_known, values, 0.0).sum(axis=axis)
    least = np.where(is_known, values, np.inf).min(axis=axis)
    greatest = np.where(is_known, values, -np.inf).max(axis=axis)
    is_trimmed = count > _ALL_OF
    with np.errstate(invalid="ignore"):
        total = np.where(is_trimmed, total - (least + greatest), total)
    left = np.where(is_trimmed, count - 2, count)
    nothing = np.full(np.shape(total), np.nan)
    return np.asarray(np.divide(total, left, out=nothing, where=left > 0))


def _median(values: Floats) -> float:
    """Return the median; of few numbers, sorting them is soonest."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2.0


def _spread(values: Floats, fitted: Floats) -> float:
    is_there = fitted > 0
    if not np.any(is_there):
        return _LEAST_SPREAD
    residuals = values[is_there] / fitted[is_there] - 1.0
    count = len(residuals)
    fitted_too_well = np.sqrt(count / max(count - _PARAMETERS, 1))
    return max(float(_qn(residuals) * fitted_too_well), _LEAST_SPREAD)


def _qn(values: Floats) -> float:
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
