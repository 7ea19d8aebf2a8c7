"""Expected cost of a week of days, from the days before it.

A level, a trend and a profile of weekdays, each robust: means without the least and the
greatest, and a Theil–Sen slope (Sen 1968), so that a few wild days of the past change
next to nothing. Their spread is Qn (Rousseeuw and Croux 1993): as robust as a median
absolute deviation, and twice as efficient. It is the number of statsmodels, bit by bit,
but for twelve weeks of days half of the differences are looked at sooner than few are
chosen, and statsmodels takes longer to load than a day's weeks to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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
#: A level, a slope and a factor per weekday: the fit lies nearer to the days.
_PARAMETERS = 9
#: A trend beyond this part of the level per week is not carried forward.
_STEEPEST = 0.03
#: No cost is steadier than this part of itself: bills are rounded and restated.
_LEAST_SPREAD = 0.01
#: No weekday is expected at a smaller part of its week.
_LEAST_OF_A_WEEK = 1e-3
#: So few have no least and no greatest that could be left out.
_ALL_OF = 2
#: Numbers of the days of that memory, by week.
_ORDER = np.arange(MEMORY_WEEKS * WEEK_DAYS).reshape(MEMORY_WEEKS, WEEK_DAYS)
#: Makes Qn of normal numbers their standard deviation: 1 ÷ (√2 · Φ⁻¹(5/8)).
_QN_OF_NORMAL = 2.219144465985076


@dataclass(frozen=True, slots=True)
class Expectation:
    """Expected days, and how far from them days usually are.

    Attributes
    ----------
    days : ndarray, shape (7,)
        Money per day, from the first day of the week on.
    spread : float
        Standard deviation of a day's relative residual, estimated robustly.
    """

    days: Floats
    spread: float


class Past(NamedTuple):
    """History of a series before a week.

    Attributes
    ----------
    values : ndarray, shape (days,)
        Money per day; only those before the week are looked at.
    is_usual : ndarray of bool, shape (days,)
        True if a day may teach.
    level_since : int
        First day of the current level.
    start : int
        Number of the first day of the week.
    """

    values: Floats
    is_usual: Flags
    level_since: int
    start: int


def expect(pasts: Sequence[Past]) -> list[Expectation | None]:
    """Expect a week of each of some series from the usual days before it.

    All at once: a single series takes about as long as ten. The others do not affect
    the expectation of a series, to the last bit.

    Parameters
    ----------
    pasts : sequence of Past
        An entry per series.

    Returns
    -------
    list of Expectation or None
        ``None`` where too few days are known.
    """
    weeks = [_past_weeks(before) for before in pasts]
    past = np.stack([days for days, _ in weeks])
    teaches = np.stack([is_usual for _, is_usual in weeks])
    since = [MEMORY_WEEKS * WEEK_DAYS + of.level_since - of.start for of in pasts]
    is_of_level = teaches & (np.asarray(since)[:, None, None] <= _ORDER)
    known_days = is_of_level[:, -LEVEL_WEEKS:].sum(axis=(1, 2))
    found: list[Expectation | None] = [None] * len(pasts)
    places = np.flatnonzero(known_days >= MINIMUM_DAYS)
    if len(places):
        known = past[places], teaches[places], is_of_level[places]
        days, spreads = _expected(*known)
        for place, of_days, spread in zip(places, days, spreads.tolist(), strict=True):
            found[place] = Expectation(of_days, spread)
    return found


def _expected(
    past: Floats, teaches: Flags, is_of_level: Flags
) -> tuple[Floats, Floats]:
    """Return the days of a week, and their spread, of series of shape (weeks, 7)."""
    profile = _profile(past, teaches)
    # A weekday without cost carries no information on the level.
    has_cost = profile > _LEAST_OF_A_WEEK
    has_cost |= ~has_cost.any(axis=-1, keepdims=True)
    is_of_level = is_of_level & has_cost[:, None, :]
    by_week = _middles(past / profile[:, None, :], is_of_level, axis=-1)
    level, slope = _level_and_slope(by_week)
    weeks = np.arange(-MEMORY_WEEKS, 0)[:, None]
    trend = level[:, None, None] + slope[:, None, None] * weeks
    fitted = trend * profile[:, None, :]
    days = np.maximum(level[:, None] * profile, 0.0)
    return days, _spread(past, fitted, is_of_level)


def _past_weeks(of: Past) -> tuple[Floats, Flags]:
    """Return the days before a week by week, and which of them teach."""
    shape, (values, is_usual, _, start) = _ORDER.shape, of
    count = _ORDER.size
    if start >= count:
        days = slice(start - count, start)
        return values[days].reshape(shape), is_usual[days].reshape(shape)
    past, teaches = np.zeros(count), np.zeros(count, dtype=np.bool_)
    if start:
        past[-start:], teaches[-start:] = values[:start], is_usual[:start]
    return past.reshape(shape), teaches.reshape(shape)


def _profile(past: Floats, teaches: Flags) -> Floats:
    """Return each weekday relative to its week; 1 where too little is known."""
    level = _middles(past, teaches, axis=-1)[..., None]
    with np.errstate(invalid="ignore"):
        has_level = level > 0.0
    relative = np.divide(past, level, out=np.ones_like(past), where=has_level)
    found = np.maximum(_middles(relative, teaches, axis=-2), _LEAST_OF_A_WEEK)
    is_known = teaches.sum(axis=-2) >= _LEAST_OF_A_WEEKDAY
    return np.asarray(np.where(is_known, found, 1.0))


def _level_and_slope(levels: Floats) -> tuple[Floats, Floats]:
    """Return level and slope per week, the level being that of the week to come."""
    is_known = np.isfinite(levels)
    first, last = _pairs(levels.shape[-1])
    slopes = (levels[:, last] - levels[:, first]) / (last - first)
    steepest = _STEEPEST * np.abs(_median(levels))
    slope = np.minimum(np.maximum(_median(slopes), -steepest), steepest)
    slope = np.where(is_known.sum(axis=-1) >= _TREND_WEEKS, slope, 0.0)
    weeks = np.arange(-levels.shape[-1], 0)
    recent = slice(-LEVEL_WEEKS, None)
    carried = (levels - slope[:, None] * weeks)[:, recent]
    return _middles(carried, is_known[:, recent], axis=-1), slope


def _middles(values: Floats, is_known: Flags, axis: int) -> Floats:
    """Return means without the least and the greatest, of three or more; NaN of none.

    A single wild value changes little, and the result is nearly as certain as a mean.
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


