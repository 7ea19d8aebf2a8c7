"""Whether units grow by amounts or by shares: by hand, and in worlds of either."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.checks.scale import scale
from attribution.causal.estimators.rollouts.data import RolloutData, rollout_data
from attribution.causal.estimators.rollouts.fitting import effects_shown_by
from attribution.causal.estimators.rollouts.scale import (
    other_scale,
    p_of_votes,
    proportional_fit,
    shares_above_constants,
)
from attribution.causal.estimators.staggered_adoption import path_of
from attribution.causal.panel import panel_of
from attribution.studies.power import minimum_detectable_effect
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS
from benchmarks.frozen_worlds import FROZEN_WORLDS

if TYPE_CHECKING:
    from attribution.causal.estimators.rollouts.drift import DriftingPath

#: No card is measured on it.
SEED = 50_000


def plan_of(facts: Any, **changes: object) -> Plan:
    return Plan.model_validate({**FIXED_FACTS, **facts, **changes})


def fitted(name: str, **changes: object) -> tuple[RolloutData, DriftingPath]:
    trial = FROZEN_WORLDS[name].trial(SEED)
    plan = plan_of(trial.facts, **changes)
    panel = panel_of(trial.frame, plan)
    data = rollout_data(panel, plan)
    return data, path_of(data, panel)


def test_shares_are_fitted_by_the_sums_of_units_and_periods() -> None:
    """Two units of 1 and 3 that double: 1 2, 3 6; and the last cell is not known."""
    outcome = np.array([[1.0, 2.0], [3.0, 6.0]])
    everywhere = np.ones((2, 2), dtype=bool)
    assert proportional_fit(outcome, everywhere) == pytest.approx(outcome)
    known = np.array([[True, True], [True, False]])
    gone = np.array([[1.0, 2.0], [3.0, np.nan]])
    assert proportional_fit(gone, known) == pytest.approx(outcome)
    noisy = np.array([[0.0, 4.0, 1.0], [2.0, 3.0, 6.0]])
    found = proportional_fit(noisy, np.ones((2, 3), dtype=bool))
    assert found is not None
    assert found.sum(axis=0) == pytest.approx(noisy.sum(axis=0))
    assert found.sum(axis=1) == pytest.approx(noisy.sum(axis=1))


def test_a_refund_in_a_cell_does_not_silence_the_question() -> None:
    refunded = np.array([[3.0, -0.01, 2.0], [6.0, 4.0, 4.0]])
    found = proportional_fit(refunded, np.ones((2, 3), dtype=bool))
    assert found is not None
    assert found.sum(axis=1) == pytest.approx(refunded.sum(axis=1))
    data, path = fitted("parallel trends")
    outcome = data.outcome.copy()
    outcome[-1, 0] = -0.01
    assert other_scale(replace(data, outcome=outcome), path) is not None


def test_what_is_below_zero_has_no_shares() -> None:
    below = np.array([[1.0, -2.0]])
    assert proportional_fit(below, np.ones((1, 2), dtype=bool)) is None
    data, path = fitted("parallel trends")
    shifted = replace(data, outcome=data.outcome - 100.0)
    assert other_scale(shifted, path) is None


def test_a_claim_of_amounts_below_zero_rests_on_the_plan_and_costs_a_step() -> None:
    """The defect: a constant off all outcomes silenced the check.

    Amounts that would lead below zero speak for shares, which such a plan declares.
    """
    trial = FROZEN_WORLDS["effect at once"].trial(SEED)
    shifted = trial.frame.assign(outcome=trial.frame["outcome"] - 1000.0)
    found = estimate(shifted, plan_of(trial.facts), is_registered=True)
    assert isinstance(found, Estimate), found
    [check] = [check for check in found.checks if check.name == "scale"]
    assert (check.status, check.statistic) == ("warn", None)
    assert scale("additive", None, 0.0, claims_effect=False).status == "not run"
    shares = scale("multiplicative", None, 0.0, claims_effect=True)
    assert shares.status == "not run"


def test_a_constant_on_top_of_all_outcomes_hides_no_growth_by_shares() -> None:
    """The defect: beside a constant shares look like amounts, and claims counted."""
    trial = FROZEN_WORLDS["scale grows"].trial(SEED)
    usual, path = fitted("scale grows")
    raised = replace(usual, outcome=usual.outcome + 10_000.0)
    hidden = other_scale(raised, path)
    assert hidden is not None
    assert abs(hidden.effect) < 1.0
    above = shares_above_constants(raised, path)
    assert min(one.p_value for one in above) < 0.01
    assert max(one.effect for one in above) > 10.0
    # Where nothing was added, no constant fits better than none.
    assert shares_above_constants(usual, path) == []
    frame = trial.frame.assign(outcome=trial.frame["outcome"] + 10_000.0)
    found = estimate(frame, plan_of(trial.facts), is_registered=True)
    assert isinstance(found, Estimate), found
    low, high = found.effect.interval(0.9)
    [check] = [check for check in found.checks if check.name == "scale"]
    assert (check.status == "warn") == (low > 0 or high < 0)


def test_a_hidden_constant_costs_claims_a_step_and_no_one_else() -> None:
    def status(hidden: float, *, claims: bool) -> str:
        return scale("additive", 0.01, 0.1, hidden, claims_effect=claims).status

    assert status(0.04, claims=True) == "warn"
    assert status(0.04, claims=False) == status(0.05, claims=True) == "pass"
    assert scale("additive", 0.01, 0.3, 0.01, claims_effect=True).status == "fail"


def test_each_cluster_votes_once_and_by_how_much() -> None:
    """Of eight ways to sign three votes of 1 only one adds up to three."""
    apart = np.arange(3)
    assert p_of_votes(np.ones(3), apart) == pytest.approx(1 / 8, abs=0.03)
    assert p_of_votes(-np.ones(3), apart) == 1.0
    # Two units of one region are one vote: of four ways one.
    assert p_of_votes(np.ones(3), np.array([0, 0, 1])) == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("name", ["parallel trends", "waves drift apart"])
def test_another_outcome_is_treated_as_the_estimate_treats_its_own(name: str) -> None:
    data, path = fitted(name)
    own, flat = effects_shown_by(data, path, [data.outcome, data.outcome * 0.0 + 7.0])
    assert own == pytest.approx(path.point, abs=1e-8)
    assert flat == pytest.approx(0.0, abs=1e-8)


def test_units_that_grow_by_shares_refuse_a_plan_of_amounts() -> None:
    """The defect: what larger adopters grew more was counted as an effect."""
    trial = FROZEN_WORLDS["scale grows"].trial(SEED)
    refused = estimate(trial.frame, plan_of(trial.facts), is_registered=True)
    assert isinstance(refused, Refusal)
    assert refused.code == "scale_contradicted"
    assert "Declare `scale: multiplicative`." in refused.message
    asked = plan_of(trial.facts, scale="multiplicative")
    found = estimate(trial.frame, asked, is_registered=True)
    assert isinstance(found, Estimate), found
    low, high = found.effect.interval(0.95)
    assert low < trial.truth < high


def test_units_that_grow_by_amounts_refuse_a_plan_of_shares() -> None:
    trial = FROZEN_WORLDS["amounts, in logarithms"].trial(SEED)
    refused = estimate(trial.frame, plan_of(trial.facts), is_registered=True)
    assert isinstance(refused, Refusal)
    assert refused.code == "scale_contradicted"
    assert "Declare `scale: additive`." in refused.message


def test_a_plan_is_refused_before_it_is_locked_where_its_history_says_so() -> None:
    """Half of the history stands for the window after the launch."""
    trial = FROZEN_WORLDS["giants adopt"].trial(SEED)
    launch = pd.Timestamp(trial.facts["launch"])
    last = launch + pd.DateOffset(months=6)
    starts = trial.facts["rollout"].items()
    rollout = {unit: day for unit, day in starts if pd.Timestamp(day) < last}
    window = trial.facts["window"] | {"end": last.date()}
    frame = trial.frame[trial.frame["date"] < launch]
    plan = plan_of(trial.facts, rollout=rollout, window=window)
    refused = minimum_detectable_effect(frame, plan)
    assert isinstance(refused, Refusal), refused
    assert refused.code == "scale_contradicted"


@pytest.mark.parametrize(
    ("p_value", "effect", "status"),
    [
        (0.04, 0.26, "fail"),
        (0.04, -0.26, "fail"),
        (0.06, 3.0, "pass"),
        (0.001, 0.24, "pass"),
    ],
)
def test_a_scale_fails_where_it_is_clear_and_matters(
    p_value: float, effect: float, status: str
) -> None:
    check = scale("additive", p_value, effect, claims_effect=True)
    assert check.status == status


def test_hardly_any_plan_with_the_right_scale_is_refused() -> None:
    """Of 48 studies with the scale of their world two would be a surprise."""
    fails = 0
    for name in (
        "parallel trends",
        "adopters drift",
        "effect at once",
        "trend by size",
    ):
        for seed in range(SEED, SEED + 12):
            trial = FROZEN_WORLDS[name].trial(seed)
            plan = plan_of(trial.facts)
            panel = panel_of(trial.frame, plan)
            data = rollout_data(panel, plan)
            path = path_of(data, panel)
            other = other_scale(data, path)
            assert other is not None
            low, high = path.interval(0.9)
            half = (high - low) / 2.0
            against = other.effect / half
            check = scale(plan.scale, other.p_value, against, claims_effect=True)
            fails += check.status == "fail"
    assert fails <= 1
