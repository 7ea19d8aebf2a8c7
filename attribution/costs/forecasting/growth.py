"""Growing level in logs of weekly sums, the base of months and quarters.

A damped local trend (Durbin and Koopman 2012, section 3.2; Gardner and McKenzie 1985)
with variances that are not estimated but averaged over: a grid of them is filtered at
once, each weighted by how well it foretold every week so far. So a short or noisy
history is honestly uncertain about its growth. A step of the level is let through
instead of being taken for a trend.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats

WEEK_DAYS = 7
#: Standard deviations of a week: of its noise, of lasting changes, and of growth
#: itself.
_NOISE = (0.008, 0.02, 0.04, 0.08, 0.16, 0.32, 0.7)
_LEVEL = (0.002, 0.01, 0.025, 0.06, 0.15)
_GROWTH = (0.0005, 0.003, 0.015)
_DAMPING = (1.0, 0.97)
#: Prior of growth a week before anything is known: a new model may ramp up.
_FIRST_GROWTH = 0.06
#: A week so many standard deviations off is a step, once in so many weeks.
_STEP_DEVIATIONS = 3.0
_STEP_PENALTY = float(np.log(200.0))


@dataclass(frozen=True, slots=True)
class Grid:
    """Variances and damping of each model, shape (models,) each."""

    noise: Floats
    level: Floats
    growth: Floats
    damping: Floats


@dataclass(frozen=True, slots=True)
class States:
    """States known after each week, by model of the grid.

    Attributes
    ----------
    mean : ndarray, shape (weeks, 2, models)
        Level and growth a week, in logarithms.
    covariance : ndarray, shape (weeks, 3, models)
        Of the level, of both, of the growth.
    weight : ndarray, shape (weeks, models)
        Credibility of each model by then; adds up to 1.
    surprise : ndarray, shape (weeks,)
        Distance of each week from the forecast of the others, in logarithms; NaN where
        nothing was known.
    """

    mean: Floats
    covariance: Floats
    weight: Floats
    surprise: Floats


@cache
def grid() -> Grid:
    """Return every combination of variances and damping."""
    of = np.array(list(product(_NOISE, _LEVEL, _GROWTH, _DAMPING))).T
    return Grid(of[0] ** 2, of[1] ** 2, of[2] ** 2, of[3])


def filtered(logs: Floats) -> States:
    """Filter the logarithms of weekly sums by every model of the grid.

    Parameters
    ----------
    logs : ndarray, shape (weeks,)
        NaN where a week carries no information. The first must not be NaN.
    """
    of = grid()
    weeks, models = len(logs), len(of.noise)
    mean, covariance = np.empty((weeks, 2, models)), np.empty((weeks, 3, models))
    likelihoods, off = np.empty((weeks, models)), np.full((weeks, models), np.nan)
    level, growth = np.full(models, logs[0]), np.zeros(models)
    p, c, g = of.noise.copy(), np.zeros(models), np.full(models, _FIRST_GROWTH**2)
    likelihood, damping_squared = np.zeros(models), of.damping**2
    for week in range(weeks):
        if week:
            level, growth = level + growth, of.damping * growth
            p, c, g = (
                p + 2.0 * c + g + of.level,
                of.damping * (c + g),
                damping_squared * g + of.growth,
            )
            if np.isfinite(logs[week]):
                off[week] = missed = logs[week] - level
                square, scale = missed**2, p + of.noise
                is_step = square > _STEP_DEVIATIONS**2 * scale
                if is_step.any():
                    p = np.where(is_step, p + square, p)
                    scale = p + of.noise + is_step * square
                likelihood = likelihood - 0.5 * (np.log(scale) + square / scale)
                likelihood = likelihood - _STEP_PENALTY * is_step
                gain, gain_of_growth = p / scale, c / scale
                level, growth = level + gain * missed, growth + gain_of_growth * missed
                p, c, g = p - gain * p, c - gain * c, g - gain_of_growth * c
        mean[week], covariance[week] = (level, growth), (p, c, g)
        likelihoods[week] = likelihood
    weight = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    surprise = [np.nan, *map(np.dot, weight[:-1], off[1:])]
    return States(mean, covariance, weight, np.array(surprise))


def expected_logs(states: States, weeks_ahead: int) -> Floats:
    """Return the expectation of each week ahead, shape (weeks, weeks ahead)."""
    steps = np.arange(1, weeks_ahead + 1)
    damped = np.cumsum(grid().damping[:, None] ** (steps - 1), axis=1)
    level = np.einsum("wm,wm->w", states.weight, states.mean[:, 0])
    growth = (states.weight * states.mean[:, 1]) @ damped
    series: Floats = level[:, None] + growth
    return series


def drawn_logs(
    states: States, weeks_ahead: int, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw levels of the weeks ahead after the last week, and the noise of a week.

    Returns
    -------
    tuple of (ndarray, shape (count, weeks ahead)) and (ndarray, shape (count,))
        Logarithms of levels, and standard deviations of the noise around them.
    """
    of = grid()
    weight = np.cumsum(states.weight[-1])
    chosen = np.minimum(
        np.searchsorted(weight, rng.random(count) * weight[-1]), len(weight) - 1
    )
    p, c, g = states.covariance[-1][:, chosen]
    first, second = rng.normal(size=(2, count))
    root = np.sqrt(np.maximum(p, 1e-12))
    level = states.mean[-1, 0, chosen] + root * first
    rest = np.sqrt(np.maximum(g - (c / root) ** 2, 0.0))
    growth = states.mean[-1, 1, chosen] + c / root * first + rest * second
    found = np.empty((count, weeks_ahead))
    shocks = rng.normal(size=(2, weeks_ahead, count))
    steps, turns = np.sqrt(of.level[chosen]), np.sqrt(of.growth[chosen])
    damping = of.damping[chosen]
    for week in range(weeks_ahead):
        level = level + growth + steps * shocks[0, week]
        growth = damping * growth + turns * shocks[1, week]
        found[:, week] = level
    return found, np.sqrt(of.noise[chosen])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Weights of level, growth and its turns in the sum of the weeks ahead."""

    slope: Floats
    lasting: float
    turns: Floats


@cache
def _sums_of(weeks_ahead: int) -> _Sums:
    steps = np.arange(1, weeks_ahead + 1)
    reach = np.cumsum(grid().damping[:, None] ** (steps - 1), axis=1)
    return _Sums(
        slope=reach.mean(axis=1),
        lasting=np.sum((steps[::-1] / weeks_ahead) ** 2),
        turns=np.sum((np.cumsum(reach, axis=1)[:, :-1] / weeks_ahead) ** 2, axis=1),
    )


def deviations_of_sums(states: States, weeks_ahead: int) -> Floats:
    """Return deviations of the sum of the weeks ahead from its expectation.

    Returns
    -------
    ndarray, shape (weeks,)
        Standard deviation in logarithms after each week, over all models.
    """
    of, sums = grid(), _sums_of(weeks_ahead)
    slope = sums.slope
    p, c, g = np.moveaxis(states.covariance, 1, 0)
    variance = (
        p + 2.0 * slope * c + slope**2 * g
        + sums.lasting * of.level + sums.turns * of.growth + of.noise / weeks_ahead
    )  # fmt: skip
    mean = states.mean[:, 0] + slope * states.mean[:, 1]
    centre = np.einsum("wm,wm->w", states.weight, mean)
    between = (mean - centre[:, None]) ** 2
    deviations: Floats = np.sqrt(
        np.einsum("wm,wm->w", states.weight, variance + between)
    )
    return deviations
