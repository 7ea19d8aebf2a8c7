"""Where a month and a quarter land, in worlds whose future is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from attribution.costs.cost_forecasts import forecast_rows, landings_after
from attribution.costs.daily_costs import DailyCosts
from attribution.costs.forecasting.backtest import back_test, choose, level_before
from attribution.costs.forecasting.calendar_fees import without_calendar_fees
from attribution.costs.forecasting.candidates import LastMonth
from attribution.costs.forecasting.forecast import Asked, forecast_series
from attribution.costs.forecasting.growth import (
    deviations_of_sums,
    drawn_logs,
    filtered,
    grid,
)
from attribution.costs.forecasting.landing_bands import Band
from attribution.costs.forecasting.log_trend import LogTrend
from attribution.costs.forecasting.past_sums import PastSums, past_landings
from attribution.costs.forecasting.stopping import may_return, stopped_days
from benchmarks.cost_worlds import LANDING_WORLDS
from benchmarks.landings import landing_figures
from tests.layers import in_full

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.costs.forecasting.forecast import SeriesForecast
    from attribution.costs.kept_forecasts import Key

WEEK = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 5.0, 4.0])
#: The worlds whose quarter landings are promised to hold.
PROMISED = (
    "growth 0 % a month",
    "growth 3 % a month",
    "growth 5 % a month",
    "growth 10 % a month",
    "weekly season",
    "month-start fees",
    "bursts",
)


def fresh(asked: Mapping[Key, Asked]) -> dict[Key, SeriesForecast]:
    return {key: forecast_series(one) for key, one in asked.items()}


def landings(costs: DailyCosts) -> dict[str, dict[str, Any]]:
    rows = forecast_rows([costs], fresh)["cost_landings"]
    return {row["landing"]: row for row in rows if row["series"] == "total"}


# Growth


def test_one_model_of_the_grid_filters_as_statsmodels_does() -> None:
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    rng = np.random.default_rng(7)
    logs = 5.0 + 0.02 * np.arange(40) + rng.normal(0.0, 0.03, 40)
    of = grid()
    number = int(np.flatnonzero(of.damping == 1.0)[-10])
    noise, level, growth = of.noise[number], of.level[number], of.growth[number]
    # After the first week the level is that week, as uncertain as its noise.
    reference = UnobservedComponents(logs[1:], level="local linear trend")
    reference.ssm.initialize_known(
        np.array([logs[0], 0.0]),
        np.array([[noise + level + 0.06**2, 0.06**2], [0.06**2, 0.06**2 + growth]]),
    )
    expected = reference.filter(np.array([noise, level, growth]))
    found = filtered(logs)
    assert found.mean[1:, :, number] == pytest.approx(
        expected.filtered_state.T, rel=1e-9
    )
    assert found.covariance[-1, 0, number] == pytest.approx(
        expected.filtered_state_cov[0, 0, -1], rel=1e-9
    )


def test_what_a_sum_may_deviate_by_is_what_drawn_sums_do() -> None:
    rng = np.random.default_rng(11)
    states = filtered(4.0 + rng.normal(0.0, 0.05, 60))
    levels, noise = drawn_logs(states, 13, 20_000, rng)
    sums = np.exp(levels + noise[:, None] * rng.normal(size=levels.shape)).sum(axis=1)
    assert np.std(np.log(sums)) == pytest.approx(
        deviations_of_sums(states, 13)[-1], rel=0.1
    )


def test_growth_of_ten_percent_a_month_is_carried_on() -> None:
    days = np.arange(364)
    values = np.resize(WEEK, 364) * 1.1 ** (days / 30.4375)
    path = LogTrend().paths(values, (364,), 91)[0]
    truth = np.resize(WEEK, 91) * 1.1 ** (np.arange(364, 455) / 30.4375)
    assert path.sum() == pytest.approx(truth.sum(), rel=0.03)


def test_a_step_is_let_through_and_not_taken_for_growth() -> None:
    values = np.resize(WEEK, 280) * np.exp(
        np.random.default_rng(3).normal(0.0, 0.03, 280)
    )
    values[210:] *= 0.5
    path = LogTrend().paths(values, (280,), 91)[0]
    assert path.sum() == pytest.approx(0.5 * 13 * WEEK.sum(), rel=0.05)


def test_another_method_is_taken_only_where_its_sums_were_far_better() -> None:
    values = np.resize(WEEK, 300) * np.exp(
        np.random.default_rng(1).normal(0.0, 0.1, 300)
    )
    test = back_test(values, with_estimates=False)
    assert test is not None
    assert choose(test) == "log_trend"
    test.paths["weekday_median"] = np.nan_to_num(test.actual, nan=1.0)
    assert choose(test) == "weekday_median"


@pytest.mark.parametrize("naive", ["seasonal_naive", "last_month"])
def test_a_method_that_loses_to_a_naive_one_in_both_halves_is_not_taken(
    naive: str,
) -> None:
    values = np.resize(WEEK, 300) * np.exp(
        np.random.default_rng(1).normal(0.0, 0.1, 300)
    )
    test = back_test(values, with_estimates=False)
    assert test is not None
    # Wrong by 4 % less than growth: never half as much, and yet less every time.
    growth = test.paths["log_trend"]
    test.paths[naive] = growth + 0.04 * (np.nan_to_num(test.actual, nan=1.0) - growth)
    assert choose(test) == naive
    test.paths[naive][test.choosing] = 3.0 * growth[test.choosing]
    assert choose(test) == "log_trend"


def test_last_month_is_repeated_from_each_origin() -> None:
    values = np.arange(60.0)
    found = LastMonth().paths(values, (28, 60), 30)
    assert found[0].tolist() == [*range(28), 0, 1]
    assert found[1].tolist() == [*range(32, 60), 32, 33]


# Intervals


@pytest.mark.parametrize("world", ["growth 10 % a month", *in_full("month-start fees")])
def test_quarter_landings_hold_about_nine_times_in_ten(world: str) -> None:
    # Of 60, fewer than 48 would come once in two hundred times if nine in ten hold.
    assert landing_figures(world, range(60))["quarter"].coverage >= 48 / 60


@pytest.mark.full
@pytest.mark.parametrize("world", PROMISED)
def test_quarter_landings_hold_what_they_promise_in_every_promised_world(
    world: str,
) -> None:
    found = landing_figures(world, range(400))["quarter"]
    assert 0.88 <= found.coverage <= 0.96


def test_sums_of_sparse_bursts_stay_within_what_days_can_cost() -> None:
    for seed in range(10):
        drawn = LANDING_WORLDS["sparse bursts"](seed)
        values = drawn.values[: drawn.known_days]
        found = forecast_series(Asked(values, 92))
        for days in (1, 30, 92):
            low, high = found.total_interval(days)
            assert low is not None
            assert high is not None
            assert 0.0 <= low <= high <= days * 2.0 * values.max()
        for ahead in (1, 31, 92):
            low, high = found.day_interval(ahead)
            assert low is not None
            assert high is not None
            assert 0.0 <= low <= high <= 2.0 * values.max()


def test_what_pauses_for_a_month_keeps_a_tenth_of_its_size() -> None:
    values = np.concatenate([np.full(70, 10.0), np.zeros(30)])
    assert level_before(values, 100) == pytest.approx(0.1 * 7.0)


def test_a_band_is_a_part_of_what_is_expected() -> None:
    band = Band(np.array([0.8, 0.9]), np.array([1.3, 1.2]))
    assert band.around(100.0, 2) == pytest.approx((90.0, 120.0))
    assert band.around(100.0, 9) == pytest.approx((90.0, 120.0))


def test_a_model_of_three_weeks_has_an_interval_of_its_landing() -> None:
    drawn = LANDING_WORLDS["new model"](3)
    values = drawn.values[: drawn.known_days][-21:]
    last_day = drawn.first_day + timedelta(days=drawn.known_days - 1)
    row = landings(DailyCosts("EUR", last_day, {"new": values}))["quarter"]
    assert 0.0 < row["remaining_cost_low"] < row["remaining_cost"]
    assert row["remaining_cost"] < row["remaining_cost_high"]


def test_past_landings_are_those_of_the_later_half_and_about_as_long() -> None:
    found = forecast_series(Asked(np.resize(WEEK, 364) * 1.0, 92))
    # 44 origins, a week apart, from day 56 to 357: the later 22 begin on day 210.
    assert [(one.weeks, one.count) for one in found.past_landings] == [
        (1, 22),
        (2, 21),
        (4, 19),
        (8, 15),
        (13, 10),
    ]
    assert all(one.coverage_ratio == 1.0 for one in found.past_landings)
    assert [
        one.weeks for days in (3, 30, 61, 91) if (one := found.past_landing(days))
    ] == [1, 4, 8, 13]


def test_an_interval_of_the_past_is_made_of_what_was_known_by_then() -> None:
    # Five sums of one week, each missed by three deviations: 1.645 at first, and wider
    # as misses come in: at the k-th, sqrt((6 + 9 k) ÷ (6 + k)) times.
    past = PastSums(np.arange(7, 42, 7), np.full(5, 3.0), np.zeros(5))
    wide = [1.645 * np.sqrt((6 + 9 * k) / (6 + k)) for k in range(5)]
    held = past_landings(past, 1, 0)
    assert held is not None
    assert held.unwidened_ratio == sum(half >= 3.0 for half in wide) / 5
    last = past_landings(past, 1, 28)
    assert last is not None
    assert (last.unwidened_ratio, last.widening) == (1.0, 1.0)
    assert past_landings(past, 1, 35) is None


def test_an_interval_is_widened_until_nine_in_ten_past_sums_held() -> None:
    # Nineteen sums of one week whose half widths are 1.645: none of another was known.
    missed = 1.645 * np.array([0.5] * 14 + [1.2, 1.4, 1.6, 1.8, 9.0])
    ends = np.full(19, 7)
    found = past_landings(PastSums(ends, missed, np.zeros(19)), 1, 0)
    assert found is not None
    # The 0.9 · 20 = 18th of them in order lies 1.8 half widths away.
    assert found.widening == pytest.approx(1.8)
    assert found.unwidened_ratio == 14 / 19
    assert found.coverage_ratio == 18 / 19


def test_of_a_few_past_sums_the_farthest_decides() -> None:
    found = past_landings(
        PastSums(np.full(4, 7), 1.645 * np.array([0.2, 2.5, 1.0, 0.1]), np.zeros(4)),
        1, 0,
    )  # fmt: skip
    assert found is not None
    assert (found.widening, found.coverage_ratio) == (pytest.approx(2.5), 1.0)


def test_a_widened_band_is_so_many_times_as_wide_in_logarithms() -> None:
    band = Band(np.array([0.5]), np.array([2.0]))
    assert band.around(100.0, 1, 2.0) == pytest.approx((25.0, 400.0))


def test_a_landing_is_as_wide_as_its_own_back_test_demands() -> None:
    # Half a year at 10 a day, then a step: what was promised before it did not hold.
    values = np.resize(WEEK, 420) * np.where(np.arange(420) < 330, 1.0, 1.5)
    values = values * np.exp(np.random.default_rng(2).normal(0.0, 0.05, 420))
    found = forecast_series(Asked(values, 92))
    past = found.past_landing(61)
    assert past is not None
    assert past.unwidened_ratio < 0.8
    assert past.coverage_ratio >= 0.9
    narrow = replace(
        found,
        past_landings=tuple(
            replace(past, widening=1.0) for past in found.past_landings
        ),
    )
    (low, high), (inner_low, inner_high) = (
        forecast.total_interval(61) for forecast in (found, narrow)
    )
    assert low is not None
    assert inner_low is not None
    assert low < inner_low
    assert high is not None
    assert inner_high is not None
    assert high > inner_high


# The fiscal year


@pytest.mark.parametrize(
    ("start_month", "label", "start", "end"),
    [
        (1, "FY2026", date(2026, 1, 1), date(2027, 1, 1)),
        (4, "FY2027", date(2026, 4, 1), date(2027, 4, 1)),
        (12, "FY2026", date(2025, 12, 1), date(2026, 12, 1)),
    ],
)
def test_a_fiscal_year_is_named_after_the_year_in_which_it_ends(
    start_month: int, label: str, start: date, end: date
) -> None:
    year = landings_after(date(2026, 10, 31), start_month)[-1]
    assert (year.label, year.start, year.end) == (label, start, end)


def test_a_fiscal_year_lands_on_all_its_days_to_go() -> None:
    values = np.resize(WEEK, 280)
    costs = DailyCosts("EUR", date(2026, 10, 31), {"a": values}, None, 4)
    year = landings(costs)["year"]
    # November to March.
    assert year["remaining_day_count"] == 30 + 31 + 31 + 28 + 31
    assert year["remaining_cost"] == pytest.approx(np.resize(WEEK, 151).sum(), rel=0.02)
    # No past sum is longer than a quarter, and the row says so.
    assert year["backtest_week_count"] == 13
    days = forecast_rows([costs], fresh)["cost_forecasts"]
    assert max(row["charge_date"] for row in days) == date(2026, 12, 31)


# What has stopped


@pytest.mark.parametrize(
    ("values", "days"),
    [
        ([1.0] * 20 + [0.0] * 3, 3),
        ([1.0] * 20 + [0.0] * 2, 0),
        ([1.0, 0.0, 0.0] * 9 + [0.0] * 4, 0),
        ([1.0, 0.0, 0.0] * 9 + [0.0] * 5, 7),
        ([0.0] * 5, 0),
        ([0.0] * 5 + [1.0], 0),
    ],
)
def test_a_series_has_stopped_when_it_pauses_longer_than_it_ever_did(
    values: list[float], days: int
) -> None:
    assert stopped_days(np.array(values)) == days


def test_nothing_is_expected_of_what_has_stopped_and_a_return_fades() -> None:
    values = np.resize(WEEK, 280)
    lately, long_ago = values.copy(), values.copy()
    lately[-5:] = 0.0
    long_ago[-20:] = 0.0
    found = forecast_series(Asked(lately, 30))
    assert found.total(30) == 0.0
    low, high = found.total_interval(30)
    assert low == 0.0
    assert high is not None
    assert high >= 4 * WEEK.sum()
    assert forecast_series(Asked(long_ago, 30)).total_interval(30) == (0.0, 0.0)
    assert may_return(17)
    assert not may_return(18)


# The calendar


def days_up_to(last_day: date, count: int) -> list[date]:
    return [last_day - timedelta(days=n) for n in range(count)][::-1]


def test_batches_at_the_end_of_a_month_come_at_the_end_of_the_next() -> None:
    last_day = date(2026, 10, 20)
    days = days_up_to(last_day, 200)
    values = np.resize(WEEK, 200)
    ends = [n for n, day in enumerate(days) if (day + timedelta(days=1)).day == 1]
    values[ends] += 60.0
    fees = without_calendar_fees(values, last_day)
    assert fees.amounts == {-1: pytest.approx(60.0)}
    # 31 October and 30 November are the 11th and the 41st day ahead.
    assert np.flatnonzero(fees.ahead(45)).tolist() == [10, 40]


def test_what_bursts_of_any_day_would_make_by_chance_is_not_a_fee() -> None:
    values = np.resize(WEEK, 200)
    rng = np.random.default_rng(5)
    values[rng.random(200) < 0.2] += 60.0
    # Two of these bursts happen to lie on two seventeenths in a row.
    days = days_up_to(date(2026, 10, 20), 200)
    at = [n for n, day in enumerate(days) if day.day == 17][-2:]
    values[at] = 70.0
    assert 17 not in without_calendar_fees(values, date(2026, 10, 20)).amounts


def test_fees_that_vary_widen_a_landing() -> None:
    steady = np.resize(WEEK, 280)
    days = days_up_to(date(2026, 10, 31), 280)
    firsts = [n for n, day in enumerate(days) if day.day == 1]
    same, varied = steady.copy(), steady.copy()
    same[firsts] += 100.0
    varied[firsts] += np.resize([80.0, 120.0], len(firsts))
    widths = {}
    for name, values in {"same": same, "varied": varied}.items():
        row = landings(DailyCosts("EUR", date(2026, 10, 31), {"a": values}))["month"]
        widths[name] = row["remaining_cost_high"] - row["remaining_cost_low"]
    # Fees that are 20 from their middle vary by 20: ± 33 at 90 %, for one of them.
    assert widths["varied"] >= widths["same"] + 40.0


# The months


def test_a_month_that_is_over_is_not_forecast_however_late_a_bill_is() -> None:
    values = np.resize(WEEK, 280)
    # One bill has come to 20 October, another to 9 November.
    costs = DailyCosts("EUR", date(2026, 10, 20), {"a": values}, date(2026, 11, 9))
    found = landings(costs)
    assert found["month"]["period"] == "2026-11"
    # None of November is known of all bills; October's rest is not of it.
    assert found["month"]["remaining_day_count"] == 30
    ahead = np.resize(WEEK, 41)[11:]
    assert found["month"]["remaining_cost"] == pytest.approx(ahead.sum(), rel=0.02)
    assert found["quarter"]["period"] == "2026-Q4"
    assert found["quarter"]["remaining_day_count"] == 11 + 30 + 31


def test_a_bill_that_is_as_far_as_all_others_changes_nothing() -> None:
    values = np.resize(WEEK, 280)
    alone = DailyCosts("EUR", date(2026, 10, 20), {"a": values})
    same = DailyCosts("EUR", date(2026, 10, 20), {"a": values}, date(2026, 10, 20))
    assert landings(alone) == landings(same)
