"""Neighbours of two roll-outs that once missed: scales that grow, waves that drift.

They were written before the methods that these two called for, and no threshold was
chosen in them. Units and months are those of
:mod:`benchmarks.frozen_worlds.rollouts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.frozen_worlds.rollouts import (
    MONTHS,
    UNITS,
    ordinary_units,
    periods_since,
    rollout_trial,
    starts_in_waves,
)
from benchmarks.frozen_worlds.world import Trial, World, autoregressions

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Floats

_TIME: Floats = np.arange(MONTHS, dtype=np.float64)
_GROWING_FOR = 10


def _proportional(
    path: Floats,
    *,
    adopters: float = 2.0,
    spread: float = 0.5,
    effect: float = 0.0,
) -> Callable[[np.random.Generator], Trial]:
    """Return units that move by the same share, under a plan that says amounts.

    Parameters
    ----------
    path : ndarray, shape (months,)
        Logarithm of what all units are multiplied by.
    adopters : float
        How much larger adopters are.
    spread : float
        Standard deviation of the logarithm of sizes.
    effect : float
        As a part of what there would have been.
    """

    def make(rng: np.random.Generator) -> Trial:
        starts = starts_in_waves()
        larger = np.where(starts < MONTHS, adopters, 1.0)
        size = np.exp(rng.normal(4.0, spread, UNITS)) * larger
        noise = autoregressions(rng, UNITS, MONTHS, 0.5, 0.05)
        without = size[:, None] * np.exp(path + noise)
        gained = without * effect * (periods_since(starts) > 0)
        return rollout_trial(without + gained, starts, gained, scale="additive")

    return make


def _giants(rng: np.random.Generator) -> Trial:
    """Return the largest units adopting, of sizes with a long tail."""
    starts = starts_in_waves()
    size = np.exp(rng.normal(4.0, 1.0, UNITS))
    order = np.argsort(-size)
    chosen = np.empty(UNITS, dtype=np.int64)
    chosen[order] = np.sort(starts)
    noise = autoregressions(rng, UNITS, MONTHS, 0.5, 0.05)
    y = size[:, None] * np.exp(0.03 * _TIME + noise)
    nothing = np.zeros_like(y)
    return rollout_trial(y, chosen, nothing, scale="additive")


def _counts(rng: np.random.Generator) -> Trial:
    """Return small counts, some of them zero, that grow by 4 % a month."""
    starts = starts_in_waves()
    mean = rng.uniform(2.0, 8.0, UNITS) * np.where(starts < MONTHS, 2.0, 1.0)
    y = rng.poisson(mean[:, None] * np.exp(0.04 * _TIME)).astype(float)
    return rollout_trial(y, starts, np.zeros_like(y), scale="additive")


def _amounts(rng: np.random.Generator) -> Trial:
    """Return units that grow by the same amount, under a plan that says shares."""
    starts = starts_in_waves()
    levels = rng.normal(60.0, 6.0, UNITS) * np.where(starts < MONTHS, 2.0, 1.0)
    noise = autoregressions(rng, UNITS, MONTHS, 0.5, 2.0)
    y = levels[:, None] + 3.0 * _TIME + noise
    return rollout_trial(y, starts, np.zeros_like(y), scale="multiplicative")


def _drifts_of_waves(*own: float) -> Callable[[np.random.Generator], Trial]:
    """Return waves each with a drift of its own; the last two never adopt."""

    def make(rng: np.random.Generator) -> Trial:
        starts = starts_in_waves()
        drift = np.array([*own, 0.0, 0.0])[np.arange(UNITS) % 5]
        y = ordinary_units(rng) + drift[:, None] * _TIME
        return rollout_trial(y, starts, np.zeros_like(y))

    return make


def _bending(rng: np.random.Generator) -> Trial:
    """Return adopters that drift together, and faster from month to month."""
    starts = starts_in_waves()
    adopts = (starts < MONTHS)[:, None]
    y = ordinary_units(rng) + adopts * 0.006 * _TIME**2
    return rollout_trial(y, starts, np.zeros_like(y))


def _world(name: str, make: Callable[[np.random.Generator], Trial]) -> World:
    return World(name, "staggered_adoption", "own", make)


_SEASON = 0.2 * np.sin(2 * np.pi * _TIME / 12)
NEIGHBOUR_WORLDS = (
    _world("scale grows slowly", _proportional(0.01 * _TIME)),
    _world("scale shrinks", _proportional(-0.04 * _TIME)),
    _world(
        "scale grows, adopters are small", _proportional(0.04 * _TIME, adopters=0.5)
    ),
    _world(
        "scale grows for a time",
        _proportional(0.06 * np.minimum(_TIME, _GROWING_FOR)),
    ),
    _world("scale grows with seasons", _proportional(0.02 * _TIME + _SEASON)),
    _world("scale grows, an effect", _proportional(0.04 * _TIME, effect=0.1)),
    _world("scale grows, like sizes", _proportional(0.04 * _TIME, adopters=1.0)),
    _world("giants adopt", _giants),
    _world("counts that grow", _counts),
    _world("amounts, in logarithms", _amounts),
    _world("late waves drift", _drifts_of_waves(0.05, 0.15, 0.25)),
    _world("waves drift both ways", _drifts_of_waves(0.2, 0.0, -0.2)),
    _world("one wave drifts", _drifts_of_waves(0.3, 0.0, 0.0)),
    _world("adopters drift ever faster", _bending),
)
