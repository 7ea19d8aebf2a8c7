"""The effect of use: statsmodels' test of Anderson and Rubin, weak and full uptake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import statsmodels.api as sm

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.estimators.experiment import adjusted_difference
from attribution.causal.estimators.experiment_arms import Arms
from attribution.causal.estimators.uptake import EffectOfUse
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS
from benchmarks.frozen_worlds import FROZEN_WORLDS

if TYPE_CHECKING:
    import pandas as pd

BEFORE, USERS = 2, 600


def study(
    name: str = "encouraged to use it", seed: int = 0
) -> tuple[pd.DataFrame, Plan]:
    trial = FROZEN_WORLDS[name].trial(seed)
    return trial.frame, Plan.model_validate({**FIXED_FACTS, **trial.facts})


def without_uptake(plan: Plan, **changes: Any) -> Plan:
    assert plan.assignment is not None
    assigned = plan.assignment.model_copy(update={"uptake": None} | changes)
    return plan.model_copy(update={"assignment": assigned})


def estimated(frame: pd.DataFrame, plan: Plan) -> Estimate:
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    return found


def by_user(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame.pivot_table(index="unit", columns="date", values=column).to_numpy()


def test_ends_of_the_interval_are_what_a_regression_just_rejects() -> None:
    """Anderson and Rubin by hand: HC3 of outcome less effect × use, at 10 %."""
    frame, plan = study()
    figures = estimated(frame, plan).diagnostics
    outcome, used = by_user(frame, "outcome"), by_user(frame, "used")
    arm = by_user(frame, "arm")[:, 0]
    before = outcome[:, :BEFORE].mean(axis=1)
    centred = before - before.mean()
    design = np.column_stack([np.ones(USERS), arm, centred, arm * centred])

    def p_value(effect: float) -> float:
        left = (outcome - effect * used)[:, BEFORE:].sum(axis=1)
        fit = sm.OLS(left, design).fit(cov_type="HC3", use_t=True)
        return float(fit.pvalues[1])

    for end in ("effect_of_use_low", "effect_of_use_high"):
        assert p_value(figures[end]) == pytest.approx(0.1, abs=1e-6)
    assert p_value(figures["effect_of_use"]) == pytest.approx(1.0)


def test_whoever_chose_to_use_it_is_not_compared_with_the_others() -> None:
    """Use adds 1.5; users have about one more than others whatever they use."""
    frame, plan = study()
    outcome, used = by_user(frame, "outcome"), by_user(frame, "used")
    after, uses = outcome[:, BEFORE:].mean(axis=1), used[:, -1] == 1
    assert after[uses].mean() - after[~uses].mean() > 2.2
    figures = estimated(frame, plan).diagnostics
    assert figures["effect_of_use_low"] < 1.5 < figures["effect_of_use_high"]
    assert figures["effect_of_use"] == pytest.approx(1.5, abs=0.5)


def test_where_assignment_decides_use_the_effect_of_use_is_the_average() -> None:
    frame, plan = study()
    decided = frame.assign(used=frame["arm"])
    found = estimated(decided, plan)
    figures = found.diagnostics
    assert figures["strength_of_assignment"] is None
    assert figures["effect_of_use"] == pytest.approx(found.average.point)
    ends = figures["effect_of_use_low"], figures["effect_of_use_high"]
    assert ends == pytest.approx(found.average.interval(0.9), abs=1e-3)


def test_the_total_is_that_of_assignment_with_or_without_uptake() -> None:
    frame, plan = study()
    told, plain = estimated(frame, plan), estimated(frame, without_uptake(plan))
    assert told.effect.interval(0.9) == plain.effect.interval(0.9)
    assert told.cells == plain.cells
    low = told.diagnostics["effect_of_use_low"]
    assert (low > 0) == (plain.effect.interval(0.9)[0] > 0)


def test_an_assignment_that_hardly_moves_use_gives_no_effect_of_use() -> None:
    frame, plan = study("hardly encouraged")
    found = estimated(frame, plan)
    assert found.diagnostics["strength_of_assignment"] < 10
    assert "effect_of_use" not in found.diagnostics
    note = next(one for one in found.notes if "effect of use" in one)
    assert "not estimated: assignment hardly moved it" in note
    assert found.effect.interval(0.9) == pytest.approx(
        estimated(frame, without_uptake(plan)).effect.interval(0.9)
    )


def test_an_interval_of_use_that_hardly_moved_has_no_bound() -> None:
    weak = EffectOfUse(1.0, 1.0, np.eye(2), 50.0, 0.3, 0.2)
    assert weak.is_weak
    assert weak.interval(0.9) == (-np.inf, np.inf)
    away = EffectOfUse(1.0, -9.0, np.eye(2), 50.0, 0.2, 0.3)
    assert away.strength > 10
    assert away.is_weak


def test_use_is_a_part_of_every_period() -> None:
    frame, plan = study()
    for wrong in (1.2, np.nan):
        rows = frame.copy()
        rows.loc[rows.index[-1], "used"] = wrong
        refused = estimate(rows, plan, is_registered=True)
        assert isinstance(refused, Refusal)
        assert refused.code == "uptake_unreadable"


def test_before_its_registered_end_a_study_says_nothing_of_use() -> None:
    frame, plan = study()
    window = plan.window.model_copy(update={"end": plan.window.end + timedelta(days=7)})
    longer = plan.model_copy(update={"window": window})
    found = estimated(frame, longer)
    assert found.progress < 1.0
    assert "effect_of_use" not in found.diagnostics


def test_teams_that_were_encouraged_are_left_out_as_a_whole() -> None:
    """Forty teams of fifteen: the ratio of two differences of means over users."""
    frame, plan = study()
    rows = frame.assign(team=frame["unit"].str[1:].astype(int) % 40)
    rows["arm"] = (rows["team"] % 2).astype(float)
    clustered = without_uptake(plan, unit="team", cluster="team", uptake="used")
    figures = estimated(rows, clustered).diagnostics
    arm = by_user(rows, "arm")[:, 0] == 1
    used = by_user(rows, "used")[:, BEFORE:]
    moved = arm.sum() * (used[arm].mean(axis=0) - used[~arm].mean(axis=0)).sum()
    # Adjusted for what was before, which of use explains some.
    assert figures["use_by_assignment"] == pytest.approx(moved, abs=15.0)


def test_the_effect_of_use_is_not_asked_of_a_ratio_or_of_the_assignment() -> None:
    _, plan = study()
    content = plan.model_dump()
    with pytest.raises(ValueError, match="not estimated of a ratio"):
        Plan.model_validate(content | {"denominator": "tickets"})
    content["assignment"]["uptake"] = "arm"
    with pytest.raises(ValueError, match="who used it"):
        Plan.model_validate(content)


def test_intervals_of_use_hold_however_little_assignment_moves_it() -> None:
    """Of 200 at 90 %, fewer than 167 hold once in a thousand."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        arm = rng.permutation(np.arange(120) % 2) == 1
        habit = rng.normal(0.0, 1.0, 120)
        keen = habit + rng.normal(0.0, 1.0, 120)
        used = (keen > np.where(arm, 0.0, 0.5)).astype(float)
        outcome = habit + 1.0 * used + rng.normal(0.0, 1.0, 120)
        both = Arms(arm, np.column_stack([outcome, used]), np.zeros(120))
        found = adjusted_difference(both)
        changed, used_more = found.path
        of_use = EffectOfUse(
            changed,
            used_more,
            found.covariance,
            found.degrees_of_freedom,
            used[arm].mean(),
            0.0,
        )
        low, high = of_use.interval(0.9)
        # Where assignment moves use the other way by chance the set has two parts.
        outside = of_use.outcome - 1.0 * of_use.use
        error = np.sqrt(found.covariance @ [1.0, -1.0] @ [1.0, -1.0])
        rejected = abs(outside) > 1.6578 * error
        held += not rejected
        if np.isfinite(low):
            assert (low <= 1.0 <= high) == (not rejected)
    assert held >= 167
