"""Roll-outs: what their estimate and its drift have to satisfy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.estimators.rollouts.data import rollout_data
from attribution.causal.estimators.rollouts.drift import MULTIPLES
from attribution.causal.estimators.rollouts.fitting import drifting_path
from attribution.causal.estimators.rollouts.imputation import (
    covariance_of_jackknifed,
)
from attribution.causal.estimators.rollouts.parting import parting_p_value
from attribution.causal.estimators.staggered_adoption import path_of, total_of
from attribution.causal.panel import panel_of
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS, answer
from benchmarks.frozen_worlds import FROZEN_WORLDS
from tests.attribution.rollouts_for_tests import (
    arrays,
    check_of,
    data_of,
    rollout,
)
from tests.layers import IS_FULL


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


def test_waves_that_drift_apart_are_each_taken_off_their_own_drift() -> None:
    """Without noise: 0.3, 0.2 and 0.1 a day, and no effect in any wave."""
    outcome, first = arrays(15, 3)
    own = np.select([first == start for start in np.unique(first)[:3]], [0.3, 0.2, 0.1])
    exact = 50.0 + own[:, None] * np.arange(outcome.shape[1])
    path = drifting_path(data_of(exact, first))
    assert path is not None
    assert path.path.sum() > 1.0
    assert path.path.sum() == pytest.approx(path.drift * path.bias.sum())


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
