"""Experiments: published differences, statsmodels' errors, clusters, early looks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attribution import Estimate, Refusal, estimate
from attribution.estimators.experiment import (
    Arms,
    Difference,
    adjusted_difference,
    cluster_difference,
    regression_difference,
    sequence_half_width,
)
from tests.attribution.studies_for_tests import START, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from attribution.plan import Plan

DAYS, LAUNCH = 40, 30


def experiment(
    *,
    units: int = 200,
    effect: float = 0.0,
    seed: int = 0,
    treated: np.ndarray | None = None,
    **assignment: Any,
) -> tuple[pd.DataFrame, Plan]:
    """Return units with habits of their own, half of them treated from the launch."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(units) % 2) if treated is None else treated
    habit = rng.normal(20.0, 4.0, units)
    outcome = habit[:, None] + rng.normal(0.0, 4.0, (units, DAYS))
    outcome[:, LAUNCH:] += effect * arm[:, None]
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:04}" for i in range(units)], DAYS),
            "date": np.tile(pd.date_range(START, periods=DAYS), units),
            "outcome": outcome.ravel(),
            "arm": np.repeat(arm, DAYS),
            "team": np.repeat([f"t{i % 20:02}" for i in range(units)], DAYS),
        }
    )
    declared = {"column": "arm", "unit": "user"} | assignment
    return rows, plan_of(DAYS, LAUNCH, assignment=declared, may_be_negative=True)


@pytest.mark.reference
def test_job_training_raised_earnings_by_1794_dollars(causal: Path) -> None:
    """LaLonde 1986; Dehejia and Wahba 1999: $1,794 (633)."""
    table = pd.read_csv(causal / "nsw_experiment.csv")
    treated = table["treat"].to_numpy() == 1
    outcome = table["re78"].to_numpy(float)[:, None]
    plain = cluster_difference(Arms(treated, outcome, np.zeros(len(treated))))
    assert plain.path[0] == pytest.approx(1794.34, abs=0.01)
    covariates = ["re74", "re75", "age", "educ", "black", "hisp", "marr", "nodegree"]
    design = sm.add_constant(table[["treat", *covariates]].to_numpy(float))
    adjusted = regression_difference(design, outcome)
    assert adjusted.path[0] == pytest.approx(1676.34, abs=0.01)
    theirs = sm.OLS(outcome[:, 0], design).fit(cov_type="HC3")
    assert adjusted.standard_error == pytest.approx(theirs.bse[1], rel=1e-10)


@pytest.mark.reference
def test_the_minimum_wage_of_new_jersey_did_not_cost_jobs(causal: Path) -> None:
    """Card and Krueger 1994, table 3, balanced: +2.75 (1.34)."""
    table = pd.read_csv(causal / "card_krueger_1994.csv")
    full_time = {
        when: table[f"empft{when}"] + table[f"nmgrs{when}"] + table[f"emppt{when}"] / 2
        for when in ("", "2")
    }
    change = (full_time["2"] - full_time[""]).dropna()
    in_new_jersey = table.loc[change.index, "state"].to_numpy() == 1
    arms = Arms(in_new_jersey, change.to_numpy()[:, None], np.zeros(len(change)))
    found = cluster_difference(arms)
    assert found.path[0] == pytest.approx(2.75, abs=0.01)
    assert found.standard_error == pytest.approx(1.34, abs=0.01)


def test_lins_adjustment_is_statsmodels_regression_with_hc3() -> None:
    rng = np.random.default_rng(3)
    treated = rng.random(80) < 0.4
    before = rng.normal(0.0, 1.0, 80)
    outcome = (before + 0.5 * treated)[:, None] + rng.normal(0.0, 1.0, (80, 3))
    found = adjusted_difference(Arms(treated, outcome, before))
    x = before - before.mean()
    design = np.column_stack([np.ones(80), treated, x, treated * x])
    summed = sm.OLS(outcome.sum(axis=1), design).fit(cov_type="HC3")
    assert found.path.sum() == pytest.approx(summed.params[1], rel=1e-10)
    assert found.standard_error == pytest.approx(summed.bse[1], rel=1e-10)


def test_a_planted_effect_is_found_with_the_interval_of_students_t() -> None:
    frame, plan = experiment(effect=1.0)
    result = estimate(frame, plan, is_registered=True)
    assert isinstance(result, Estimate), result
    assert result.design == "experiment"
    assert result.grade == "A"
    assert result.cells == 100 * 10
    low, high = result.average.interval(0.95)
    assert low < 1.0 < high
    half = stats.t.ppf(0.975, 196) * result.diagnostics["standard_error"] / 1000
    assert high - low == pytest.approx(2 * half, rel=1e-3)
    assert "led to an increase" in result.report()


