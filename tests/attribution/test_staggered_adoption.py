"""Roll-outs: published effects, R's numbers, and the trap of two-way fixed effects."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra
from scipy import stats

from attribution import Estimate, Plan, Refusal, estimate
from attribution.estimators import group_time_effects as group_time_effects_module
from attribution.estimators.group_time_effects import group_time_effects
from attribution.estimators.imputation import imputation_of, lead_of
from attribution.panel import panel_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from attribution.checks.check import Check

    Table = tuple[NDArray[np.float64], NDArray[np.int64]]


def wide(table: pd.DataFrame, unit: str, time: str, value: str, cohort: str) -> Table:
    """Return outcomes by unit and period, and each unit's first treated position."""
    outcome = table.pivot_table(index=unit, columns=time, values=value)
    times = outcome.columns.to_numpy()
    start = table.groupby(unit)[cohort].first().reindex(outcome.index)
    never = (start == 0) | (start > times.max())
    first = np.where(never, len(times), np.searchsorted(times, start))
    return outcome.to_numpy(), first


@pytest.fixture(scope="module")
def mpdta(causal: Path) -> Table:
    table = pd.read_csv(causal / "mpdta.csv")
    return wide(table, "countyreal", "year", "lemp", "first.treat")


@pytest.fixture(scope="module")
def stagg(causal: Path) -> Table:
    table = pd.read_csv(causal / "fixest_base_stagg.csv")
    return wide(table, "id", "year", "y", "year_treated")


def two_way_fixed_effects(outcome: np.ndarray, first: np.ndarray) -> float:
    """Return what must not be an answer: the coefficient of a treatment dummy."""
    treated = (np.arange(outcome.shape[1]) >= first[:, None]).astype(float)
    demeaned = [
        x - x.mean(axis=0) - x.mean(axis=1)[:, None] + x.mean()
        for x in (outcome, treated)
    ]
    return float((demeaned[0] * demeaned[1]).sum() / (demeaned[1] ** 2).sum())


@pytest.mark.reference
@pytest.mark.parametrize(
    ("scenario", "controls"),
    [("mpdta_nev_dr", "never treated"), ("mpdta_nyt_dr", "not yet treated")],
)
def test_group_time_effects_are_those_of_r(
    causal: Path, mpdta: Table, scenario: str, controls: str
) -> None:
    found = group_time_effects(*mpdta, controls)  # type: ignore[arg-type]
    theirs = pd.read_csv(causal / "mpdta_R_did_attgt.csv")
    theirs = theirs[theirs["scenario"] == scenario].set_index(["group", "t"])
    for group, time, effect, error in zip(
        found.groups, found.times, found.effects, found.standard_errors, strict=True
    ):
        row = theirs.loc[(group + 2003, time + 2003)]
        assert effect == pytest.approx(row["att"], abs=1e-8)
        assert error == pytest.approx(row["se"], abs=1e-8)
    assert len(found.effects) == len(theirs)


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["simple", "group", "dynamic", "calendar"])
@pytest.mark.parametrize(
    ("scenario", "controls"),
    [("mpdta_nev_dr", "never treated"), ("mpdta_nyt_dr", "not yet treated")],
)
def test_aggregates_and_their_errors_are_those_of_r(
    causal: Path, mpdta: Table, kind: str, scenario: str, controls: str
) -> None:
    theirs = pd.read_csv(causal / "mpdta_R_did_aggte.csv")
    row = theirs[(theirs["scenario"] == scenario) & (theirs["type"] == kind)].iloc[0]
    found = getattr(group_time_effects(*mpdta, controls), kind)()  # type: ignore[arg-type]
    assert found.effect == pytest.approx(row["overall_att"], abs=1e-8)
    assert found.standard_error == pytest.approx(row["overall_se"], abs=1e-8)


@pytest.mark.reference
def test_the_pre_trend_test_of_the_counties_is_that_of_r(mpdta: Table) -> None:
    found = group_time_effects(*mpdta).pre_trend_p_value()
    assert found == pytest.approx(0.16812, abs=1e-5)


@pytest.mark.reference
def test_imputed_effects_and_their_error_are_the_published_ones(mpdta: Table) -> None:
    found = imputation_of(*mpdta)
    assert found.average == pytest.approx(-0.0477099, abs=1e-6)
    covariance = found.analytic_covariance(mpdta[1])
    assert np.sqrt(covariance.sum()) == pytest.approx(0.0132225, abs=1e-6)
    assert two_way_fixed_effects(*mpdta) == pytest.approx(-0.036549, abs=1e-5)


