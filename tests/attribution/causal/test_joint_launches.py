"""Launches that fall together: the total first, the parts only where they are known."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from attribution import Estimate, Refusal, estimate
from attribution.causal.estimators.joint_launches import JointFit, launches_of
from attribution.causal.estimators.shapley import shapley_parts
from attribution.causal.panel import panel_of
from benchmarks.simulated_worlds import autoregression
from tests.attribution.studies_for_tests import START, frame_of, plan_of
from tests.layers import in_full

if TYPE_CHECKING:
    import pandas as pd

    from attribution.causal.plan import Plan

DAYS, LAUNCH = 430, 370
AFTER = DAYS - LAUNCH


def twins(
    gap: int,
    seed: int = 0,
    effects: tuple[float, float] = (3.0, 3.0),
    *,
    before: int = LAUNCH,
    **changes: Any,
) -> tuple[pd.DataFrame, Plan]:
    """Return a series with two launches some days apart, and AR(1) errors."""
    rng = np.random.default_rng(seed)
    days = before + AFTER
    day = np.arange(days)
    outcome = 100.0 + autoregression(rng, days, 0.5, 1.5)
    outcome += effects[0] * (day >= before) + effects[1] * (day >= before + gap)
    other = {"name": "new price list", "on": START + timedelta(days=before + gap)}
    return frame_of(outcome), plan_of(days, before, other_launches=[other], **changes)


def estimated(frame: pd.DataFrame, plan: Plan) -> Estimate:
    found = estimate(frame, plan)
    assert isinstance(found, Estimate), found
    return found


@cache
def estimate_of(gap: int, claim: str = "feature") -> Estimate:
    """Return what is estimated of two launches, once for all tests that look at it."""
    frame, plan = twins(gap)
    return estimated(frame, plan.model_copy(update={"claim": claim}))


def check_of(found: Estimate, name: str) -> Any:
    return next(check for check in found.checks if check.name == name)


def test_launches_thirty_days_apart_are_told_apart() -> None:
    found = estimate_of(30)
    assert found.design == "joint_launches"
    assert check_of(found, "launch_overlap").status == "pass"
    low, high = found.average.interval(0.95)
    assert low < 3.0 < high
    assert low > 0
    # The second one was there for 30 of 60 days.
    total = found.diagnostics["total_low_90"], found.diagnostics["total_high_90"]
    assert total[0] < 3.0 * 60 + 3.0 * 30 < total[1]
    assert found.contributions is not None
    kinds = found.contributions.set_index("factor")["kind"]
    assert kinds["copilot"] == kinds["new price list"] == "driver"


def test_launches_three_days_apart_are_one_claim_or_a_wide_one() -> None:
    """Alone it is at least twice as uncertain as together, and the text says both."""
    alone = estimate_of(3)
    overlap = check_of(alone, "launch_overlap")
    assert overlap.status == "fail"
    assert overlap.statistic > 2.0
    assert alone.grade == "D"
    assert any("cannot be separated. Together" in note for note in alone.notes)
    together = estimate_of(3, "joint")
    assert check_of(together, "launch_overlap").status == "warn"
    truth = 3.0 * AFTER + 3.0 * (AFTER - 3)
    low, high = together.effect.interval(0.95)
    assert low < truth < high
    wide = np.diff(alone.effect.interval(0.9))[0]
    assert wide > 2.0 * np.diff(together.effect.interval(0.9))[0]
    assert "copilot and new price list added together" in together.estimand
    # Whatever it is alone, it is never the sum that a step before and after would say.
    assert together.contributions is not None
    bars = together.contributions.set_index("factor")
    assert bars.loc["copilot and new price list", "kind"] == "joint"
    assert "copilot" not in bars.index


def test_a_joint_claim_is_shared_out_by_policy_and_says_so() -> None:
    found = estimate_of(3, "joint")
    parts = found.diagnostics["policy_allocation"]
    assert set(parts) == {"copilot", "new price list"}
    assert sum(parts.values()) == pytest.approx(found.effect.point, rel=2e-2)
    # Both launches look nearly the same to the data, so nearly the same is theirs.
    assert parts["copilot"] == pytest.approx(parts["new price list"], rel=0.35)


def test_launches_on_one_day_have_no_answer_alone() -> None:
    frame, plan = twins(0)
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "launches_overlap"
    assert refused.evidence["gap_days"] == 0.0
    assert "claim: joint" in refused.what_would_fix_it
    together = estimated(frame, plan.model_copy(update={"claim": "joint"}))
    low, high = together.average.interval(0.95)
    assert low < 6.0 < high


def test_claims_on_one_outcome_never_sum_to_more_than_the_total() -> None:
    """Each launch's study uses the same model, so the parts sum to the total."""
    panel_and_plan = twins(20)
    launches = launches_of(panel_of(*panel_and_plan), panel_and_plan[1])
    found = JointFit(launches, launches.fit(np.random.default_rng(0), draws=300))
    coefficients, _ = found.fitted.drawn(
        found.loadings((0, 1)), np.random.default_rng(1), 400
    )
    parts = [coefficients @ found.loadings((j,))[0] for j in (0, 1)]
    total = coefficients @ found.loadings((0, 1))[0]
    assert np.abs(sum(parts) - total).max() < 1e-9