def test_what_was_before_narrows_the_interval() -> None:
    """Habit explains half of a day and most of a mean of ten: 16 of 16 + 1.6."""
    frame, plan = experiment(units=400, seed=4)
    result = estimate(frame, plan)
    assert isinstance(result, Estimate)
    adjusted = result.diagnostics["standard_error"]
    after = frame[frame["date"] >= pd.Timestamp(plan.launch)]
    means = after.groupby("unit")["outcome"].mean()
    arm = frame.groupby("unit")["arm"].first()
    plain = np.sqrt(sum(means[arm == k].var() / (arm == k).sum() for k in (0, 1)))
    assert (adjusted / 2000) / plain < 0.5


ARM = np.random.default_rng(5).permutation(np.arange(40) % 2) == 1
HABIT = np.random.default_rng(6).normal(20.0, 4.0, 40)
AFTER = HABIT[:, None] + np.random.default_rng(7).normal(0.0, 4.0, (40, 3))


@pytest.mark.parametrize("difference", [adjusted_difference, cluster_difference])
@settings(deadline=None, max_examples=60)
@given(
    exponent=st.floats(-6.0, 6.0),
    habit_exponent=st.floats(-6.0, 6.0),
    added=st.floats(-1e3, 1e3),
    effect=st.floats(-50.0, 50.0),
    order=st.permutations(range(40)),
)
def test_a_difference_and_its_error_change_as_they_must(
    difference: Callable[[Arms], Difference],
    exponent: float,
    habit_exponent: float,
    added: float,
    effect: float,
    order: list[int],
) -> None:
    """Levels, units of what was before, and the order of units do nothing."""
    scale = 10.0**exponent
    usual = difference(Arms(ARM, AFTER, HABIT))
    outcome = scale * (AFTER + added + effect * ARM[:, None])
    before = 10.0**habit_exponent * (HABIT + added)
    moved = difference(Arms(ARM[order], outcome[order], before[order]))
    assert moved.path / scale == pytest.approx(usual.path + effect, rel=1e-6, abs=1e-6)
    assert moved.covariance / scale**2 == pytest.approx(
        usual.covariance, rel=1e-5, abs=1e-6
    )


def test_an_experiment_without_an_assignment_is_refused() -> None:
    frame, plan = experiment()
    named = plan.model_copy(update={"assignment": None, "design": "experiment"})
    refused = estimate(frame, named)
    assert isinstance(refused, Refusal)
    assert refused.code == "plan_not_supported"
    assert "no `assignment`" in refused.message


def test_swapped_arms_turn_the_sign() -> None:
    frame, plan = experiment(effect=1.0)
    swapped = estimate(frame.assign(arm=1 - frame["arm"]), plan)
    result = estimate(frame, plan)
    assert isinstance(swapped, Estimate)
    assert isinstance(result, Estimate)
    assert swapped.effect.point == pytest.approx(-result.effect.point, rel=1e-9)


def test_an_experiment_that_lost_units_of_one_arm_is_refused() -> None:
    arm = np.array([1] * 60 + [0] * 140)
    refused = estimate(*experiment(treated=arm))
    assert isinstance(refused, Refusal)
    assert refused.code == "sample_ratio_mismatch"
    # (60 - 100)²/100 + (140 - 100)²/100 = 32 on one degree of freedom.
    expected = float(stats.chi2.sf(32.0, 1))
    assert refused.evidence["statistic"] == pytest.approx(expected)
    assert "60 treated and 140 control" in refused.message


def test_users_of_randomised_teams_are_not_analysed_one_by_one() -> None:
    frame, plan = experiment(unit="team", row_unit="user")
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "unit_finer_than_assignment"


def teams(count: int, seed: int, **changes: Any) -> tuple[pd.DataFrame, Plan]:
    rng = np.random.default_rng(seed)
    units = count * 10
    team = np.arange(units) % count
    arm = rng.permutation(np.arange(count) % 2)[team]
    frame, plan = experiment(
        units=units,
        treated=arm,
        seed=seed,
        unit="team",
        row_unit="user",
        cluster="team",
    )
    frame["team"] = np.repeat([f"team {i}" for i in team], DAYS)
    frame["outcome"] += np.repeat(rng.normal(0.0, 2.0, count)[team], DAYS)
    return frame, plan.model_copy(update=changes)


