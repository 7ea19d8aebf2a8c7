"""Roll-outs whose starts follow from what units did before, and honest starts beside.

No part of the card: a test asks how often the weeks before a start are noticed.

Twenty-four units over 104 weeks, of which twelve start and twelve never do. Noise is
AR(1) with φ 0.5 and standard deviation 1, unless said otherwise. Where starts are
chosen, a unit starts at the end of its worst (or best) window of some weeks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.frozen_worlds.world import Trial, World, autoregressions, panel_trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Floats, Whole

UNITS, ADOPTERS, WEEKS = 24, 12, 104
#: Weeks before the first possible start, and after the last.
BEFORE, AFTER = 39, 13
_DESIGN = {"design": "staggered_adoption"}


def _units(
    rng: np.random.Generator, phi: float = 0.5, units: int = UNITS, periods: int = WEEKS
) -> Floats:
    levels = rng.normal(50.0, 5.0, units)[:, None]
    common = autoregressions(rng, 1, periods, 0.9, 1.0)
    found: Floats = levels + common + autoregressions(rng, units, periods, phi, 1.0)
    return found


def _started(
    y: Floats, starts: Whole, effect: float = 0.0, *, period: str = "week"
) -> Trial:
    """Return a roll-out with an immediate effect from each start on."""
    periods = y.shape[1]
    gained = effect * (np.arange(periods) >= starts[:, None])
    first = int(starts.min())
    trial = panel_trial(y + gained, first, gained.sum(), {}, period=period)
    dates = np.sort(trial.frame["date"].unique())
    rollout = {
        f"u{unit:02}": f"{np.datetime64(dates[start], 'D')}"
        for unit, start in enumerate(starts)
        if start < periods
    }
    declared = dict(trial.facts) | _DESIGN | {"rollout": rollout}
    return Trial(trial.frame, declared, trial.truth)


def _past_means(y: Floats, window: int) -> Floats:
    """Return the mean of the window before each period; NaN without a whole one."""
    sums = np.cumsum(np.pad(y, ((0, 0), (1, 0))), axis=1)
    means: Floats = np.full(y.shape, np.nan)
    means[:, window:] = (sums[:, window:-1] - sums[:, : -window - 1]) / window
    return means


def _random(rng: np.random.Generator, periods: int = WEEKS, scale: int = 1) -> Whole:
    starts = np.full(UNITS, periods)
    own = rng.integers(BEFORE * scale, periods - AFTER * scale, ADOPTERS)
    starts[:ADOPTERS] = own
    return starts


def _after_extreme(
    window: int, sign: float, phi: float = 0.5, share: float = 1.0
) -> Callable[[np.random.Generator], Trial]:
    """Return adopters that start after their worst window (sign 1) or best (-1)."""

    def make(rng: np.random.Generator) -> Trial:
        y = _units(rng, phi)
        starts = _random(rng)
        chosen = round(share * ADOPTERS)
        relative = y - y.mean(axis=0)
        past = _past_means(relative, window)[:chosen, BEFORE : WEEKS - AFTER]
        starts[:chosen] = BEFORE + np.argmin(sign * past, axis=1)
        return _started(y, starts)

    return make


def _worse_half(
    sign: float, effect: float = 0.0
) -> Callable[[np.random.Generator], Trial]:
    """Return the half with the worse quarter, against its past, starting at once."""

    def make(rng: np.random.Generator) -> Trial:
        y, start = _units(rng), 65
        dip = y[:, start - 13 : start].mean(axis=1) - y[:, : start - 13].mean(axis=1)
        starts = np.full(UNITS, WEEKS)
        starts[np.argsort(sign * dip)[:ADOPTERS]] = start
        return _started(y, starts, effect)

    return make


def _daily(rng: np.random.Generator) -> Trial:
    """Return days of a year, each adopter starting after its worst 91 days."""
    days = 364
    y = _units(rng, 0.8, UNITS, days)
    past = _past_means(y - y.mean(axis=0), 91)[:ADOPTERS, 182 : days - 60]
    starts = np.full(UNITS, days)
    starts[:ADOPTERS] = 182 + np.argmin(past, axis=1)
    return _started(y, starts, period="day")


def _honest(
    effect: float, phi: float = 0.5, drift: float = 0.0
) -> Callable[[np.random.Generator], Trial]:
    """Return starts at random; adopters may drift straight."""

    def make(rng: np.random.Generator) -> Trial:
        y = _units(rng, phi)
        y[:ADOPTERS] += drift * np.arange(WEEKS)
        return _started(y, _random(rng), effect)

    return make


def _at_once(effect: float) -> Callable[[np.random.Generator], Trial]:
    """Return a random half that starts on a common date, after a bad common quarter."""

    def make(rng: np.random.Generator) -> Trial:
        y, start = _units(rng), 65
        y[:, start - 13 : start] -= 2.0
        starts = np.where(rng.permutation(UNITS) < ADOPTERS, start, WEEKS)
        return _started(y, starts, effect)

    return make


START_WORLDS = (
    World(
        "starts after worst quarters", "staggered_adoption", "reported",
        _after_extreme(13, 1.0),
    ),
    World(
        "starts after best quarters", "staggered_adoption", "reported",
        _after_extreme(13, -1.0),
    ),
    World(
        "worse half starts at once", "staggered_adoption", "reported", _worse_half(1.0)
    ),
    World(
        "better half starts at once", "staggered_adoption", "own", _worse_half(-1.0)
    ),
    World(
        "starts after worst quarters, slow noise", "staggered_adoption", "own",
        _after_extreme(13, 1.0, phi=0.8),
    ),
    World(
        "starts after worst two months", "staggered_adoption", "own",
        _after_extreme(8, 1.0),
    ),
    World(
        "starts after worst half years", "staggered_adoption", "own",
        _after_extreme(26, 1.0),
    ),
    World(
        "half of starts after worst quarters", "staggered_adoption", "own",
        _after_extreme(13, 1.0, share=0.5),
    ),
    World("days after worst quarters", "staggered_adoption", "own", _daily),
    World("weeks, starts at random", "staggered_adoption", "own", _honest(0.0)),
    World(
        "weeks, effect at random starts", "staggered_adoption", "own", _honest(0.8)
    ),
    World(
        "weeks, effect in slow noise", "staggered_adoption", "own",
        _honest(1.0, phi=0.8),
    ),
    World(
        "weeks, effect beside a drift", "staggered_adoption", "own",
        _honest(1.0, drift=0.01),
    ),
    World(
        "weeks, effect after a common dip", "staggered_adoption", "own", _at_once(0.8)
    ),
)  # fmt: skip
