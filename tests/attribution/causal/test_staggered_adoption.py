"""Roll-outs: what their estimate, its drift and its second opinion have to satisfy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra
from scipy import stats

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.estimators.rollouts.data import RolloutData, rollout_data
from attribution.causal.estimators.rollouts.doubly_robust import (
    doubly_robust_difference,
)
from attribution.causal.estimators.rollouts.drift import MULTIPLES
from attribution.causal.estimators.rollouts.fitting import drifting_path
from attribution.causal.estimators.rollouts.group_time_effects import group_time_effects
from attribution.causal.estimators.rollouts.imputation import (
    covariance_of_jackknifed,
    imputation_of,
    lead_of,
)
from attribution.causal.estimators.rollouts.opinion import second_opinion_of
from attribution.causal.estimators.rollouts.parting import parting_p_value
from attribution.causal.estimators.staggered_adoption import path_of, total_of
from attribution.causal.panel import panel_of
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS, answer
from benchmarks.frozen_worlds import FROZEN_WORLDS
from tests.layers import IS_FULL, examples, in_full

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.causal.checks.check import Check

    Table = tuple[NDArray[np.float64], NDArray[np.int64]]


@pytest.mark.parametrize("wrong", ["neither", "changes", "selection"])
def test_one_model_of_covariates_may_be_wrong(wrong: str) -> None:
    """No effect: changes and treatment go with x², and one model has x alone."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.5, 1.5, 6000)
    square = x**2
    treated = rng.uniform(size=len(x)) < 1.0 / (1.0 + np.exp(1.5 - square))
    change = square + rng.normal(0.0, 1.0, len(x))
    plain, right = x[:, None], np.column_stack([x, square])
    effect, influence = doubly_robust_difference(
        change,
        treated,
        plain if wrong == "changes" else right,
        plain if wrong == "selection" else right,
    )
    error = np.sqrt((influence**2).sum()) / len(influence)
    assert abs(effect) < 3.0 * error < 0.3
    naive = change[treated].mean() - change[~treated].mean()
    assert naive > 0.4


def test_covariates_that_tell_the_treated_apart_leave_nobody_to_compare() -> None:
    size = np.arange(12.0)
    change = np.random.default_rng(0).normal(size=12)
    with pytest.raises(ValueError, match="covariates tell"):
        doubly_robust_difference(change, size > 5, size[:, None], size[:, None])


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


def test_waves_are_taken_for_drifting_apart_as_far_as_their_history_shows() -> None:
    """By hand: odds of no difference are those of a mixture at its middle, 0.50 to 1.

    A difference of five errors is hardly ever one of chance.
    """
    outcome, first = arrays(20, 9)
    path = drifting_path(data_of(outcome, first))
    assert path is not None
    middle = np.mean(1.0 / np.sqrt(1.0 + MULTIPLES**2))
    alike = replace(path, common_drift=path.drift)
    assert alike.apart == pytest.approx(middle / (1.0 + middle))
    without = path.left_out[:, -1] - path.common_left_out
    error = np.sqrt(19 / 20 * ((without - without.mean()) ** 2).sum())
    assert replace(path, drift=path.common_drift + 5.0 * error).apart > 0.99


def test_dropping_a_unit_quickly_is_dropping_it() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.normal(0.0, 1.0, (9, 8))
    outcome[3, 2] = np.nan
    first = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
    found = imputation_of(outcome, first)
    paths = found.jackknifed()
    assert len(paths) == 9
    for unit in range(9):
        rest = np.arange(9) != unit
        slow = imputation_of(outcome[rest], first[rest])
        assert paths[unit] == pytest.approx(slow.path, abs=1e-10)


def test_imputed_effects_are_the_residuals_of_a_regression_on_untreated_cells() -> None:
    rng = np.random.default_rng(1)
    outcome = rng.normal(0.0, 1.0, (7, 6))
    first = np.array([3, 3, 4, 6, 6, 6, 6])
    found = imputation_of(outcome, first)
    cells = [(i, t) for i in range(7) for t in range(6)]
    design = np.zeros((42, 13))
    for row, (i, t) in enumerate(cells):
        design[row, i] = design[row, 7 + t] = 1.0
    untreated = np.array([t < first[i] for i, t in cells])
    y = outcome.ravel()
    fitted = np.linalg.lstsq(design[untreated], y[untreated])[0]
    effects = (y - design @ fitted).reshape(7, 6)
    wanted = ~untreated.reshape(7, 6)
    assert found.effects[wanted] == pytest.approx(effects[wanted], abs=1e-10)
    assert np.isnan(found.effects[~wanted]).all()