def parcels(seed: int, **changes: Any) -> tuple[pd.DataFrame, Plan]:
    """Return a feature that does nothing, launched with a promotion and a redesign.

    The promotion (+4.4 %) ran for four weeks before, the redesign (+1.6 %) was tried
    with half of the customers for two months; both come back with the launch.
    """
    rng = np.random.default_rng(seed)
    days, launch = 337, 307
    day = np.arange(days)
    promoted = (day >= launch) | ((day >= 120) & (day < 148))
    redesign = np.clip((day - launch + 7) / 14, 0.0, 1.0)
    redesign = np.where((day >= 175) & (day < 230), 0.5, redesign)
    weekly = np.where(day % 7 >= 5, 0.72, 1.0)
    outcome = 41_000 * weekly * np.exp(rng.normal(0.0, 0.02, days))
    outcome *= (1 + 0.044 * promoted) * (1 + 0.016 * redesign)
    frame = frame_of(
        outcome, price_index=np.where(promoted, 0.92, 1.0), app_share=redesign
    )
    others = [
        {
            "name": "promotion",
            "on": START + timedelta(days=launch),
            "column": "price_index",
        },
        {
            "name": "redesign",
            "on": START + timedelta(days=launch - 7),
            "column": "app_share",
        },
    ]
    return frame, plan_of(days, launch, other_launches=others, **changes)


@pytest.mark.parametrize("seed", [0, *in_full(1, 2)])
def test_a_feature_without_effect_is_not_given_that_of_a_promotion(seed: int) -> None:
    """Before and after differ by 6 %; none of it is the feature's."""
    frame, plan = parcels(seed)
    outcome = frame["outcome"].to_numpy()
    naive = outcome[307:].mean() / outcome[:307].mean() - 1
    assert naive > 0.04
    found = estimated(frame, plan)
    low, high = found.effect.interval(0.9)
    assert low < 0 < high
    assert "No effect detected" in found.report()
    six_percent = 0.06 * outcome[:307].mean()
    assert found.average.interval(0.99)[1] < six_percent
    # The promotion is known from when it ran alone.
    assert found.contributions is not None
    bars = found.contributions.set_index("factor")
    assert bars.loc["promotion", "contribution"] > 0.02 * outcome.mean()
    assert (
        abs(bars["contribution"].iloc[:-1].sum() - bars["contribution"].iloc[-1]) < 1e-6
    )


