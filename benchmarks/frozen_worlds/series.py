"""One series: growth, walks with drift, seasons never seen, controls that move.

Two hundred days of history and four weeks after, unless said otherwise; the control
explains most of the outcome, whose noise has standard deviation 3 at a level of 120.
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

BEFORE, AFTER = 200, 28
_DESIGN = {"design": "counterfactual_series", "treated": ["u00"]}
_WEEK = np.array([0.0, 1.5, 2.0, 1.0, -1.0, -4.0, -5.0])


def _control(rng: np.random.Generator, days: int) -> Floats:
    found: Floats = 100.0 + autoregressions(rng, 1, days, 0.9, 5.0)[0]
    return found


def _trial(
    y: Floats,
    launch: int,
    *,
    truth: float = 0.0,
    control: Floats | None = None,
    period: str = "day",
    **facts: object,
) -> Trial:
    columns = {} if control is None else {"traffic": control[None]}
    controls = ("traffic",) if columns else ()
    declared = _DESIGN | {"controls": controls} | facts
    return panel_trial(y[None], launch, truth, declared, period=period, columns=columns)


def _ordinary(rng: np.random.Generator, control: Floats) -> Floats:
    days = len(control)
    found: Floats = 40.0 + 0.8 * control + _WEEK[np.arange(days) % 7]
    return found + rng.normal(0.0, 3.0, days)


def _peak(rng: np.random.Generator) -> Trial:
    """Return a peak of the year that falls into the window and was never seen."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE + 4 : BEFORE + 24] *= 1.2
    return _trial(y, BEFORE, control=control)


def _growth_by_day(scale: str) -> Callable[[np.random.Generator], Trial]:
    def make(rng: np.random.Generator) -> Trial:
        days = np.arange(BEFORE + AFTER)
        week = 1.0 + 0.02 * _WEEK[days % 7]
        noise = np.exp(rng.normal(0.0, 0.04, len(days)))
        y: Floats = 100.0 * 1.1 ** (days / 30.4) * week * noise
        return _trial(y, BEFORE, scale=scale)

    return make


def _growth_by_month(rng: np.random.Generator) -> Trial:
    months = np.arange(42)
    y = 100.0 * np.power(1.1, months) * np.exp(rng.normal(0.0, 0.05, 42))
    return _trial(y, 36, period="month")


def _drifting_walk(rng: np.random.Generator) -> Trial:
    days = BEFORE + AFTER
    y = 100.0 + 0.5 * np.arange(days) + walk(rng, (days,), 1.0)
    return _trial(y + rng.normal(0.0, 2.0, days), BEFORE)


def _wandering_slope(rng: np.random.Generator) -> Trial:
    days = BEFORE + AFTER
    y = 400.0 + np.cumsum(walk(rng, (days,), 0.05)) + rng.normal(0.0, 2.0, days)
    return _trial(y, BEFORE)


def _control_shifts(rng: np.random.Generator) -> Trial:
    """Return a control that is measured otherwise from two weeks after the launch."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    control[BEFORE + 10 :] += 12.0
    return _trial(y, BEFORE, control=control)


def _control_moved(rng: np.random.Generator) -> Trial:
    """Return a control of which the launch moves half as much as of the outcome."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE:] += 8.0
    control[BEFORE:] += 5.0
    return _trial(y, BEFORE, truth=8.0 * AFTER, control=control)


def _anticipated(rng: np.random.Generator) -> Trial:
    """Return an outcome that reacts ten days early, as the plan says."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE - 10 :] += 8.0
    return _trial(y, BEFORE, truth=8.0 * AFTER, control=control, anticipation=10)


def _swelling_week(rng: np.random.Generator) -> Trial:
    """Return a week whose swing grows threefold over the history."""
    control = _control(rng, BEFORE + AFTER)
    days = np.arange(BEFORE + AFTER)
    y = _ordinary(rng, control) + 2.0 * _WEEK[days % 7] * days / BEFORE
    return _trial(y, BEFORE, control=control)


def _sparse_counts(rng: np.random.Generator) -> Trial:
    """Return counts that are zero on six days of ten."""
    days = BEFORE + AFTER
    y = rng.poisson(3.0, days) * (rng.random(days) < 0.4)  # noqa: PLR2004
    return _trial(y.astype(float), BEFORE)


def _louder_after(rng: np.random.Generator) -> Trial:
    """Return noise that is three times as large from the launch on."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE:] += rng.normal(0.0, 8.5, AFTER)
    return _trial(y, BEFORE, control=control)


def _late_break(rng: np.random.Generator) -> Trial:
    """Return a step of ±10 in the last twelve days of the history."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE - int(rng.integers(2, 13)) :] += 10.0 * rng.choice([-1.0, 1.0])
    return _trial(y, BEFORE, control=control)


def _two_years(rng: np.random.Generator) -> Trial:
    """Return a yearly season of which two were seen, and 60 days after."""
    days = 730 + 60
    control = _control(rng, days)
    phase = rng.uniform(0.0, 2.0 * np.pi)
    season = 8.0 * np.sin(2.0 * np.pi * np.arange(days) / 365.25 + phase)
    return _trial(_ordinary(rng, control) + season, 730, control=control)


def _usual(rng: np.random.Generator) -> Trial:
    """Return the world in which all is as the model says, with an effect."""
    control = _control(rng, BEFORE + AFTER)
    y = _ordinary(rng, control)
    y[BEFORE:] += 4.0
    return _trial(y, BEFORE, truth=4.0 * AFTER, control=control)


SERIES_WORLDS = (
    World("peak never seen", "counterfactual_series", "reported", _peak, beyond=True),
    World(
        "10 % a month, by day",
        "counterfactual_series",
        "reported",
        _growth_by_day("additive"),
    ),
    World(
        "10 % a month, in logarithms",
        "counterfactual_series",
        "reported",
        _growth_by_day("multiplicative"),
    ),
    World(
        "10 % a month, by month", "counterfactual_series", "reported", _growth_by_month
    ),
    World("walk with drift", "counterfactual_series", "reported", _drifting_walk),
    World("wandering slope", "counterfactual_series", "reported", _wandering_slope),
    World("control shifts", "counterfactual_series", "reported", _control_shifts),
    World("control moved", "counterfactual_series", "reported", _control_moved),
    World("anticipation declared", "counterfactual_series", "reported", _anticipated),
    World("as the model says", "counterfactual_series", "own", _usual),
    World("week that swells", "counterfactual_series", "own", _swelling_week),
    World("sparse counts", "counterfactual_series", "own", _sparse_counts),
    World("louder after", "counterfactual_series", "own", _louder_after, beyond=True),
    World("late break", "counterfactual_series", "own", _late_break),
    World("two years seen", "counterfactual_series", "own", _two_years),
)