def test_adding_to_treated_cells_adds_to_the_effect_and_to_others_nothing() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.normal(0.0, 1.0, (9, 8))
    first = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
    usual = imputation_of(outcome, first).average
    treated = np.arange(8) >= first[:, None]
    assert imputation_of(outcome + 3.0 * treated, first).average == pytest.approx(
        usual + 3.0
    )
    shifted = outcome + np.arange(9)[:, None] + np.arange(8.0) ** 2
    assert imputation_of(shifted, first).average == pytest.approx(usual)
    assert imputation_of(1e6 * outcome, first).average == pytest.approx(1e6 * usual)
    order = rng.permutation(9)
    assert imputation_of(outcome[order], first[order]).average == pytest.approx(usual)


STARTS = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
NOISE = np.random.default_rng(2).normal(0.0, 1.0, (9, 8))


@settings(deadline=None, max_examples=examples(240))
@given(
    exponent=st.floats(-6.0, 6.0),
    of_units=extra.arrays(float, 9, elements=st.floats(-1e3, 1e3)),
    of_periods=extra.arrays(float, 8, elements=st.floats(-1e3, 1e3)),
    effect=st.floats(-50.0, 50.0),
    order=st.permutations(range(9)),
)
def test_an_imputed_effect_and_its_errors_change_as_they_must(
    exponent: float,
    of_units: np.ndarray,
    of_periods: np.ndarray,
    effect: float,
    order: list[int],
) -> None:
    """What is a unit's or a period's own does nothing, nor does the order of units."""
    scale = 10.0**exponent
    treated = np.arange(8) >= STARTS[:, None]
    outcome = scale * (NOISE + of_units[:, None] + of_periods + effect * treated)
    usual = imputation_of(NOISE, STARTS)
    moved = imputation_of(outcome[order], STARTS[order])
    assert moved.average / scale == pytest.approx(usual.average + effect, abs=1e-8)
    # Without a unit, a period's share of the cells is another; the sum's is not.
    found = covariance_of_jackknifed(moved.jackknifed()).sum() / scale**2
    expected = covariance_of_jackknifed(usual.jackknifed()).sum()
    assert found == pytest.approx(expected, abs=1e-8)


def test_a_lead_finds_a_trend_that_was_there_before() -> None:
    first = np.array([6, 6, 6, 10, 10, 10])
    trend = np.arange(10.0) * (first < 10)[:, None]
    # Cells 4 and 5 exceed the mean of cells 0 to 3 by 2.5 and 3.5.
    assert lead_of(trend, first, 2).average == pytest.approx(3.0)
    assert lead_of(np.zeros((6, 10)), first, 2).average == pytest.approx(0.0)