def test_randomised_teams_are_compared_by_their_means() -> None:
    frame, plan = teams(12, 1)
    result = estimate(frame, plan)
    assert isinstance(result, Estimate), result
    after = frame[frame["date"] >= pd.Timestamp(plan.launch)]
    means = after.groupby("team")["outcome"].mean()
    arm = after.groupby("team")["arm"].first()
    by_hand = stats.ttest_ind(means[arm == 1], means[arm == 0], equal_var=False)
    assert result.average.point == pytest.approx(
        means[arm == 1].mean() - means[arm == 0].mean()
    )
    error = (means[arm == 1].mean() - means[arm == 0].mean()) / by_hand.statistic
    low, high = result.average.interval(0.9)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.95, 10) * error, rel=1e-3)


def test_three_teams_in_an_arm_are_too_few() -> None:
    refused = estimate(*teams(6, 2))
    assert isinstance(refused, Refusal)
    assert refused.code == "too_few_clusters"
    assert "3 treated and 3 control" in refused.message


def test_declared_interference_needs_clusters() -> None:
    frame, plan = experiment()
    refused = estimate(frame, plan.model_copy(update={"interference": True}))
    assert isinstance(refused, Refusal)
    assert refused.code == "interference_declared"
    clustered = estimate(*teams(12, 1, interference=True))
    assert isinstance(clustered, Estimate)


def test_a_unit_that_changes_arms_is_refused() -> None:
    frame, plan = experiment()
    frame["arm"] = frame["arm"].where(frame.index != 5, 1 - frame["arm"])
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "exposure_not_binary"
    assert "u0000" in refused.message


def test_units_that_leave_one_arm_lower_the_grade() -> None:
    frame, plan = experiment(units=400)
    last = frame["date"] == pd.Timestamp(START + timedelta(days=DAYS - 1))
    leavers = frame[last & (frame["arm"] == 1)].index[:10]
    result = estimate(frame.drop(index=leavers), plan, is_registered=True)
    assert isinstance(result, Estimate)
    assert result.grade == "B"
    assert any("5.0% of treated" in check.why for check in result.checks)


def test_teams_hold_their_level_where_users_do_not() -> None:
    """Sixty experiments without effect on twelve teams: team means at 90 %."""
    rng = np.random.default_rng(7)
    by_team = by_user = 0
    for _ in range(60):
        level = rng.normal(0.0, 1.0, 12)
        outcome = level[:, None] + rng.normal(0.0, 2.0, (12, 50))
        arm = rng.permutation(np.arange(12) % 2) == 1
        found = cluster_difference(
            Arms(arm, outcome.mean(axis=1)[:, None], np.zeros(12))
        )
        half = stats.t.ppf(0.95, 10) * found.standard_error
        by_team += abs(found.path[0]) <= half
        users = Arms(np.repeat(arm, 50), outcome.ravel()[:, None], np.zeros(600))
        finer = cluster_difference(users)
        by_user += abs(finer.path[0]) <= stats.t.ppf(0.95, 598) * finer.standard_error
    assert by_team >= 46  # fewer happen to an honest method once in 2000 runs
    assert by_user <= 35


def test_a_confidence_sequence_holds_at_every_look() -> None:
    """Thirty looks at 2000 null experiments: the fixed interval is wrong in 0.3."""
    rng = np.random.default_rng(0)
    sums = np.cumsum(rng.normal(0.0, np.sqrt(20), (2000, 30)), axis=1)
    units = 20 * np.arange(1, 31)
    means, errors = sums / units, 1.0 / np.sqrt(units)
    half = np.array(
        [
            float(sequence_half_width(error, int(n), 600, np.array(0.05)))
            for error, n in zip(errors, units, strict=True)
        ]
    )
    ever = (np.abs(means) > half).any(axis=1).mean()
    ever_fixed = (np.abs(means) > 1.96 * errors).any(axis=1).mean()
    assert ever <= 0.05
    assert ever_fixed > 0.2
    assert (half > 1.96 * errors).all()
    # Reference: at the planned end 1.55 times as wide.
    assert half[-1] / (1.96 * errors[-1]) == pytest.approx(1.55, abs=0.1)


def test_planned_looks_widen_the_interval_and_say_so() -> None:
    frame, plan = experiment(effect=1.0)
    once = estimate(frame, plan)
    often = estimate(frame, plan.model_copy(update={"looks": 10}))
    assert isinstance(once, Estimate)
    assert isinstance(often, Estimate)
    low, high = once.effect.interval(0.95)
    wider = often.effect.interval(0.95)
    error = once.diagnostics["standard_error"]
    half = float(sequence_half_width(error, 200, 200, np.array(0.05)))
    assert wider[1] - wider[0] == pytest.approx(2 * half, rel=2e-3)
    assert wider[0] < low < high < wider[1]
    assert "confidence sequence" in often.report()
