"""Roll-outs without parallel trends, with shared shocks, and on scales that grow.

Thirty units over 24 months start in three waves (months 12, 15 and 18), twelve never.
Noise is AR(1) with φ 0.5 and standard deviation 1, unless said otherwise.
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

    from attribution.arrays import Floats, Whole

UNITS, MONTHS = 30, 24
_DESIGN = {"design": "staggered_adoption"}


def starts_in_waves(units: int = UNITS, months: int = MONTHS, first: int = 12) -> Whole:
    """Return the first treated month by unit: three in five, in three waves."""
    waves = np.array([first, first + 3, first + 6, months, months])
    return waves[np.arange(units) % 5]


def periods_since(starts: Whole, months: int = MONTHS) -> Whole:
    """Return for each unit and month how many it has been treated for; zero before."""
    since: Whole = np.maximum(np.arange(months) - starts[:, None] + 1, 0)
    return since


def ordinary_units(rng: np.random.Generator, months: int = MONTHS) -> Floats:
    """Return units that differ in level and share one trend."""
    levels = rng.normal(50.0, 5.0, UNITS)[:, None]
    noise = autoregressions(rng, UNITS, months, 0.5, 1.0)
    found: Floats = levels + 0.2 * np.arange(months) + noise
    return found


def rollout_trial(
    y: Floats,
    starts: Whole,
    effect: Floats,
    *,
    columns: dict[str, Floats] | None = None,
    **facts: object,
) -> Trial:
    """Return a roll-out as rows and facts; its truth is the sum of the effect."""
    months = y.shape[1]
    trial = panel_trial(
        y, int(starts.min()), effect.sum(), {}, period="month", columns=columns
    )
    dates = np.sort(trial.frame["date"].unique())
    rollout = {
        f"u{unit:02}": f"{np.datetime64(dates[start], 'D')}"
        for unit, start in enumerate(starts)
        if start < months
    }
    declared = dict(trial.facts) | _DESIGN | {"rollout": rollout} | facts
    return Trial(trial.frame, declared, trial.truth)


def _none(starts: Whole, months: int = MONTHS) -> Floats:
    return np.zeros((len(starts), months))


def _parallel(rng: np.random.Generator) -> Trial:
    starts = starts_in_waves()
    return rollout_trial(ordinary_units(rng), starts, _none(starts))


def _growing_effects(rng: np.random.Generator) -> Trial:
    starts = starts_in_waves()
    own = np.array([0.3, 0.2, 0.1, 0.0, 0.0])[np.arange(UNITS) % 5]
    effect: Floats = own[:, None] * periods_since(starts)
    return rollout_trial(ordinary_units(rng) + effect, starts, effect)


def _drift(
    per_month: float, months: int = MONTHS, first: int = 12
) -> Callable[[np.random.Generator], Trial]:
    """Return adopters that drift away from the others, before and after."""

    def make(rng: np.random.Generator) -> Trial:
        starts = starts_in_waves(months=months, first=first)
        adopts = (starts < months)[:, None]
        y = ordinary_units(rng, months) + per_month * adopts * np.arange(months)
        return rollout_trial(y, starts, _none(starts, months))

    return make


def _regions(count: int) -> Callable[[np.random.Generator], Trial]:
    """Return regions that share walks, and adopt as a whole."""

    def make(rng: np.random.Generator) -> Trial:
        region = np.arange(UNITS) // (UNITS // count)
        starts = np.where(region % 2 == 0, 12, MONTHS)
        y = ordinary_units(rng) + walk(rng, (count, MONTHS), 0.3)[region]
        shown = np.repeat(region.astype(float)[:, None], MONTHS, axis=1)
        return rollout_trial(
            y, starts, _none(starts), columns={"region": shown}, cluster="region"
        )

    return make


def _sizes(effect: float, scale: str) -> Callable[[np.random.Generator], Trial]:
    """Return units that grow by 4 % a month, adopters being twice as large."""

    def make(rng: np.random.Generator) -> Trial:
        starts = starts_in_waves()
        size = np.exp(rng.normal(4.0, 0.5, UNITS)) * np.where(starts < MONTHS, 2.0, 1.0)
        noise = autoregressions(rng, UNITS, MONTHS, 0.5, 0.05)
        without = size[:, None] * np.exp(0.04 * np.arange(MONTHS) + noise)
        gained = without * effect * (periods_since(starts) > 0)
        return rollout_trial(without + gained, starts, gained, scale=scale)

    return make


def _covariate(rng: np.random.Generator) -> Trial:
    """Return units whose trend depends on their size, and larger ones adopt."""
    starts = starts_in_waves()
    size = rng.normal(0.0, 1.0, UNITS) + np.where(starts < MONTHS, 1.0, 0.0)
    y = ordinary_units(rng) + 0.1 * size[:, None] * np.arange(MONTHS)
    shown = np.repeat(size[:, None], MONTHS, axis=1)
    return rollout_trial(
        y, starts, _none(starts), columns={"size": shown}, controls=("size",)
    )


def _dip(rng: np.random.Generator) -> Trial:
    """Return units that adopt after bad months, from which all recover."""
    y = ordinary_units(rng)
    noise = y - y.mean(axis=1)[:, None]
    lowest = np.argsort(noise[:, 9:12].mean(axis=1))
    starts = np.full(UNITS, MONTHS)
    starts[lowest[:15]] = 12
    return rollout_trial(y, starts, _none(starts))


def _parting(
    per_month: float, months_early: int
) -> Callable[[np.random.Generator], Trial]:
    """Return adopters that part from the others only some months before they start."""

    def make(rng: np.random.Generator) -> Trial:
        starts = starts_in_waves()
        begins = starts[:, None] - months_early
        since = np.maximum(np.arange(MONTHS) - begins + 1, 0)
        adopts = starts[:, None] < MONTHS
        y = ordinary_units(rng) + per_month * np.where(adopts, since, 0)
        return rollout_trial(y, starts, _none(starts))

    return make


def _early_step(rng: np.random.Generator) -> Trial:
    """Return adopters that jump by one two months before they start, and stay."""
    starts = starts_in_waves()
    jumped = np.arange(MONTHS) >= starts[:, None] - 2
    y = ordinary_units(rng) + np.where(starts[:, None] < MONTHS, jumped, 0.0)
    return rollout_trial(y, starts, _none(starts))


def _drift_by_wave(rng: np.random.Generator) -> Trial:
    """Return waves that drift the more the earlier they start."""
    starts = starts_in_waves()
    own = np.array([0.25, 0.15, 0.05, 0.0, 0.0])[np.arange(UNITS) % 5]
    y = ordinary_units(rng) + own[:, None] * np.arange(MONTHS)
    return rollout_trial(y, starts, _none(starts))


def _effect_at_once(rng: np.random.Generator) -> Trial:
    """Return an effect of 1.5 that is all there from the start, on parallel trends."""
    starts = starts_in_waves()
    effect = np.where(periods_since(starts) > 0, 1.5, 0.0)
    return rollout_trial(ordinary_units(rng) + effect, starts, effect)


def _seasons(rng: np.random.Generator) -> Trial:
    """Return adopters with a stronger season of the year than the others."""
    starts = starts_in_waves()
    season = np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    y = ordinary_units(rng) + np.where(starts[:, None] < MONTHS, 3.0, 1.0) * season
    return rollout_trial(y, starts, _none(starts))


ROLLOUT_WORLDS = (
    World("parallel trends", "staggered_adoption", "reported", _parallel),
    World("adopters drift", "staggered_adoption", "reported", _drift(0.15)),
    World(
        "adopters drift, long history",
        "staggered_adoption",
        "reported",
        _drift(0.05, months=60, first=48),
    ),
    World("regions share shocks", "staggered_adoption", "reported", _regions(10)),
    World("six regions", "staggered_adoption", "reported", _regions(6)),
    World("scale grows", "staggered_adoption", "reported", _sizes(0.0, "additive")),
    World(
        "scale grows, in logarithms",
        "staggered_adoption",
        "reported",
        _sizes(0.1, "multiplicative"),
    ),
    World("trend by size", "staggered_adoption", "reported", _covariate),
    World("effects grow", "staggered_adoption", "own", _growing_effects),
    World("adopt after a dip", "staggered_adoption", "own", _dip),
    World("part just before", "staggered_adoption", "own", _parting(0.4, 2)),
    World("other seasons", "staggered_adoption", "own", _seasons),
    World("part four months before", "staggered_adoption", "own", _parting(0.25, 4)),
    World("step just before", "staggered_adoption", "own", _early_step),
    World("adopters drift faster", "staggered_adoption", "own", _drift(0.3)),
    World("waves drift apart", "staggered_adoption", "own", _drift_by_wave),
    World("effect at once", "staggered_adoption", "own", _effect_at_once),
)