@pytest.mark.reference
def test_the_trap_of_two_way_fixed_effects_is_not_stepped_into(stagg: Table) -> None:
    """Truth -1.0; two-way fixed effects say -3.47 (0.47)."""
    assert two_way_fixed_effects(*stagg) == pytest.approx(-3.4676, abs=1e-3)
    found = imputation_of(*stagg)
    covariance, units = found.jackknife_covariance()
    error = float(np.sqrt(covariance.sum()))
    assert found.cells == 225
    assert found.average == pytest.approx(-0.7456, abs=1e-3)
    assert error == pytest.approx(0.6227, abs=2e-3)
    assert abs(found.average + 1.0) < stats.t.ppf(0.975, units - 1) * error
    second = group_time_effects(*stagg)
    simple = second.simple()
    assert simple.effect == pytest.approx(-0.7552, abs=1e-3)
    assert abs(simple.effect + 1.0) < 1.96 * simple.standard_error
    assert second.group().effect == pytest.approx(-2.8051, abs=1e-3)
    # 36 cells, five units in a cohort: a joint test prints 7e-40 and means nothing.
    assert second.pre_trend_p_value() is None


@pytest.mark.reference
def test_the_castle_doctrine_has_cohorts_of_one_state(causal: Path) -> None:
    columns = ["year", "sid", "homicide", "post"]
    table = pd.read_csv(causal / "castle.csv", usecols=columns)
    table["log_homicide"] = np.log(table["homicide"])
    start = table[table["post"] > 0].groupby("sid")["year"].min()
    table["start"] = table["sid"].map(start).fillna(0)
    panel = wide(table, "sid", "year", "log_homicide", "start")
    found = imputation_of(*panel)
    covariance, _ = found.jackknife_covariance()
    assert found.average == pytest.approx(0.0669, abs=1e-3)
    assert np.sqrt(covariance.sum()) == pytest.approx(0.0593, abs=1e-3)
    second = group_time_effects(*panel)
    assert second.simple().effect == pytest.approx(0.0194, abs=1e-3)
    assert second.pre_trend_p_value() is None


def test_dropping_a_unit_quickly_is_dropping_it() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.normal(0.0, 1.0, (9, 8))
    outcome[3, 2] = np.nan
    first = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
    found = imputation_of(outcome, first)
    paths, count = found.jackknifed()
    assert count == 9
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


@settings(deadline=None, max_examples=60)
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
    analytic = moved.analytic_covariance(STARTS[order]) / scale**2
    assert analytic == pytest.approx(usual.analytic_covariance(STARTS), abs=1e-8)
    # Without a unit, a period's share of the cells is another; the sum's is not.
    jackknifed = moved.jackknife_covariance()[0].sum() / scale**2
    assert jackknifed == pytest.approx(usual.jackknife_covariance()[0].sum(), abs=1e-8)


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
        outcome, first = panel.outcome[keep], panel.first[keep]
        other = group_time_effects(outcome, first, "not yet treated").simple()
        return other.effect - imputation_of(outcome, first).average

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


def test_two_methods_that_are_both_right_seldom_warn_each_other() -> None:
    warned = [opinion_of(*rollout(20, seed)).status == "warn" for seed in range(25)]
    # One in twenty does so six times of 25 once in a thousand.
    assert sum(warned) <= 5


def test_a_reaction_before_the_start_makes_the_second_opinion_differ() -> None:
    """The period before the start is what only Callaway and Sant'Anna compare with."""
    frame, plan = rollout(40, 5, effect=6.0)
    starts = frame["unit"].map(plan.rollout)
    eve = frame["date"] == pd.to_datetime(starts) - pd.Timedelta(days=1)
    frame.loc[eve, "outcome"] += 6.0
    check = opinion_of(frame, plan)
    assert check.status == "warn"
    assert check.picture["other"][0] < check.picture["ours"][0] - 4.0


def test_trends_that_differ_before_cap_the_grade() -> None:
    frame, plan = rollout(30, 4, trend=0.6)
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    check = next(one for one in found.checks if one.name == "pre_trends")
    assert check.status == "fail"
    assert "breakdown" in check.why
    assert found.grade in "CD"


def test_a_joint_test_of_all_cells_before_rejects_what_is_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So it is not asked with few units: at 5 %, trends that are parallel fail it."""
    assert group_time_effects(*arrays(60, 0)).pre_trend_p_value() is None
    monkeypatch.setattr(group_time_effects_module, "UNITS_PER_CELL", 0)
    p_values = [
        group_time_effects(*arrays(60, seed)).pre_trend_p_value() for seed in range(40)
    ]
    assert np.mean([p is not None and p < 0.05 for p in p_values]) > 0.8


@pytest.mark.parametrize("units", [15, 30])
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
        covariance, counted = lead.jackknife_covariance()
        t = lead.average / np.sqrt(covariance.sum())
        found += 2.0 * stats.t.sf(abs(t), counted - 1) < 0.05
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


def test_a_roll_out_of_a_ratio_is_refused_with_what_to_declare() -> None:
    frame, plan = rollout(20, 5)
    refused = estimate(frame, plan.model_copy(update={"scale": "multiplicative"}))
    assert isinstance(refused, Refusal)
    assert refused.code == "plan_not_supported"
    assert "`scale: additive`" in refused.message


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