def rollout(
    units: int, seed: int, *, effect: float = 0.0, trend: float = 0.0
) -> tuple[pd.DataFrame, Plan]:
    """Return units that start in three waves, a third of them never."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2026-01-01", periods=24)
    starts = [10, 14, 18, None, None]
    rows, dates = [], {}
    for i in range(units):
        start = starts[i % 5]
        noise = rng.normal(0.0, 1.0, 24)
        for t in range(1, 24):
            noise[t] += 0.5 * noise[t - 1]
        y = 50.0 + rng.normal(0.0, 3.0) + 0.1 * np.arange(24) + noise
        if start is not None:
            y[start:] += effect * (1 + np.arange(24 - start) / 10)
            y += trend * np.arange(24)
            dates[f"team {i:02}"] = days[start].date()
        rows.append(pd.DataFrame({"unit": f"team {i:02}", "date": days, "outcome": y}))
    plan = Plan(
        id="rollout",
        feature="assistant",
        outcome="merged_changes",
        outcome_unit="changes",
        launch=date(2026, 1, 11),
        window={"start": date(2026, 1, 1), "end": date(2026, 1, 25)},
        rollout=dates,
    )
    return pd.concat(rows, ignore_index=True), plan


def arrays(units: int, seed: int) -> Table:
    """Return the outcomes of a roll-out without any effect, and the first periods."""
    panel = panel_of(*rollout(units, seed))
    return panel.outcome, panel.first


def test_a_planted_growing_effect_is_covered() -> None:
    frame, plan = rollout(20, 3, effect=2.0)
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    truth = sum(
        2.0 * (1 + k / 10) * 4 for start in (10, 14, 18) for k in range(24 - start)
    )
    low, high = found.effect.interval(0.95)
    assert low < truth < high
    assert low > 0
    assert found.design == "staggered_adoption"
    assert found.cells == 4 * (14 + 10 + 6)
    assert found.grade in "BC"
    assert len(found.diagnostics["cohorts"]) == 3
    assert found.observed.shape == (14,)


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


def test_waves_that_drift_apart_are_each_taken_off_their_own_drift() -> None:
    """Without noise: 0.3, 0.2 and 0.1 a day, and no effect in any wave."""
    outcome, first = arrays(15, 3)
    own = np.select([first == start for start in np.unique(first)[:3]], [0.3, 0.2, 0.1])
    exact = 50.0 + own[:, None] * np.arange(outcome.shape[1])
    path = drifting_path(data_of(exact, first))
    assert path is not None
    assert path.path.sum() > 1.0
    assert path.path.sum() == pytest.approx(path.drift * path.bias.sum())


def test_a_reaction_before_the_start_makes_the_second_opinion_differ() -> None:
    """The period before the start is what only Callaway and Sant'Anna compare with."""
    frame, plan = rollout(40, 5, effect=6.0)
    starts = frame["unit"].map(plan.rollout)
    eve = frame["date"] == pd.to_datetime(starts) - pd.Timedelta(days=1)
    frame.loc[eve, "outcome"] += 6.0
    check = opinion_of(frame, plan)
    assert check.status == "warn"
    assert check.picture["other"][0] < check.picture["ours"][0] - 3.5


def check_of(found: Estimate, name: str) -> Check:
    return next(one for one in found.checks if one.name == name)


def test_a_drift_of_adopters_is_taken_off_and_told() -> None:
    """A drift of 0.6 a day would look like an effect of some seven a day."""
    frame, plan = rollout(30, 4, trend=0.6)
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    low, high = found.effect.interval(0.95)
    assert low < 0 < high
    assert found.diagnostics["parallel_trends"] > 5.0
    assert found.diagnostics["drift"] == pytest.approx(0.6, abs=0.1)
    check = check_of(found, "pre_trends")
    assert "four histories of five would show" in check.why
    assert "breakdown" in check.why


def data_of(
    outcome: np.ndarray, first: np.ndarray, region: np.ndarray | None = None
) -> RolloutData:
    own = np.arange(len(outcome)) if region is None else region
    return RolloutData(outcome, first, int(first.min()), 0, None, own, is_ratio=False)


def test_a_drift_and_what_it_adds_are_those_of_a_regression() -> None:
    """Statsmodels on untreated cells: units, periods, and each cohort times time."""
    outcome, first = arrays(15, 3)
    path = drifting_path(data_of(outcome, first))
    assert path is not None
    unit, time = (x.ravel() for x in np.indices(outcome.shape))
    starts = np.unique(first[first < 24])
    assert len(starts) == 3
    design = np.column_stack(
        [
            *(unit == i for i in range(15)),
            *(time == t for t in range(1, 24)),
            *((first == start)[unit] * (time - first.min()) for start in starts),
        ]
    ).astype(float)
    untreated = time < first[unit]
    fit = sm.OLS(outcome.ravel()[untreated], design[untreated]).fit()
    effects = (outcome.ravel() - design @ fit.params)[~untreated]
    assert path.path.sum() - path.drift * path.bias.sum() == pytest.approx(
        effects.mean()
    )
    assert min(fit.params[-3:]) < path.drift < max(fit.params[-3:])


