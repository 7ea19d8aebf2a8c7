"""Roll-outs: what their second opinion has to satisfy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.estimators.rollouts.data import rollout_data
from attribution.causal.estimators.rollouts.fitting import drifting_path
from attribution.causal.estimators.rollouts.group_time_effects import group_time_effects
from attribution.causal.estimators.rollouts.imputation import (
    imputation_of,
)
from attribution.causal.estimators.rollouts.opinion import second_opinion_of
from attribution.causal.panel import panel_of
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS
from benchmarks.frozen_worlds import FROZEN_WORLDS
from tests.attribution.rollouts_for_tests import (
    arrays,
    check_of,
    data_of,
    rollout,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.causal.checks.check import Check


def test_a_plan_with_controls_has_a_second_opinion_that_is_doubly_robust() -> None:
    """It is the same as that of group-time effects with the controls of the plan."""
    trial = FROZEN_WORLDS["trend by size"].trial(50_000)
    plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
    found = estimate(trial.frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    data = rollout_data(panel_of(trial.frame, plan), plan)
    own = group_time_effects(
        data.outcome, data.first, "not yet treated", data.covariates
    )
    [total] = found.second_opinion.values()
    assert total == pytest.approx(own.simple().effect * found.cells)
    without = group_time_effects(data.outcome, data.first, "not yet treated")
    assert own.simple().effect != pytest.approx(without.simple().effect, rel=0.05)


def opinion_of(frame: pd.DataFrame, plan: Plan) -> Check:
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    return next(one for one in found.checks if one.name == "second_opinion")


def test_chance_of_a_second_opinion_is_that_of_leaving_out_each_unit() -> None:
    frame, plan = rollout(40, 7)
    check = opinion_of(frame, plan)
    panel = panel_of(frame, plan)

    def difference(keep: NDArray[np.bool_]) -> float:
        """Return how far the two differ, less what a drift adds to one of them."""
        outcome, first = panel.outcome[keep], panel.first[keep]
        path = drifting_path(data_of(outcome, first))
        assert path is not None
        adopts = (panel.first < panel.outcome.shape[1])[:, None]
        steps = adopts * np.arange(panel.outcome.shape[1], dtype=float)
        both = [
            group_time_effects(y, panel.first, "not yet treated").simple().effect
            - imputation_of(y, panel.first).average
            for y in (panel.outcome, steps)
        ]
        other = group_time_effects(outcome, first, "not yet treated").simple()
        own = other.effect - imputation_of(outcome, first).average
        return own - path.drift * both[1]

    everybody = np.ones(40, dtype=bool)
    without = np.array(
        [difference(everybody & (np.arange(40) != unit)) for unit in range(40)]
    )
    error = np.sqrt(39 / 40 * ((without - without.mean()) ** 2).sum())
    assert check.picture["chance"][0] == pytest.approx(
        stats.t.ppf(0.975, 39) * error, rel=0.1
    )
    gap = check.picture["other"][0] - check.picture["ours"][0]
    assert gap == pytest.approx(difference(everybody), abs=1e-9)


def test_chance_of_a_second_opinion_counts_a_region_once() -> None:
    """By hand: without each of twelve regions, one of four units, in turn."""
    outcome, first = arrays(48, 7)
    region = np.arange(48) // 4
    shocks = np.random.default_rng(1).normal(0.0, 2.0, (12, outcome.shape[1]))
    outcome = outcome + np.cumsum(shocks, axis=1)[region] / 5.0
    first = np.where(region % 2 == 0, 12, outcome.shape[1])

    def chance(region: np.ndarray) -> float:
        data = data_of(outcome, first, region)
        path = drifting_path(data)
        assert path is not None
        found = second_opinion_of(data, path)
        assert found is not None
        return found.chance

    def difference(keep: NDArray[np.bool_]) -> float:
        y, starts = outcome[keep], first[keep]
        steps = (starts < y.shape[1])[:, None] * np.arange(float(y.shape[1]))
        own = [
            group_time_effects(one, starts, "not yet treated").simple().effect
            - imputation_of(one, starts).average
            for one in (y, steps)
        ]
        path = drifting_path(data_of(y, starts))
        assert path is not None
        return own[0] - path.drift * own[1]

    without = np.array([difference(region != one) for one in range(12)])
    error = np.sqrt(11 / 12 * ((without - without.mean()) ** 2).sum())
    expected = stats.t.ppf(0.975, 11) * error
    assert chance(region) == pytest.approx(expected, rel=0.15)
    assert chance(np.arange(48)) < 0.95 * expected


def test_controls_that_tell_adopters_apart_do_not_silence_the_second_opinion() -> None:
    """A propensity is certain there; a regression of changes still has an answer."""
    outcome, first = arrays(20, 5)
    size = np.where(first < outcome.shape[1], 1.0, -1.0) + np.arange(20) / 100.0
    data = replace(data_of(outcome, first), covariates=size[:, None])
    path = drifting_path(data)
    assert path is not None
    found = second_opinion_of(data, path)
    assert found is not None
    regressed = group_time_effects(
        outcome, first, "not yet treated", size[:, None], weighs=False
    )
    assert found.effect == pytest.approx(regressed.simple().effect)


def test_more_controls_than_units_to_compare_with_cost_a_step() -> None:
    frame, plan = rollout(15, 5)
    names = [f"control_{n}" for n in range(7)]
    units = frame["unit"].astype("category").cat.codes.to_numpy()
    values = np.random.default_rng(0).normal(size=(units.max() + 1, len(names)))
    shown = frame.assign(**{name: values[units, n] for n, name in enumerate(names)})
    found = estimate(
        shown, plan.model_copy(update={"controls": tuple(names)}), is_registered=True
    )
    if isinstance(found, Refusal):
        assert found.code == "too_few_units"
        return
    check = check_of(found, "second_opinion")
    assert (check.status, check.statistic) == ("warn", None)
    assert "declared controls" in check.why


def test_two_methods_that_are_both_right_seldom_warn_each_other() -> None:
    warned = [opinion_of(*rollout(20, seed)).status == "warn" for seed in range(25)]
    # One in twenty does so six times of 25 once in a thousand.
    assert sum(warned) <= 5


def test_a_drift_alone_never_makes_the_second_opinion_differ() -> None:
    """Both are moved by it, and by unlike amounts; what agrees is not selected by it.

    Adopters that drift by 0.6 a day move the one by some seven and the other by six.
    """
    usual, drifting = (opinion_of(*rollout(30, 4, trend=trend)) for trend in (0.0, 0.6))
    gaps = [
        one.picture["other"][0] - one.picture["ours"][0] for one in (usual, drifting)
    ]
    assert gaps[1] == pytest.approx(gaps[0], abs=1e-9)
    assert drifting.picture["chance"][0] == pytest.approx(
        usual.picture["chance"][0], rel=0.02
    )


def test_a_reaction_before_the_start_makes_the_second_opinion_differ() -> None:
    """The period before the start is what only Callaway and Sant'Anna compare with."""
    frame, plan = rollout(40, 5, effect=6.0)
    starts = frame["unit"].map(plan.rollout)
    eve = frame["date"] == pd.to_datetime(starts) - pd.Timedelta(days=1)
    frame.loc[eve, "outcome"] += 6.0
    check = opinion_of(frame, plan)
    assert check.status == "warn"
    assert check.picture["other"][0] < check.picture["ours"][0] - 3.5
