"""Each check on a planted failure, next to the same without it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from attribution.causal.checks.attrition import attrition
from attribution.causal.checks.balance import balance
from attribution.causal.checks.collinearity import collinearity, tolerance
from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.control_contamination import control_contamination
from attribution.causal.checks.control_range import control_range
from attribution.causal.checks.cusum import cusum
from attribution.causal.checks.donor_hull import donor_hull
from attribution.causal.checks.growth import growth
from attribution.causal.checks.history_length import history_length
from attribution.causal.checks.interference import interference
from attribution.causal.checks.launch_overlap import launch_overlap
from attribution.causal.checks.leave_one_out import leave_one_out
from attribution.causal.checks.negative_baseline import negative_baseline
from attribution.causal.checks.placebo_in_time import placebo_in_time
from attribution.causal.checks.placebo_in_unit import placebo_in_unit
from attribution.causal.checks.pre_trends import History, Lead, pre_trends
from attribution.causal.checks.residual_autocorrelation import residual_autocorrelation
from attribution.causal.checks.reverse_causality_lead import reverse_causality_lead
from attribution.causal.checks.sample_ratio import sample_ratio
from attribution.causal.checks.sampler_precision import sampler_precision
from attribution.causal.checks.season_coverage import season_coverage
from attribution.causal.checks.second_opinion import second_opinion
from attribution.causal.checks.specification_spread import specification_spread
from attribution.causal.checks.unaffected_outcome import unaffected_outcome
from attribution.causal.estimators.series_model import fit_series
from benchmarks.calibration_of_frozen_worlds import answer
from benchmarks.frozen_worlds import FROZEN_WORLDS
from tests.attribution.studies_for_tests import START, plan_of

RNG = np.random.default_rng(0)
NOISE = RNG.normal(0.0, 1.0, 400)


@pytest.mark.parametrize(
    ("counts", "expected", "status"),
    [((500, 500), 0.5, "pass"), ((540, 460), 0.5, "pass"), ((560, 440), 0.5, "fail")],
)
def test_sample_ratio(counts: tuple[int, int], expected: float, status: str) -> None:
    """χ² of 560 to 440 is 14.4, p 0.00015; of 540 to 460 it is 6.4, p 0.011."""
    assert sample_ratio(*counts, expected).status == status


def test_a_ratio_of_ten_to_ninety_is_right_where_it_was_meant() -> None:
    assert sample_ratio(103, 897, 0.1).status == "pass"
    assert sample_ratio(103, 897, 0.5).status == "fail"


def test_balance_draws_again_or_takes_welch() -> None:
    """On 200 units each a difference d has t = d / (0.1 sd): 2.45 (p 0.015) and 5."""
    arm, sd = np.arange(400) < 200, NOISE[:200].std(ddof=1)
    same = np.concatenate([NOISE[:200], NOISE[:200]])
    assert balance(arm, same).status == "pass"
    assert balance(arm, same + 0.245 * sd * arm).status == "warn"
    assert balance(arm, same + 0.50 * sd * arm).status == "fail"
    assert balance(arm[:9] | True, np.ones(9)).status == "not run"
    # Of 252 draws of five in ten, two are as far apart as the sorted halves.
    few = balance(np.arange(10) < 5, np.arange(10.0))
    assert few.statistic == pytest.approx(2 / 252, abs=0.004)
    assert few.status == "fail"


def test_a_slope_is_balanced_as_a_level_is() -> None:
    arm = np.arange(24) % 2 == 0
    check = balance(arm, NOISE[:24], np.where(arm, 1.0, 0.0) + 0.1 * NOISE[24:48])
    assert check.status == "fail"
    assert "in slope" in check.why


def test_attrition() -> None:
    assert attrition(0.05, 0.04).status == "pass"
    assert attrition(0.05, 0.01).status == "warn"
    assert attrition(0.07, 0.01).status == "fail"


def test_growth_that_leans_clearly_and_matters_needs_a_declared_trend() -> None:
    assert growth(3.5, -0.6, is_declared=False).status == "fail"
    assert growth(-3.5, 0.6, is_declared=False).status == "fail"
    assert growth(2.5, 0.6, is_declared=False).status == "pass"
    assert growth(3.5, 0.4, is_declared=False).status == "pass"
    assert growth(3.5, 0.6, is_declared=True).status == "pass"


def test_interference() -> None:
    assert interference(is_declared=False, has_clusters=False).status == "pass"
    assert interference(is_declared=True, has_clusters=True).status == "pass"
    assert interference(is_declared=True, has_clusters=False).status == "fail"


def test_placebo_in_time_of_a_model_without_memory_of_its_level() -> None:
    assert placebo_in_time(np.array([0.5, -1.2, 1.0]), 30).status == "pass"
    assert placebo_in_time(np.array([1.5, -1.5, 1.4]), 30).status == "warn"
    assert placebo_in_time(np.array([1.8, -1.9, 2.0]), 30).status == "fail"
    assert placebo_in_time(np.array([]), 30).status == "not run"


def test_placebo_launches_see_a_break_in_the_history() -> None:
    """The same noise, with and without a jump of ten that nobody declared."""
    outcome = 50.0 + NOISE[:150]
    none = np.empty((150, 0))
    quiet = fit_series(outcome, none, 120, np.random.default_rng(0))
    jumped = outcome + 10.0 * (np.arange(150) >= 75)
    loud = fit_series(jumped, none, 120, np.random.default_rng(0))
    assert np.mean(quiet.placebo_z**2) < 1.0
    assert np.mean(loud.placebo_z**2) > 3 * np.mean(quiet.placebo_z**2)


def test_residual_autocorrelation() -> None:
    assert residual_autocorrelation(NOISE, 7).status == "pass"
    remembering = NOISE[1:] + 0.6 * NOISE[:-1]
    assert residual_autocorrelation(remembering, 7).status == "warn"
    assert residual_autocorrelation(NOISE[:20], 7).status == "not run"


def test_cusum() -> None:
    assert cusum(NOISE).status == "pass"
    assert cusum(NOISE + 0.3).status == "warn"
    assert cusum(NOISE[:5]).status == "not run"


@pytest.mark.parametrize(
    ("years", "is_long", "has_control", "status"),
    [
        (0.6, True, False, "fail"),
        (0.6, False, False, "pass"),
        (0.6, True, True, "pass"),
        (1.2, True, False, "pass"),
    ],
)
def test_season_coverage(
    years: float,
    is_long: bool,
    has_control: bool,
    status: str,
) -> None:
    found = season_coverage(years, is_long=is_long, has_seasonal_control=has_control)
    assert found.status == status


@pytest.mark.parametrize(
    ("days_after", "units", "status"),
    [
        (None, (), "pass"),
        (2, (), "fail"),
        (20, (), "warn"),
        (35, (), "pass"),
        (-60, (), "pass"),
        (-3, (), "fail"),
        (2, ("another",), "pass"),
    ],
)
def test_contested_window(
    days_after: int | None, units: tuple[str, ...], status: str
) -> None:
    launch = START + timedelta(days=100)
    others = []
    if days_after is not None:
        on = launch + timedelta(days=days_after)
        others = [{"name": "new prices", "on": on, "units": units}]
    plan = plan_of(130, 100, other_launches=others)
    window = pd.date_range(launch, periods=30)
    found = contested_window(plan, window, ("all",))
    assert found.status == status
    assert ("new prices" in found.why) == (status != "pass")


def test_control_range() -> None:
    inside = np.concatenate([np.linspace(0, 10, 100), np.full(20, 9.0)])
    outside = np.concatenate([np.linspace(0, 10, 100), np.full(20, 16.0)])
    partly = np.concatenate([inside[:116], np.full(4, 16.0)])
    assert control_range({"x": inside}, 100).status == "pass"
    assert control_range({"x": inside, "z": outside}, 100).status == "fail"
    assert control_range({"x": partly}, 100).status == "warn"
    assert control_range({"x": np.ones(120)}, 100).status == "pass"
    assert control_range({}, 100).status == "not run"


def test_control_contamination() -> None:
    assert control_contamination({"x": 0.3, "z": 0.02}).status == "pass"
    assert control_contamination({"x": 0.3, "z": 0.004}).status == "warn"
    assert control_contamination({"x": 0.001, "z": 0.004}).status == "fail"
    assert control_contamination({}).status == "not run"


def test_leave_one_out() -> None:
    whole = (10.0, 4.0)
    assert leave_one_out(whole, {"a": (13.0, 4.0)}).status == "pass"
    found = leave_one_out(whole, {"a": (11.0, 4.0), "b": (15.0, 4.0)})
    assert (found.status, found.statistic) == ("warn", 1.25)
    assert "'b'" in found.why
    assert leave_one_out(whole, {"a": (0.0, 4.0)}).status == "fail"
    # A wider interval without it is a reason for the estimate to move.
    assert leave_one_out(whole, {"a": (0.0, 12.0)}).status == "pass"
    assert leave_one_out(whole, {}).status == "not run"


def test_specification_spread() -> None:
    found = specification_spread(10.0, 2.0, {"with a slope": 12.0})
    assert (found.status, found.statistic) == ("pass", 0.2)
    assert specification_spread(10.0, 2.0, {"with a slope": 14.0}).status == "warn"
    # Around zero the half-width is what differences are large or small against.
    assert specification_spread(0.1, 8.0, {"with a slope": 1.0}).status == "pass"


def test_second_opinion() -> None:
    assert second_opinion("other", 11.0, 10.0, 2.0).status == "pass"
    assert second_opinion("other", 13.0, 10.0, 2.0).status == "warn"
    assert second_opinion("other", None, 10.0, 2.0).status == "not run"


def test_a_second_opinion_that_differs_by_chance_is_no_doubt() -> None:
    noisy = second_opinion("other", 13.0, 10.0, 2.0, chance=3.5)
    assert noisy.status == "pass"
    assert "By chance they differ by up to 3.5" in noisy.why
    assert second_opinion("other", 14.0, 10.0, 2.0, chance=3.5).status == "warn"


def test_unaffected_outcome() -> None:
    assert unaffected_outcome(-1.0, 2.0).status == "pass"
    assert unaffected_outcome(0.5, 2.0).status == "warn"


def test_placebo_in_unit_only_contradicts_a_claim() -> None:
    for p_value, claims, status in (
        (0.05, True, "pass"),
        (0.15, True, "warn"),
        (0.4, True, "fail"),
        (0.4, False, "pass"),
    ):
        found = placebo_in_unit(p_value, claims_effect=claims, placebos=[1.0, 2.0])
        assert found.status == status


def test_placebos_of_which_none_moved_as_much_are_said_to_be_too_few() -> None:
    """The true one counts in its rank: of 7 and it, 1 of 8 is 12.5 %."""
    found = placebo_in_unit(1 / 8, claims_effect=True, placebos=[0.1] * 7)
    assert found.status == "warn"
    assert found.why == (
        "None of 7 placebos moved as much, but 7 are too few to prove it: the least"
        " share that they can show is 12.5%."
    )
    some = placebo_in_unit(3 / 8, claims_effect=True, placebos=[0.1] * 7)
    assert some.why == (
        "2 of 7 placebos moved as much, although the interval leaves out zero."
    )
    many = placebo_in_unit(1 / 40, claims_effect=True, placebos=[0.1] * 39)
    assert many.why == "None of 39 placebos moved as much, as the interval says."


def test_pre_trends_print_the_breakdown_and_pass_means_little() -> None:
    by_time = np.array([0.0, 0.1, 0.2])
    whole = History({"the path of the whole history": 0.6}, 0.1, 0.05)
    found = pre_trends({"early": Lead(0.2, by_time)}, whole, 2.0, 0.5, 5.0)
    assert found.status == "pass"
    # Steps before: 0.1, 0.1 and 0.2 down to zero. Room 1.5 over 0.2 × 5 periods.
    assert list(found.picture["breakdown"]) == pytest.approx([1.5])
    assert (
        "drifted by 0.1 a period; four histories of five would show 0.14" in found.why
    )
    nothing = pre_trends({}, History(), 2.0, 0.5, 5.0)
    assert nothing.status == "not run"


@pytest.mark.parametrize(
    ("p_value", "status"), [(0.06, "pass"), (0.03, "warn"), (0.02, "fail")]
)
def test_one_early_effect_warns_and_one_of_two_at_half_the_level_fails(
    p_value: float, status: str
) -> None:
    leads = {"early": Lead(1.0 - p_value / 2.0, np.array([0.1]))}
    whole = History({"the path of the whole history": 0.6})
    found = pre_trends(leads, whole, 0.4, 0.5, 5.0)  # nothing is claimed
    assert found.status == status
    assert found.statistic == pytest.approx(p_value)
    assert "is early" in found.why


@pytest.mark.parametrize(
    ("below", "average", "status"),
    [
        (0.14, 2.0, "warn"),  # it rose before, and the estimate is a rise
        (0.16, 2.0, "pass"),
        (0.14, -2.0, "pass"),  # it rose before, and the estimate is a fall
        (0.86, -2.0, "warn"),  # 1 - 0.86 = 0.14 on the side of the fall
        (0.14, 0.4, "pass"),  # nothing is claimed: 0.4 is less than half a width
    ],
)
def test_a_parting_on_the_side_of_a_claim_warns_sooner(
    below: float, average: float, status: str
) -> None:
    leads = {"early": Lead(below, np.array([0.1]))}
    found = pre_trends(leads, History(), average, 0.5, 5.0)
    assert found.status == status
    assert ("On the side of the estimate it is early" in found.why) == (
        status == "warn"
    )


@pytest.mark.parametrize(
    ("below", "average", "status"),
    [
        (0.91, 2.0, "warn"),  # it fell before, and the estimate is a rise
        (0.89, 2.0, "pass"),
        (0.09, -2.0, "warn"),  # it rose before, and the estimate is a fall
        (0.91, 0.4, "pass"),  # nothing is claimed
    ],
)
def test_a_dip_before_a_claim_warns_as_units_recover(
    below: float, average: float, status: str
) -> None:
    """Only the longest lead: what came last is what is recovered from."""
    leads = {
        "one": Lead(0.5, np.array([0.1])),
        "four": Lead(below, np.array([0.1])),
    }
    found = pre_trends(leads, History(), average, 0.5, 5.0)
    assert found.status == status
    assert ("On the other side it is four" in found.why) == (status == "warn")
    shortest = dict(reversed(leads.items()))
    assert pre_trends(shortest, History(), average, 0.5, 5.0).status == "pass"


def test_hardly_any_study_of_units_that_start_after_a_dip_is_counted() -> None:
    """The defect: of 120 studies 14 were counted, and all 14 were wrong."""
    world = FROZEN_WORLDS["adopt after a dip"]
    grades = [answer(world.trial(seed)).grade for seed in range(50_000, 50_012)]
    assert sum(grade in "AB" for grade in grades) <= 1


@pytest.mark.parametrize(
    ("error", "outside", "effective", "largest", "status"),
    [
        (1.0, 0.0, 4.0, 0.5, "pass"),
        (1.7, 0.0, 4.0, 0.5, "warn"),
        (2.3, 0.0, 4.0, 0.5, "fail"),
        (1.0, 0.2, 4.0, 0.5, "warn"),
        (1.0, 0.0, 1.3, 0.5, "warn"),
        (1.0, 0.0, 2.5, 0.9, "warn"),
        (2.3, 0.2, 1.0, 0.9, "fail"),
    ],
)
def test_donor_hull(
    error: float, outside: float, effective: float, largest: float, status: str
) -> None:
    assert donor_hull(error, outside, effective, largest).status == status


def test_history_length_and_sampler_precision() -> None:
    assert history_length(24, 12).status == "pass"
    assert history_length(19, 12).status == "warn"
    assert sampler_precision(400.0).status == "pass"
    assert sampler_precision(200.0).status == "warn"
    assert sampler_precision(60.0).status == "fail"


def test_collinearity() -> None:
    other = NOISE[:200]
    own = RNG.normal(0.0, 1.0, 200)
    assert tolerance(own, np.column_stack([other])) > 0.9
    # Twice the other with noise of a tenth: 0.01 of 4.01 is left.
    assert tolerance(2.0 * other + 0.1 * own, other[:, None]) < 0.01
    assert collinearity({"use": 0.5, "price": 0.4}, 0.3).status == "pass"
    assert collinearity({"use": 0.5, "price": 0.4}, 0.09).status == "warn"
    assert collinearity({"use": 0.5, "price": 0.09}, 0.3).status == "fail"


@pytest.mark.parametrize(
    ("t_value", "status"), [(1.9, "pass"), (-2.0, "warn"), (2.6, "fail")]
)
def test_reverse_causality_lead(t_value: float, status: str) -> None:
    """Two-sided p of 1.96 is 0.05, of 2.576 it is 0.01."""
    assert reverse_causality_lead(t_value, 14).status == status
    assert reverse_causality_lead(None, 14).status == "not run"


@pytest.mark.parametrize(
    ("probability", "status"), [(0.2, "pass"), (0.21, "warn"), (0.81, "fail")]
)
def test_negative_baseline(probability: float, status: str) -> None:
    assert negative_baseline(probability).status == status
    assert negative_baseline(None).status == "not run"


def test_launch_overlap() -> None:
    assert launch_overlap([], 1.1, "5", is_joint_claim=False).status == "pass"
    assert launch_overlap(["price"], 2.3, "5", is_joint_claim=False).status == "fail"
    joint = launch_overlap(["price"], 2.3, "5 (4 to 6)", is_joint_claim=True)
    assert joint.status == "warn"
    assert "price" in joint.why
    assert "5 (4 to 6)" in joint.why
