"""A return has the cost of the change: what it replaced is taken off, line by line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from attribution.roi.baseline import Costs
from tests.attribution.roi.roi_cases import (
    assumed,
    claim,
    headline,
    inputs,
    rows,
    to_date,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.roi.register import Assumed

    Row = dict[str, Any]

EURO = assumed("conversion", 1.0, better="more", metric=None)
GAIN = claim(effects=(100.0, 100.0))
#: Before the launch in January 70, 60 and 65 a month; since then 80.
BILL = {
    "2025-10": 70.0,
    "2025-11": 60.0,
    "2025-12": 65.0,
    **dict.fromkeys(("2026-01", "2026-02", "2026-03", "2026-04"), 80.0),
}


def found(
    *entries: Assumed,
    served: Mapping[str, float] | None = None,
    unmetered: Mapping[str, float] | None = None,
    bill: Mapping[str, float] = BILL,
) -> Row:
    """Return care's row to date; without ``served`` no meter counts its requests."""
    given = inputs([GAIN], [EURO, *entries], {"care": bill})
    costs = Costs(bill, {}, served=served, unmetered=unmetered)
    made = rows(replace(given, costs={"care": costs}))
    return to_date(made) | {"headline": headline(made)}


def test_what_served_before_the_launch_is_taken_off_and_is_no_investment() -> None:
    """60, the lowest of the three months before, twice: 200 − (160 − 120) are 160."""
    row = found(served=BILL)
    assert (row["baseline_source"], row["baseline_month"]) == ("measured", "2025-11")
    assert (row["baseline_cost"], row["replaced_cost"]) == (60.0, 120.0)
    assert row["net_value"] == pytest.approx(160.0)
    assert row["net_after_investment"] == pytest.approx(160.0)
    assert row["headline"]["net_after_investment"] == pytest.approx(160.0)
    assert row["roi"] == pytest.approx(160 / 40)


def test_what_was_trained_before_the_launch_is_investment() -> None:
    """Of 65 in December 15 are of a model that has not served: 15 are invested."""
    row = found(served=BILL | {"2025-12": 50.0}, unmetered={})
    assert (row["baseline_month"], row["baseline_cost"]) == ("2025-12", 50.0)
    assert row["net_value"] == pytest.approx(200 - 2 * (80 - 50))
    assert row["net_after_investment"] == pytest.approx(140.0 - 15.0)
    assert row["probability_net_after_investment"] == 1.0


def test_where_nothing_served_before_all_of_it_is_investment() -> None:
    """195 of building: 200 − 160 − 195."""
    row = found(served=dict.fromkeys(("2026-01", "2026-02"), 80.0), unmetered={})
    assert (row["baseline_source"], row["replaced_cost"]) == ("nothing_served", 0.0)
    assert row["baseline_cost"] is None
    assert row["net_after_investment"] == pytest.approx(40.0 - 195.0)
    assert row["probability_net_after_investment"] == 0.0


def test_without_a_meter_nothing_is_taken_off_unless_somebody_declares_it() -> None:
    assert found()["baseline_source"] == "not_metered"
    assert found()["net_after_investment"] == pytest.approx(40.0 - 195.0)
    old = assumed("replaced_cost", 50.0, unit="EUR/month", feature_id="care")
    declared = found(old)
    assert (declared["baseline_source"], declared["baseline_cost"]) == ("declared", 50)
    assert declared["net_after_investment"] == pytest.approx(40.0 + 100.0)


def test_a_declared_baseline_of_nothing_comes_before_what_was_measured() -> None:
    none = assumed("replaced_cost", 0.0, unit="EUR/month", feature_id="care")
    row = found(none, served=BILL)
    assert (row["baseline_source"], row["replaced_cost"]) == ("declared_none", 0.0)
    assert row["net_value"] == pytest.approx(40.0)


def test_a_baseline_that_nobody_approved_is_listed_and_takes_nothing_off() -> None:
    proposal = assumed(
        "replaced_cost", 50.0, unit="EUR/month", feature_id="care", is_approved=False
    )
    row = found(proposal)
    assert row["replaced_cost"] == 0.0
    assert "replaced_cost: a replaced_cost that nobody approved" in row["left_out"]


