"""Few treated units among donors: trends, growth, walks, and donors that are reached.

The first unit is a mixture of the next three, with noise of its own, unless said
otherwise. Noise has standard deviation 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.frozen_worlds.world import (
    Trial,
    World,
    autoregressions,
    panel_trial,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Floats

DONORS, BEFORE, AFTER = 20, 60, 20
_ONE = {"treated": ["u00"], "design": "synthetic_control"}


def _mixed(values: Floats) -> Floats:
    values[0] = values[1:4].mean(axis=0)
    return values


def _on_trends(rng: np.random.Generator, own_slope: float | None = None) -> Floats:
    """Return units with slopes of 0 to 2 a period, and two common factors."""
    periods = np.arange(BEFORE + AFTER)
    slopes = _mixed(rng.uniform(0.0, 2.0, DONORS + 1))
    if own_slope is not None:
        slopes[0] = own_slope
    loadings = _mixed(rng.uniform(0.0, 2.0, (DONORS + 1, 2)))
    factors = autoregressions(rng, 2, len(periods), 0.7, 2.0)
    levels = rng.uniform(150.0, 250.0, DONORS + 1)
    noise = rng.normal(0.0, 1.0, (DONORS + 1, len(periods)))
    return levels[:, None] + slopes[:, None] * periods + loadings @ factors + noise


def _trends(effect: float) -> Callable[[np.random.Generator], Trial]:
    def make(rng: np.random.Generator) -> Trial:
        y = _on_trends(rng)
        y[0, BEFORE:] += effect
        return panel_trial(y, BEFORE, effect * AFTER, _ONE)

    return make


def _outgrowing(rng: np.random.Generator) -> Trial:
    return panel_trial(_on_trends(rng, own_slope=2.6), BEFORE, 0.0, _ONE)


def _nations(loss: float) -> Callable[[np.random.Generator], Trial]:
    """Return sixteen donors over 30 and 14 years that grow by about 5 % a year."""

    def make(rng: np.random.Generator) -> Trial:
        years = np.arange(44)
        growth = _mixed(rng.normal(0.05, 0.004, 17))
        levels = _mixed(np.log(rng.uniform(3000.0, 8000.0, 17)))
        cycle = autoregressions(rng, 1, 44, 0.9, 0.03)
        own = autoregressions(rng, 17, 44, 0.8, 0.01)
        log_y = levels[:, None] + growth[:, None] * years + cycle + own
        without = np.exp(log_y[0])
        log_y[0] -= loss * np.maximum(years - 29, 0)
        truth = (np.exp(log_y[0]) - without).sum()
        return panel_trial(np.exp(log_y), 30, truth, _ONE, period="year")

    return make


def _walks(rng: np.random.Generator) -> Trial:
    periods = BEFORE + AFTER
    loadings = _mixed(rng.uniform(0.0, 2.0, (DONORS + 1, 2)))
    own = walk(rng, (DONORS + 1, periods), 0.3)
    noise = rng.normal(0.0, 1.0, (DONORS + 1, periods))
    y = 200.0 + loadings @ walk(rng, (2, periods), 1.0) + own + noise
    return panel_trial(y, BEFORE, 0.0, _ONE)


def _fading(rng: np.random.Generator) -> Trial:
    y = _on_trends(rng)
    effect = 12.0 * 0.85 ** np.arange(AFTER)
    y[0, BEFORE:] += effect
    return panel_trial(y, BEFORE, effect.sum(), _ONE)


def _donors_reached(rng: np.random.Generator) -> Trial:
    y = _on_trends(rng)
    y[0, BEFORE:] += 5.0
    y[1:4, BEFORE:] += 2.5
    return panel_trial(y, BEFORE, 5.0 * AFTER, _ONE)


def _broken_donor(rng: np.random.Generator) -> Trial:
    y = _on_trends(rng)
    y[1, BEFORE - 15 :] += 15.0
    return panel_trial(y, BEFORE, 0.0, _ONE)


def _two_cities(effect: float) -> Callable[[np.random.Generator], Trial]:
    def make(rng: np.random.Generator) -> Trial:
        y = _on_trends(rng)
        y[4] = y[5:8].mean(axis=0) + rng.normal(0.0, 1.0, y.shape[1])
        y[[0, 4], BEFORE:] += effect
        truth = 2 * effect * AFTER
        return panel_trial(y, BEFORE, truth, {"treated": ["u00", "u04"]})

    return make


DONOR_WORLDS = (
    World("donors on trends", "synthetic_control", "reported", _trends(0.0)),
    World("effect on trends", "synthetic_control", "reported", _trends(5.6)),
    World("nations that grow", "synthetic_control", "reported", _nations(0.0)),
    World("nation that falls back", "synthetic_control", "reported", _nations(0.01)),
    World("two cities", "synthetic_control", "reported", _two_cities(0.0)),
    World("effect in two cities", "synthetic_control", "reported", _two_cities(4.0)),
    World("outgrows all donors", "synthetic_control", "own", _outgrowing),
    World("walks of their own", "synthetic_control", "own", _walks),
    World("effect that fades", "synthetic_control", "own", _fading),
    World("donor with a break", "synthetic_control", "own", _broken_donor),
    World("donors reached", "synthetic_control", "own", _donors_reached, beyond=True),
)
