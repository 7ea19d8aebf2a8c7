"""Series of several drivers whose contributions are known, to measure coverage in.

A year of days: adoption grows from the launch on and levels off, prices move in steps,
a release comes once, stock goes up and down. The worlds differ in what drivers do not
explain, and in whether all of them are declared.

================ =====================================================================
autocorrelated   AR(1), φ 0.6, standard deviation 2, and a fixed drift
random walk      white noise, standard deviation 1.5, and a level that walks 0.15 a day
release nearby   autocorrelated, and the release comes ten days after the launch
stock undeclared autocorrelated, and nobody says that stock moved
================ =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.simulated_worlds import autoregression

if TYPE_CHECKING:
    from attribution.arrays import Floats

DAYS, LAUNCH = 365, 120
WORLDS = ("autocorrelated", "random walk", "release nearby", "stock undeclared")
NAMES = ("adoption", "price", "release", "stock")
COEFFICIENTS = np.array([8.0, -12.0, 2.5, 1.5])
_WEEKDAY = np.array([0.0, 1.5, 2.0, 1.0, -1.0, -2.0, -1.5])


@dataclass(frozen=True, slots=True)
class SimulatedResponse:
    """A series with its drivers.

    Attributes
    ----------
    outcome : ndarray, shape (days,)
        What was seen.
    drivers : ndarray, shape (days, declared)
        Columns in the order of :data:`NAMES`, as far as they are declared.
    launch : int
        Day from which adoption grows.
    """

    outcome: Floats
    drivers: Floats
    launch: int

    def truth(self, multiples: Floats) -> float:
        """Return what adoption added to a sum of the outcome with these multiples."""
        return float(COEFFICIENTS[0] * (multiples @ self.drivers[:, 0]))


def simulate_response(world: str, rng: np.random.Generator) -> SimulatedResponse:
    """Return one series of a world.

    Parameters
    ----------
    world : str
        One of :data:`WORLDS`.
    rng : Generator
        Source of the series.
    """
    day = np.arange(DAYS)
    grown = np.clip((day - LAUNCH) / 150.0, 0.0, 1.0) * rng.uniform(0.7, 1.0)
    wobble = autoregression(rng, DAYS, 0.9, 0.03) * (day >= LAUNCH)
    adoption = np.clip(grown + wobble * (grown > 0), 0.0, None)
    changes = np.sort(rng.choice(np.arange(30, DAYS - 30), 3, replace=False))
    price = (
        1.0
        + np.array([0.0, *rng.normal(0.0, 0.06, 3)])[
            np.searchsorted(changes, day, side="right")
        ]
    )
    released = LAUNCH + 10 if world == "release nearby" else 60 + int(rng.integers(220))
    release = (day >= released).astype(float)
    stock = autoregression(rng, DAYS, 0.97, 1.0)
    drivers = np.column_stack([adoption, price, release, stock])
    outcome = 100.0 + drivers @ COEFFICIENTS + _WEEKDAY[day % 7] + _rest(world, rng)
    declared = 3 if world == "stock undeclared" else 4
    return SimulatedResponse(outcome, drivers[:, :declared], LAUNCH)


def _rest(world: str, rng: np.random.Generator) -> Floats:
    if world == "random walk":
        walk = np.cumsum(rng.standard_normal(DAYS) * 0.15)
        noise: Floats = walk + rng.standard_normal(DAYS) * 1.5
        return noise
    drift = rng.normal(0.0, 0.01) * np.arange(DAYS)
    found: Floats = drift + autoregression(rng, DAYS, 0.6, 2.0)
    return found