def _median(values: Floats) -> Floats:
    """Return the median of the finite numbers of each row; of few, sorting is soonest.

    Of a row without any it is NaN.
    """
    is_finite = np.isfinite(values)
    ordered = np.sort(np.where(is_finite, values, np.nan), axis=-1)
    count = is_finite.sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, count // 2 % values.shape[-1], axis=-1)
    return np.asarray((low + high) / 2.0)[:, 0]


def _spread(values: Floats, fitted: Floats, is_of_level: Flags) -> Floats:
    """Return the usual distance of each series' days from the fit."""
    is_there = is_of_level & (fitted > 0.0)
    residuals = np.divide(values, fitted, np.ones_like(values), where=is_there) - 1.0
    counts = is_there.sum(axis=(1, 2))
    found = np.full(len(values), _LEAST_SPREAD)
    # Those of which as many days are known are looked at together.
    for count in np.unique(counts[counts > 0]).tolist():
        same = counts == count
        rows = residuals[same][is_there[same]].reshape(-1, count)
        fitted_too_well = np.sqrt(count / max(count - _PARAMETERS, 1))
        found[same] = np.maximum(_qn(rows) * fitted_too_well, _LEAST_SPREAD)
    return found


def _qn(values: Floats) -> Floats:
    """Return the spread: a low quantile of the differences between all pairs.

    In order, two numbers lie at least as far apart as any two between them. So those
    with half of all between them are beyond the quantile, and are not looked at.
    """
    half = values.shape[-1] // 2
    rank = half * (half + 1) // 2
    if rank == 0:
        return np.zeros(values.shape[:-1])
    ordered = np.sort(values, axis=-1)
    differences = np.concatenate(
        [ordered[..., gap:] - ordered[..., :-gap] for gap in range(1, half + 1)],
        axis=-1,
    )
    ranked = np.partition(differences, rank - 1, axis=-1)
    return np.asarray(_QN_OF_NORMAL * ranked[..., rank - 1])


@cache
def _pairs(count: int) -> tuple[Days, Days]:
    return np.triu_indices(count, 1)