def test_an_uncertain_baseline_widens_the_cost_of_the_change() -> None:
    """40 to 60 a month for two months: 80 to 120 taken off."""
    old = assumed("replaced_cost", 50.0, unit="EUR/month", low=40.0, high=60.0)
    row = found(old)
    ends = row["replaced_cost_low_90"], row["replaced_cost_high_90"]
    assert ends == pytest.approx((80.0, 120.0), rel=5e-3)


def test_a_change_that_costs_no_more_than_it_replaced_has_no_roi() -> None:
    old = assumed("replaced_cost", 90.0, unit="EUR/month", feature_id="care")
    row = found(old)
    assert (row["roi"], row["reason_code"]) == (None, "cost_not_positive")
    assert "no more than what it replaced" in row["reason"]
    assert (row["break_even_effect"], row["net_value"]) == (0.0, pytest.approx(220.0))


def test_value_is_not_divided_by_a_few_percent_of_a_cost() -> None:
    """75 of 80 a month were replaced: 10 of 160 is left, and 200 ÷ 10 is no return."""
    old = assumed("replaced_cost", 75.0, unit="EUR/month", feature_id="care")
    row = found(old)
    assert (row["roi"], row["reason_code"]) == (None, "cost_not_positive")
    assert "hardly more than what it replaced" in row["reason"]
    assert row["net_value"] == pytest.approx(190.0)


def test_benefit_to_date_is_carried_by_the_rule_of_the_run_rate() -> None:
    """March keeps 1 − 1 ÷ 24 of 100, April 1 − 1 ÷ 12, each less 80 − 60.

    160 to February, 95.8 + 91.7 of benefit since, less 40: 307.5.
    """
    row = found(served=BILL)
    since = 100 * (1 - 1 / 24) + 100 * (1 - 1 / 12)
    assert row["carried_benefit"] == pytest.approx(since, rel=0.01)
    assert row["replaced_cost_since"] == 120.0
    assert row["net_to_date"] == pytest.approx(160 + since - 40, rel=0.01)
    assert row["to_date_month"] == row["run_rate_month"] == "2026-04"
    assert row["run_rate_net"] == pytest.approx(100 * (1 - 1 / 12) - 20, rel=0.02)
    assert row["headline"]["net_to_date"] == pytest.approx(row["net_to_date"])
    assert row["probability_net_to_date"] == 1.0


def test_a_sum_to_date_is_unknown_a_year_after_the_last_measurement() -> None:
    """February 2026 is a year and a month before March 2027."""
    months = [f"{2026 + n // 12}-{n % 12 + 1:02d}" for n in range(15)]
    bill = dict.fromkeys(months, 10.0)
    row = found(bill=bill)
    assert (row["effect_status"], row["net_to_date"]) == ("unknown", None)
    assert row["net_after_investment"] == pytest.approx(180.0)
    assert found(bill=dict(list(bill.items())[:14]))["net_to_date"] is not None


def test_what_was_replaced_is_saved_only_while_the_change_runs() -> None:
    """In March nothing is spent any more: no benefit, and no saving either."""
    bill = {month: BILL[month] for month in list(BILL)[:5]}
    hours = {"care": {"2026-03": 1.0}}
    given = inputs([GAIN], [EURO], {"care": bill}, hours=hours)
    costs = Costs(bill, hours["care"], served=bill, unmetered={})
    row = to_date(rows(replace(given, costs={"care": costs})))
    assert (row["carried_benefit"], row["replaced_cost_since"]) == (0.0, 0.0)
    assert row["net_to_date"] == row["net_after_investment"]


def test_what_two_features_carry_of_one_outcome_is_carried_once() -> None:
    """100 and 60 of the same minutes are 60; both fade. Less 20 a month of cost."""
    costs = dict.fromkeys(("2026-01", "2026-02", "2026-03"), 10.0)
    both = [GAIN, claim("eta", effects=(60.0, 60.0))]
    row = headline(rows(inputs(both, [EURO], {"care": costs, "eta": costs})))
    assert row["net_after_investment"] == pytest.approx(120 - 40)
    assert row["carried_benefit"] == pytest.approx(60 * (1 - 1 / 24), rel=0.02)
    assert row["net_to_date"] == pytest.approx(80 + 57.5 - 20, rel=0.02)