def test_without_the_trial_the_redesign_cannot_be_told_from_the_feature() -> None:
    frame, plan = parcels(0)
    tried = (frame.index >= 175) & (frame.index < 230)
    never = frame.assign(
        outcome=frame["outcome"] / np.where(tried, 1.008, 1.0),
        app_share=frame["app_share"].where(~tried, 0.0),
    )
    found = estimated(never, plan.model_copy(update={"claim": "joint"}))
    assert found.diagnostics["cannot_be_told_apart"] == ["copilot", "redesign"]
    assert found.average.interval(0.99)[1] < 0.06 * frame["outcome"].mean()


def test_other_units_of_money_and_orders_give_the_same_answer() -> None:
    frame, plan = twins(30)
    found = estimate_of(30)
    usual = np.array([*found.effect.interval(0.9), found.effect.point])
    scaled = estimated(frame.assign(outcome=frame["outcome"] * 1e-6), plan)
    again = np.array([*scaled.effect.interval(0.9), scaled.effect.point])
    assert again == pytest.approx(usual * 1e-6, rel=1e-6)
    shuffled = estimated(frame.sample(frac=1.0, random_state=1), plan)
    assert np.array_equal(shuffled.effect.paths, found.effect.paths)
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        low, high = found.effect.interval(level)
        assert (low > 0 or high < 0) == (found.effect.p_value < 1 - level)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            {"other_launches": [], "design": "joint_launches"},
            "plan_not_supported",
            "no",
        ),
        (
            {"scale": "multiplicative", "design": "joint_launches"},
            "plan_not_supported",
            "additive",
        ),
    ],
)
def test_what_is_not_joint_is_refused(
    change: dict[str, Any], code: str, said: str
) -> None:
    frame, plan = twins(3)
    named = plan.model_dump() | {"design": "joint_launches"}
    changed = type(plan).model_validate(named | change)
    refused = estimate(frame, changed)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert said in refused.message


def test_a_history_of_less_than_three_horizons_is_refused() -> None:
    frame, plan = twins(3)
    early = plan.model_dump() | {
        "launch": START + timedelta(days=150),
        "other_launches": [{"name": "price", "on": START + timedelta(days=153)}],
    }
    refused = estimate(frame, type(plan).model_validate(early))
    assert isinstance(refused, Refusal)
    assert refused.code == "pre_period_too_short"
    assert "150 days" in refused.message


def test_a_share_of_three_is_the_average_over_six_orders() -> None:
    """Ann makes 10 with anybody before her, Ben 4 only before Ann, Cem nothing."""
    worth: dict[tuple[int, ...], float] = {(): 0.0, (0,): 6.0, (1,): 4.0, (2,): 0.0}
    worth |= {(0, 1): 14.0, (0, 2): 6.0, (1, 2): 4.0, (0, 1, 2): 14.0}
    # Ann gains 6 when first and 10 after Ben, Ben 4 when first and 8 after Ann.
    assert shapley_parts(3, worth.__getitem__) == pytest.approx([8.0, 6.0, 0.0])


def test_the_total_of_two_launches_holds_and_separate_claims_do_not() -> None:
    """20 series, 10 days apart: nine tenths hold 13 or more in 999 of 1000."""
    held, before = 0, 190
    separate = []
    for seed in range(20):
        frame, plan = twins(10, seed, before=before)
        launches = launches_of(panel_of(frame, plan), plan)
        found = JointFit(launches, launches.fit(np.random.default_rng(seed), draws=300))
        low, high = found.interval((0, 1))
        held += low < 3.0 * 60 + 3.0 * 50 < high
        outcome = frame["outcome"].to_numpy()
        separate.append(
            sum(
                (outcome[at:].mean() - outcome[:at].mean()) * len(outcome[at:])
                for at in (before, before + 10)
            )
        )
    assert held >= 13
    # What two studies would say apart: nearly twice what there is.
    assert np.mean(separate) > 1.6 * (3.0 * 60 + 3.0 * 50)