def test_a_drift_without_evidence_widens_and_never_hides_an_effect() -> None:
    """Jackknifed draws of all drifts: the mixture is what sampling them gives."""
    outcome, first = arrays(20, 9)
    path = drifting_path(data_of(outcome, first))
    assert path is not None
    rng = np.random.default_rng(1)
    widened = (stats.t.ppf(0.975, 19) / stats.norm.ppf(0.975)) ** 2
    totals = path.left_out[:, :-1].sum(axis=1)
    sampled = []
    for likely, drift, without in (
        (path.apart, path.drift, path.left_out[:, -1]),
        (1.0 - path.apart, path.common_drift, path.common_left_out),
    ):
        both = np.column_stack([totals, without])
        joint = widened * covariance_of_jackknifed(both)
        sizes = rng.choice(MULTIPLES, 400_000)
        drifts = sizes * np.sqrt(joint[1, 1]) * rng.standard_normal(400_000)
        shown = rng.multivariate_normal([0.0, 0.0], joint, 400_000)
        seen = np.abs(drifts + shown[:, 1] - drift) < 0.1 * np.sqrt(joint[1, 1])
        # Given the drift that is seen, the effect is what is left of the path.
        left = path.path.sum() - drifts[seen] * path.bias.sum() - shown[seen, 0]
        sampled.append(rng.choice(left, int(40_000 * likely)))
    low, high = path.interval(0.9)
    width = high - low
    assert np.quantile(np.concatenate(sampled), [0.05, 0.95]) == pytest.approx(
        (low, high), abs=0.06 * width
    )
    parallel = 2 * stats.t.ppf(0.95, 19) * np.sqrt(path.covariance[:-1, :-1].sum())
    assert parallel < width < 2 * parallel


def test_trends_that_depend_on_a_covariate_are_those_of_a_regression() -> None:
    rng = np.random.default_rng(4)
    outcome, first = arrays(15, 5)
    size = rng.normal(0.0, 1.0, 15)
    found = imputation_of(outcome, first, covariates=size[:, None])
    unit, time = (x.ravel() for x in np.indices(outcome.shape))
    design = np.column_stack(
        [
            *(unit == i for i in range(15)),
            *(time == t for t in range(1, 24)),
            *(size[unit] * (time == t) for t in range(1, 24)),
        ]
    ).astype(float)
    untreated = time < first[unit]
    fit = sm.OLS(outcome.ravel()[untreated], design[untreated]).fit()
    effects = (outcome.ravel() - design @ fit.params)[~untreated]
    assert found.effects[~untreated.reshape(outcome.shape)] == pytest.approx(effects)


def test_a_region_is_left_out_as_a_whole() -> None:
    outcome, first = arrays(30, 6)
    region = np.arange(30) // 5
    path = drifting_path(data_of(outcome, first, region))
    assert path is not None
    assert path.groups == 6
    rest = region != 2
    slow = drifting_path(data_of(outcome[rest], first[rest]))
    assert slow is not None
    assert path.left_out[2] == pytest.approx(np.append(slow.path, slow.drift))


def test_too_few_regions_have_no_error() -> None:
    shown = answer(FROZEN_WORLDS["six regions"].trial(0))
    assert shown.code == "too_few_clusters"


def test_a_ratio_is_one_of_totals() -> None:
    """Ten per cent more in every treated cell, without noise: a tenth of the rest."""
    frame, plan = rollout(20, 5)
    exact = frame.assign(outcome=50.0 + frame["unit"].str[-2:].astype(int))
    starts = pd.to_datetime(exact["unit"].map(plan.rollout))
    treated = exact["date"] >= starts
    exact["outcome"] *= 1.02 ** exact["date"].dt.day
    exact.loc[treated, "outcome"] *= 1.1
    noise = np.random.default_rng(0).normal(0.0, 1e-6, len(exact))
    found = estimate(
        exact.assign(outcome=exact["outcome"] * np.exp(noise)),
        plan.model_copy(update={"scale": "multiplicative"}),
    )
    assert isinstance(found, Estimate), found
    expected = exact.loc[treated, "outcome"].sum() * (1.0 - 1.0 / 1.1)
    assert found.effect.point == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "name", ["adopters drift", "trend by size", "scale grows, in logarithms"]
)
def test_intervals_of_roll_outs_hold_where_trends_are_not_parallel(name: str) -> None:
    """Of 24 roll-outs at 90 % fewer than 18 hold once in 50; of 12, fewer than 9."""
    held, count = 0, 24 if IS_FULL else 12
    for seed in range(count):
        trial = FROZEN_WORLDS[name].trial(seed)
        plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
        panel = panel_of(trial.frame, plan)
        data = rollout_data(panel, plan)
        effect = path_of(data, panel).effect(np.random.default_rng(seed))
        observed = np.where(data.imputation.usable, panel.outcome, 0.0).sum(axis=0)
        total = total_of(effect, data, observed, slice(panel.launch, None))
        low, high = total.interval(0.9)
        held += low <= trial.truth <= high
    assert held >= count * 3 / 4


