"""Experiments: teams of unequal size, ratios, rare events, no or an invented history.

Every user is a row, for two days before (where there is a before) and two after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.frozen_worlds.world import Trial, World, panel_trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Floats, Whole

BEFORE, AFTER = 2, 2
_DESIGN = {"design": "experiment"}


def _arms(rng: np.random.Generator, count: int) -> Whole:
    arms: Whole = rng.permutation(np.arange(count) % 2)
    return arms


def _trial(
    outcome: Floats,
    effect: Floats,
    arm: Whole,
    *,
    columns: dict[str, Floats] | None = None,
    **assignment: object,
) -> Trial:
    """Return users with an effect on each of the treated, from the launch."""
    truth = (effect * arm).sum() * AFTER
    y = outcome.copy()
    y[:, BEFORE:] += (effect * arm)[:, None]
    shown = {"arm": np.repeat(arm.astype(float)[:, None], y.shape[1], axis=1)}
    declared = {"column": "arm", "unit": "user"} | assignment
    facts = _DESIGN | {"assignment": declared}
    return panel_trial(y, BEFORE, truth, facts, columns=shown | (columns or {}))


def _teams(
    count: int, effect_of_size: Callable[[Floats], Floats], spread: float = 0.8
) -> Callable[[np.random.Generator], Trial]:
    """Return teams of log-normal size, about 20 users in the median."""

    def make(rng: np.random.Generator) -> Trial:
        drawn = np.exp(rng.normal(3.0, spread, count))
        sizes = np.clip(drawn, 4, 150).astype(int)
        team = np.repeat(np.arange(count), sizes)
        habit = rng.normal(0.0, 0.5, count)[team] + rng.normal(0.0, 1.0, len(team))
        noise = rng.normal(0.0, 2.0, (len(team), BEFORE + AFTER))
        effect = effect_of_size(sizes.astype(float))[team]
        shown = np.repeat(team.astype(float)[:, None], BEFORE + AFTER, axis=1)
        return _trial(
            20.0 + habit[:, None] + noise,
            effect,
            _arms(rng, count)[team],
            columns={"team": shown},
            unit="team",
            cluster="team",
        )

    return make


def _ratio(rng: np.random.Generator) -> Trial:
    """Return minutes and tickets: more tickets, each 5 % shorter, for the treated."""
    users, periods = 400, BEFORE + AFTER
    arm = _arms(rng, users)
    pace = np.exp(rng.normal(1.0, 0.5, users))
    treated = np.outer(arm, np.arange(periods) >= BEFORE).astype(float)
    tickets = rng.poisson(pace[:, None] * (1.0 + 0.1 * treated)) + 1.0
    each = np.exp(rng.normal(2.3, 0.2, (users, 1))) * rng.gamma(
        8.0, 1 / 8.0, (users, periods)
    )
    minutes = each * tickets * (1.0 - 0.05 * treated)
    shown = {"arm": np.repeat(arm.astype(float)[:, None], periods, axis=1)}
    facts = _DESIGN | {
        "assignment": {"column": "arm", "unit": "user"},
        "denominator": "tickets",
    }
    mean_each = np.exp(2.3 + 0.2**2 / 2)
    truth = -0.05 * mean_each * (tickets * treated).sum()
    return panel_trial(
        minutes, BEFORE, truth, facts, columns=shown | {"tickets": tickets}
    )


def _rare(rate: float, with_feature: float) -> Callable[[np.random.Generator], Trial]:
    """Return 2000 users, few of whom do something in two days, and none before."""

    def make(rng: np.random.Generator) -> Trial:
        users = 2000
        arm = _arms(rng, users)
        chance = np.where(arm == 1, with_feature, rate)
        y = np.zeros((users, BEFORE + AFTER))
        y[:, BEFORE:] = rng.random((users, AFTER)) < chance[:, None]
        trial = _trial(y, np.zeros(users), arm)
        truth = (with_feature - rate) * arm.sum() * AFTER
        return Trial(trial.frame, trial.facts, float(truth))

    return make


def _users(
    *, history: str, log_sd: float = 0.0
) -> Callable[[np.random.Generator], Trial]:
    """Return 400 users with a history that is known, absent, or invented."""

    def make(rng: np.random.Generator) -> Trial:
        habit = rng.normal(0.0, 1.0, 400)
        y = 20.0 + habit[:, None] + rng.normal(0.0, 1.0, (400, BEFORE + AFTER))
        if log_sd:
            y = np.exp(log_sd * (y - 20.0) / np.sqrt(2.0))
        if history == "absent":
            y[:, :BEFORE] = np.nan
        if history == "invented":
            y[:, :BEFORE] = rng.normal(20.0, 1.0, (400, BEFORE))
        return _trial(y, np.full(400, 0.2), _arms(rng, 400))

    return make


def _lost(rng: np.random.Generator) -> Trial:
    """Return an experiment in which treated users with a low outcome leave."""
    habit = rng.normal(0.0, 1.0, 600)
    y = 20.0 + habit[:, None] + rng.normal(0.0, 1.0, (600, BEFORE + AFTER))
    arm = _arms(rng, 600)
    leaves = (arm == 1) & (habit < -0.8) & (rng.random(600) < 0.6)  # noqa: PLR2004
    y[leaves, BEFORE:] = np.nan
    return _trial(y, np.zeros(600), arm)


def _encouraged(
    with_it: float, without: float
) -> Callable[[np.random.Generator], Trial]:
    """Return users of whom some parts use it when encouraged, and when not.

    Who has more of the outcome uses it sooner. Use adds 1.5 a day to whomever it is;
    the truth is what encouragement made of those who would not have used it.
    """

    def make(rng: np.random.Generator) -> Trial:
        habit = rng.normal(0.0, 1.0, 600)
        keen = np.argsort(np.argsort(-(habit + rng.normal(0.0, 1.0, 600)))) / 600.0
        arm = _arms(rng, 600)
        uses = keen < np.where(arm == 1, with_it, without)
        y = 20.0 + habit[:, None] + rng.normal(0.0, 1.0, (600, BEFORE + AFTER))
        y[:, BEFORE:] += 1.5 * uses[:, None]
        used = np.outer(uses, np.arange(BEFORE + AFTER) >= BEFORE).astype(float)
        moved = (arm == 1) & (keen >= without) & (keen < with_it)
        trial = _trial(y, np.zeros(600), arm, columns={"used": used}, uptake="used")
        return Trial(trial.frame, trial.facts, 1.5 * float(moved.sum()) * AFTER)

    return make


TRIAL_WORLDS = (
    World(
        "effect grows with the team",
        "experiment",
        "reported",
        _teams(40, lambda size: 0.02 * size),
    ),
    World(
        "effect falls with the team",
        "experiment",
        "reported",
        _teams(40, lambda size: 20.0 / size),
    ),
    World("teams of all sizes", "experiment", "reported", _teams(40, np.zeros_like)),
    World("minutes per ticket", "experiment", "reported", _ratio),
    World("rare events", "experiment", "reported", _rare(0.002, 0.002)),
    World("rare events, effect", "experiment", "reported", _rare(0.002, 0.01)),
    World("no history", "experiment", "reported", _users(history="absent")),
    World("invented history", "experiment", "reported", _users(history="invented")),
    World(
        "ten teams, very unequal",
        "experiment",
        "own",
        _teams(10, np.ones_like, spread=1.2),
    ),
    World(
        "revenue with a long tail",
        "experiment",
        "own",
        _users(history="known", log_sd=1.5),
    ),
    World("users who leave", "experiment", "own", _lost),
    World("encouraged to use it", "experiment", "own", _encouraged(0.6, 0.2)),
    World("hardly encouraged", "experiment", "own", _encouraged(0.32, 0.3)),
)
