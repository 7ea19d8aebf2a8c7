"""Worlds whose truth is known, to measure in whether 95 % hold 95 times of 100.

Each world makes a daily outcome ``20 + 0.8 x₁ + 0.3 x₂ + weekday + error`` with a level
of about 118. Nothing happens in it: an effect is added by whoever asks for one. The
worlds differ in what the two controls do not explain.

===== ============ ==================================================================
A     static       white noise, standard deviation 3
B     drift        A and a level that walks 0.4 a day
C     short memory AR(1), φ 0.7, standard deviation 3
D     spurious     controls are random walks that explain nothing; level walks 0.4
E     heavy        t₄ noise, 1.5 times at weekends, level walks 0.2
F     growth       A and 0.05 a day that no control explains
G     long memory  AR(0.95), standard deviation 4, and white noise, 2
H     annual       A and a yearly cycle of amplitude 8 at a random phase
===== ============ ==================================================================

The model was chosen in worlds like these. Four more, :data:`FRESH_WORLDS`, it had not
seen: B with breaks of what it assumes.

================= ====================================================================
level break       A, and a step of ±10 on a random day of the middle half of history
changing variance B, whose noise has a standard deviation that wanders from 1 to 8
missing days      B, and 5 % of the days of the history are unknown
holidays          B, and a day in each month on which the outcome falls by 25
================= ====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.arrays import Floats

_WEEKDAY = np.array([0.0, 1.5, 2.0, 1.0, -1.0, -4.0, -5.0])
_YEAR_DAYS = 365.25
_WHITE_SD = 3.0


@dataclass(frozen=True, slots=True)
class SimulatedSeries:
    """A series of a world, with its controls.

    Attributes
    ----------
    outcome : ndarray, shape (days,)
        Without any effect; NaN where unknown.
    controls : ndarray, shape (days, 2)
        What is known beside it.
    launch : int
        Position of the first day of the last part.
    """

    outcome: Floats
    controls: Floats
    launch: int

    def with_effect(self, per_day: float) -> Floats:
        """Return the outcome with an effect from the launch on."""
        outcome = self.outcome.copy()
        outcome[self.launch :] += per_day
        return outcome


def simulate(
    world: str, rng: np.random.Generator, *, days: int = 250, after: int = 60
) -> SimulatedSeries:
    """Return one series of a world.

    Parameters
    ----------
    world : str
        A letter of :data:`WORLDS`, or a name of :data:`FRESH_WORLDS`.
    rng : Generator
        Source of the series.
    days, after : int
        Its length, and how many of the days come after the launch.
    """
    if world == "D":
        controls = 100.0 + _walks(rng, days, 2)
        explained = np.full(days, 118.0)
    else:
        controls = _usual_controls(rng, days)
        explained = 20.0 + controls @ np.array([0.8, 0.3])
    weekday = _WEEKDAY[np.arange(days) % 7]
    if world in WORLDS:
        unexplained = WORLDS[world](rng, days)
    else:
        unexplained = FRESH_WORLDS[world](rng, days, days - after)
    outcome = explained + weekday + unexplained
    return SimulatedSeries(outcome, controls, days - after)


def autoregression(
    rng: np.random.Generator, days: int, phi: float, sd: float
) -> Floats:
    """Return a stationary AR(1) with a given standard deviation."""
    steps: Floats = rng.standard_normal(days) * sd * np.sqrt(1.0 - phi**2)
    steps[0] = rng.standard_normal() * sd
    for day in range(1, days):
        steps[day] += phi * steps[day - 1]
    return steps


def _usual_controls(rng: np.random.Generator, days: int) -> Floats:
    weekday = _WEEKDAY[np.arange(days) % 7]
    first = 100.0 + autoregression(rng, days, 0.9, 5.0) + weekday
    return np.column_stack([first, 60.0 + autoregression(rng, days, 0.97, 5.0)])


def _walks(rng: np.random.Generator, days: int, count: int) -> Floats:
    walks: Floats = np.cumsum(rng.standard_normal((days, count)), axis=0)
    return walks


def _white(rng: np.random.Generator, days: int) -> Floats:
    white: Floats = rng.standard_normal(days) * _WHITE_SD
    return white


def _drifting(rng: np.random.Generator, days: int) -> Floats:
    found: Floats = _white(rng, days) + np.cumsum(rng.standard_normal(days) * 0.4)
    return found


def _heavy(rng: np.random.Generator, days: int) -> Floats:
    weekend = np.where(np.arange(days) % 7 >= 5, 1.5, 1.0)  # noqa: PLR2004
    noise = rng.standard_t(4, days) * _WHITE_SD / np.sqrt(2.0) * weekend
    found: Floats = noise + np.cumsum(rng.standard_normal(days) * 0.2)
    return found


def _annual(rng: np.random.Generator, days: int) -> Floats:
    phase = rng.uniform(0.0, 2.0 * np.pi)
    cycle = np.sin(2.0 * np.pi * np.arange(days) / _YEAR_DAYS + phase)
    found: Floats = _white(rng, days) + 8.0 * cycle
    return found


def _broken(rng: np.random.Generator, days: int, launch: int) -> Floats:
    found = _white(rng, days)
    found[int(rng.uniform(0.25, 0.75) * launch) :] += 10.0 * rng.choice([-1.0, 1.0])
    return found


def _changing(rng: np.random.Generator, days: int, _launch: int) -> Floats:
    sd = _WHITE_SD * np.exp(np.clip(autoregression(rng, days, 0.98, 0.5), -1.1, 1.0))
    found: Floats = rng.standard_normal(days) * sd
    return found + np.cumsum(rng.standard_normal(days) * 0.4)


def _with_missing_days(rng: np.random.Generator, days: int, launch: int) -> Floats:
    found = _drifting(rng, days)
    found[rng.choice(launch, launch // 20, replace=False)] = np.nan
    return found


def _with_holidays(rng: np.random.Generator, days: int, _launch: int) -> Floats:
    found = _drifting(rng, days)
    months = np.arange(0, days - 29, 30)
    found[months + rng.integers(0, 30, len(months))] -= 25.0
    return found


#: Letter → what the controls do not explain.
WORLDS: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "A": _white,
    "B": _drifting,
    "C": lambda rng, days: autoregression(rng, days, 0.7, _WHITE_SD),
    "D": _drifting,
    "E": _heavy,
    "F": lambda rng, days: _white(rng, days) + 0.05 * np.arange(days),
    "G": lambda rng, days: (
        autoregression(rng, days, 0.95, 4.0) + 2.0 * rng.standard_normal(days)
    ),
    "H": _annual,
}

#: Letter → what a reader calls it.
WORLD_NAMES: Mapping[str, str] = {
    "A": "steady level",
    "B": "drifting level",
    "C": "errors that last days",
    "D": "controls that explain nothing",
    "E": "rare large errors",
    "F": "growth that no control explains",
    "G": "errors that last weeks",
    "H": "season of a year that was not seen",
}
#: Name → the same, of days and the launch among them.
FRESH_WORLDS: Mapping[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "level break": _broken,
    "changing variance": _changing,
    "missing days": _with_missing_days,
    "holidays": _with_holidays,
}
