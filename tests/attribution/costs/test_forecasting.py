"""Forecasts against series whose future is known, and against hand-made errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.costs.cost_forecasts import forecast_rows, landings_after
from attribution.costs.daily_costs import UNASSIGNED, DailyCosts
from attribution.costs.forecasting.backtest import (
    DAILY_REACH_DAYS,
    TRAINING_DAYS,
    back_test,
    choose,
)
from attribution.costs.forecasting.calendar_fees import without_calendar_fees
from attribution.costs.forecasting.candidates import (
    SeasonalNaive,
    StateSpace,
    WeekdayMedian,
    local_level,
)
from attribution.costs.forecasting.forecast import (
    Asked,
    Quality,
    SeriesForecast,
    asked_of,
    forecast_series,
    reconcile,
    together,
)
from attribution.costs.forecasting.intervals import (
    RECENT_ORIGINS,
    coverage,
    widths,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.costs.kept_forecasts import Key

WEEK = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 5.0, 4.0])


def noisy_weeks(seed: int, days: int = 200, level: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return level * (np.resize(WEEK, days) + rng.normal(0.0, 0.5, days))


def test_last_week_is_repeated_from_each_origin() -> None:
    values = np.arange(20.0)
    found = SeasonalNaive().paths(values, (10, 20), 9)
    assert found[0].tolist() == [3, 4, 5, 6, 7, 8, 9, 3, 4]
    assert found[1].tolist() == [13, 14, 15, 16, 17, 18, 19, 13, 14]


def test_a_day_gone_wrong_does_not_move_the_weekdays_median() -> None:
    values = np.resize(WEEK, 35)
    values[30] = 1000.0  # weekday 2, whose others are all 12
    found = WeekdayMedian().paths(values, (35,), 7)[0]
    assert found.tolist() == WEEK.tolist()


def test_the_state_space_paths_are_those_of_the_library_fitted_anew() -> None:
    values = noisy_weeks(3, 120)
    candidate = StateSpace(local_level, values[:80])
    carried = candidate.paths(values, (80, 95, 120), 10)
    for position, origin in enumerate((80, 95, 120)):
        model = local_level(values[:origin] / candidate._scale)
        fresh = model.smooth(candidate.parameters).forecast(10) * candidate._scale  # type: ignore[attr-defined]
        assert carried[position] == pytest.approx(fresh, rel=1e-8)


def test_a_forecast_looks_at_nothing_after_its_origin() -> None:
    values = noisy_weeks(5, 150)
    other = values.copy()
    other[100:] += 500.0
    for method in (
        SeasonalNaive(),
        WeekdayMedian(),
        StateSpace(local_level, values[:80]),
    ):
        first = method.paths(values, (90, 100), 14)
        assert np.array_equal(first, method.paths(other, (90, 100), 14))


def test_the_method_is_chosen_without_the_origins_that_measure_it() -> None:
    values = noisy_weeks(7, 260)
    test = back_test(values)
    assert test is not None
    chosen = choose(test)
    latest_chooser = test.origins[test.choosing][-1]
    assert latest_chooser < test.origins[test.measuring][0]
    disturbed = test.paths[chosen].copy()
    disturbed[test.measuring] += 1e6
    test.paths[chosen] = disturbed
    assert choose(test) == chosen


def test_a_series_that_repeats_itself_is_forecast_without_error() -> None:
    found = forecast_series(Asked(np.resize(WEEK, 140), 14))
    assert found.days == pytest.approx(np.resize(WEEK, 14), abs=1e-6)
    assert found.quality.error_ratio == pytest.approx(0.0, abs=1e-6)


def test_a_history_too_short_for_a_back_test_has_a_landing_but_no_errors_of_days() -> (
    None
):
    found = forecast_series(Asked(noisy_weeks(1, TRAINING_DAYS), 7))
    assert found.method == "log_trend"
    assert found.quality == Quality(0)
    assert found.day_interval(1) == (None, None)
    low, high = found.total_interval(7)
    assert low is not None
    assert high is not None
    assert 0.0 < low < found.total(7) < high


def test_a_half_width_is_the_quantile_of_the_errors_that_were_made() -> None:
    values = np.resize(WEEK, 200)
    test = back_test(values)
    assert test is not None
    test = replace(test, actual=test.actual[:, :1])
    errors = np.linspace(1.0, len(test.origins), len(test.origins))
    path = test.actual - (errors * test.level)[:, None]
    # With n errors 1..n, relative, the rank is ceil(0.9 (n + 1)).
    count = int(np.isfinite(test.actual).sum())
    expected = int(np.ceil(0.9 * (count + 1)))
    assert widths(test, path).daily[0] == pytest.approx(expected)


@pytest.mark.parametrize(("seed", "days"), [(1, 72), (2, 150), (3, 420)])
def test_what_was_known_at_each_origin_alone_decides_whether_its_days_were_held(
    seed: int, days: int
) -> None:
    test = back_test(noisy_weeks(seed, days), with_estimates=False)
    assert test is not None
    path = test.paths["weekday_median"]
    held = counted = 0
    for at in range(*test.measuring.indices(len(test.origins))):
        known = [
            [
                abs(test.actual[row, ahead] - path[row, ahead]) / test.level[row]
                if origin + ahead + 1 <= test.origins[at] and row >= at - RECENT_ORIGINS
                else np.nan
                for ahead in range(DAILY_REACH_DAYS)
            ]
            for row, origin in enumerate(test.origins)
        ]
        for ahead in range(DAILY_REACH_DAYS):
            near = np.array(known)[:, max(0, ahead - 3) : ahead + 4]
            errors = np.sort(near[np.isfinite(near)])
            if len(errors) < 19 or np.isnan(test.actual[at, ahead]):
                continue
            rank = min(len(errors), int(np.ceil((len(errors) + 1) * 0.9)))
            half = errors[rank - 1] * test.level[at]
            counted += 1
            held += abs(test.actual[at, ahead] - path[at, ahead]) <= half
    assert coverage(test, path) == (held / counted if counted else None)


def test_intervals_hold_about_nine_days_in_ten() -> None:
    ratios = []
    for seed in range(12):
        test = back_test(noisy_weeks(seed, 260))
        assert test is not None
        ratios.append(coverage(test, test.paths["weekday_median"]))
    assert 0.85 <= float(np.mean([r for r in ratios if r is not None])) <= 0.95


def fresh(asked: Mapping[Key, Asked]) -> dict[Key, SeriesForecast]:
    return {key: forecast_series(one) for key, one in asked.items()}


def forecast_hierarchy(
    parts: dict[str, np.ndarray], horizon: int
) -> tuple[dict[str, SeriesForecast], SeriesForecast]:
    own, total = asked_of(parts, horizon)
    forecasts = {name: forecast_series(one) for name, one in own.items()}
    return together(forecasts, forecast_series(total))


def a_part(days: list[float], variance: float) -> SeriesForecast:
    return SeriesForecast("x", np.array(days), 1.0, None, variance, Quality(0))


def test_what_the_total_knows_better_goes_to_the_parts_by_their_uncertainty() -> None:
    # Parts say 10 + 20, the total 36: a gap of 6, of which 3/8 and 1/8 are taken.
    parts = {"a": a_part([10.0], 3.0), "b": a_part([20.0], 1.0)}
    found = reconcile(parts, a_part([36.0], 4.0))
    assert found["a"].days.tolist() == [12.25]
    assert found["b"].days.tolist() == [20.75]


@settings(max_examples=15, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 10_000), min_size=1, max_size=4),
    lengths=st.lists(st.integers(7, 90), min_size=4, max_size=4),
)
def test_the_parts_of_every_day_add_up_to_the_total(
    seeds: list[int], lengths: list[int]
) -> None:
    parts = {
        str(position): noisy_weeks(seed, lengths[position], level=position + 1)
        for position, seed in enumerate(seeds)
    }
    found, total = forecast_hierarchy(parts, 20)
    summed = np.sum([part.days for part in found.values()], axis=0)
    assert total.days == pytest.approx(summed, rel=1e-12)


def test_only_the_largest_parts_are_tried_with_estimates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("attribution.costs.forecasting.forecast.ESTIMATED_PARTS", 1)
    # A level that jumps for good: a method that adapts beats the weekly ones.
    jumps = np.cumsum(np.random.default_rng(4).normal(0.0, 3.0, 200)) + 100.0
    found, _ = forecast_hierarchy({"small": jumps / 10, "large": jumps}, 7)
    assert set(found["large"].parameters) == {"local_level", "damped_trend"}
    assert not found["small"].parameters


@pytest.mark.parametrize(
    ("last_day", "month", "month_end", "quarter", "quarter_end"),
    [
        (date(2026, 10, 31), "2026-11", date(2026, 12, 1), "2026-Q4", date(2027, 1, 1)),
        (date(2026, 11, 15), "2026-11", date(2026, 12, 1), "2026-Q4", date(2027, 1, 1)),
        (date(2026, 12, 31), "2027-01", date(2027, 2, 1), "2027-Q1", date(2027, 4, 1)),
        (date(2028, 2, 28), "2028-02", date(2028, 3, 1), "2028-Q1", date(2028, 4, 1)),
    ],
)
def test_a_landing_is_of_the_period_that_the_next_day_lies_in(
    last_day: date, month: str, month_end: date, quarter: str, quarter_end: date
) -> None:
    first, second, _ = landings_after(last_day)
    assert (first.label, first.end) == (month, month_end)
    assert (second.label, second.end) == (quarter, quarter_end)


def test_rows_of_a_spend_say_what_remains_and_leave_out_what_has_ended() -> None:
    values = np.resize(WEEK, 140)
    ended = np.concatenate([np.full(80, 9.0), np.zeros(60)])
    costs = DailyCosts(
        "EUR", date(2026, 11, 27), {"a": values, UNASSIGNED: 2 * values, "b": ended}
    )
    days, landings, quality = forecast_rows([costs], fresh).values()
    assert {(row["series"], row["model_id"]) for row in quality} == {
        ("model", "a"),
        ("unassigned", None),
        ("total", None),
    }
    # Three days of November and thirty-one of December remain; the series goes on
    # where the 140 days, twenty whole weeks, have ended.
    ahead = np.resize(WEEK, 34)
    of_a = [row for row in landings if row["model_id"] == "a"]
    assert [row["remaining_day_count"] for row in of_a] == [3, 34, 34]
    assert of_a[0]["remaining_cost"] == pytest.approx(ahead[:3].sum())
    assert of_a[1]["remaining_cost"] == pytest.approx(ahead.sum())
    assert len(days) == 3 * 34
    assert days[-1]["charge_date"] == date(2026, 12, 31)
    total = [row for row in days if row["series"] == "total"]
    assert total[0]["forecast_cost"] == pytest.approx(3 * WEEK[0])


LAST_DAY = date(2026, 10, 31)


def with_fee(values: np.ndarray, amount: float, months: int = 12) -> np.ndarray:
    """Return a series up to 31 October with a fee on the newest firsts of months."""
    days = [LAST_DAY - timedelta(days=n) for n in range(len(values))][::-1]
    firsts = [n for n, day in enumerate(days) if day.day == 1][-months:]
    found = values.copy()
    found[firsts] += amount
    return found


@pytest.mark.parametrize("months", [2, 6])
def test_what_comes_on_the_first_of_a_month_is_forecast_for_the_next_firsts(
    months: int,
) -> None:
    plain = noisy_weeks(11)
    fee = without_calendar_fees(with_fee(plain, 40.0, months), LAST_DAY)
    assert fee.amounts == {1: pytest.approx(40.0, abs=1.5)}
    assert fee.rest == pytest.approx(plain, abs=1.5)
    # 1 November and 1 December are the first and the 31st day ahead.
    ahead = fee.ahead(61)
    assert np.flatnonzero(ahead).tolist() == [0, 30]
    assert set(ahead[[0, 30]]) == {fee.amounts[1]}


@pytest.mark.parametrize(
    "values",
    [
        noisy_weeks(12),
        with_fee(noisy_weeks(13), 40.0, months=1),
        # One that has ended: the last first is like any day.
        with_fee(with_fee(noisy_weeks(14), 40.0), -40.0, months=1),
        with_fee(noisy_weeks(15), 0.5),
        with_fee(with_fee(noisy_weeks(16), 400.0), -360.0, months=1),
        noisy_weeks(17)[-20:],
    ],
    ids=["none", "once", "ended", "in the noise", "unlike", "too short"],
)
def test_without_a_fee_a_series_stays_as_it_is(values: np.ndarray) -> None:
    fee = without_calendar_fees(values, LAST_DAY)
    assert fee.rest is values
    assert not fee.ahead(61).any()


def test_a_landing_has_the_fees_of_the_firsts_until_its_end() -> None:
    values = {"a": with_fee(np.resize(WEEK, 200), 70.0), "b": np.resize(WEEK, 200)}
    costs = DailyCosts("EUR", LAST_DAY, values)
    days, landings, _ = forecast_rows([costs], fresh).values()
    month = {
        row["model_id"]: row["remaining_cost"]
        for row in landings
        if row["landing"] == "month"
    }
    week = float(np.resize(np.roll(WEEK, -(200 % 7)), 30).sum())
    assert month == pytest.approx({"a": week + 70, "b": week, None: 2 * week + 70})
    first = [row for row in days if row["charge_date"] == date(2026, 11, 1)]
    parts = sum(row["forecast_cost"] for row in first if row["model_id"])
    [total] = [row["forecast_cost"] for row in first if row["model_id"] is None]
    assert total == pytest.approx(parts)