def test_the_path_of_the_history_finds_other_seasons_and_no_drift() -> None:
    rng = np.random.default_rng(3)

    def p_values(name: str) -> list[float]:
        found = []
        for seed in range(12):
            trial = FROZEN_WORLDS[name].trial(seed)
            plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
            data = rollout_data(panel_of(trial.frame, plan), plan)
            p_value = parting_p_value(data, rng)
            assert p_value is not None
            found.append(p_value)
        return found

    assert max(p_values("other seasons")) < 0.05
    assert np.median(p_values("adopters drift")) > 0.1


@pytest.mark.parametrize("units", [15, *in_full(30)])
def test_a_lead_misses_most_trends_that_bias_by_half_of_the_effect(units: int) -> None:
    """The effect is 1, the standard deviation of a day's shock."""
    outcome, first = arrays(units, 0)
    steps = np.arange(24.0) * (first < 24)[:, None]
    trend = 0.5 * steps / imputation_of(steps, first).average
    assert imputation_of(trend, first).average == pytest.approx(0.5)
    found = 0
    for seed in range(60):
        outcome, first = arrays(units, seed)
        lead = lead_of(outcome + trend, first, 4)
        paths = lead.jackknifed()
        covariance = covariance_of_jackknifed(paths)
        t = lead.average / np.sqrt(covariance.sum())
        found += 2.0 * stats.t.sf(abs(t), len(paths) - 1) < 0.05
    assert 0 < found < 60 / 3


def part_of(frame: pd.DataFrame, plan: Plan, units: list[str]) -> Estimate | Refusal:
    kept = {unit: day for unit, day in plan.rollout.items() if unit in units}
    changed = plan.model_copy(update={"rollout": kept, "design": "staggered_adoption"})
    return estimate(frame[frame["unit"].isin(units)], changed)


@pytest.mark.parametrize(
    ("keep", "code"),
    [
        ([0, 3, 4, 8, 9], "single_treated_cluster"),
        ([0, 1, 3, 4, 8, 9], "too_few_units"),
        ([0, 1, 2, 5, 6, 7, 10, 11, 12], "too_few_units"),
        ([0, 5, 10, 15], "no_comparison_units"),
    ],
)
def test_a_roll_out_that_cannot_tell_is_refused(keep: list[int], code: str) -> None:
    """In the third all are treated, and six start after the first three, one short."""
    units = [f"team {i:02}" for i in keep]
    refused = part_of(*rollout(20, 5), units[:-1] if len(keep) == 9 else units)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert "treated" in refused.message or "start" in refused.message


def test_a_roll_out_to_nobody_is_refused() -> None:
    frame, plan = rollout(20, 5)
    nobody = {"rollout": {}, "design": "staggered_adoption"}
    refused = estimate(frame, plan.model_copy(update=nobody))
    assert isinstance(refused, Refusal)
    assert refused.code == "too_few_units"
    assert "0 treated units" in refused.message


def test_without_a_unit_that_never_starts_the_last_cells_are_left_out() -> None:
    """Twelve teams; from the last start on nobody is left to compare with."""
    units = [f"team {i:02}" for i in range(20) if i % 5 < 3]
    found = part_of(*rollout(20, 5), units)
    assert isinstance(found, Estimate)
    assert found.cells == 4 * 8 + 4 * 4
    assert "72 treated cells have nobody to be compared with." in found.notes


def test_the_answer_does_not_depend_on_the_names_of_units() -> None:
    frame, plan = rollout(20, 6, effect=1.0)
    usual = estimate(frame, plan)
    names = {f"team {i:02}": f"squad {(7 * i) % 20:02}" for i in range(20)}
    renamed = plan.model_copy(
        update={"rollout": {names[unit]: day for unit, day in plan.rollout.items()}}
    )
    other = estimate(frame.assign(unit=frame["unit"].map(names)), renamed)
    assert isinstance(usual, Estimate)
    assert isinstance(other, Estimate)
    assert other.effect.interval(0.9) == pytest.approx(
        usual.effect.interval(0.9), rel=1e-6
    )
