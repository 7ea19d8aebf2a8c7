"""Cost per unit, with its numerator and its denominator."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.cost_by_model import token_queries, unit_cost_queries
from dashboard.shared import selection_queries
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.e2e.test_notebooks import executed
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")


def test_a_unit_cost_is_its_numerator_over_its_denominator(snapshot: Snapshot) -> None:
    rows = unit_cost_queries.unit_costs(
        snapshot, EVERYTHING, "1,000 requests"
    ).to_pylist()
    eta = next(row for row in rows if row["model_id"] == "eta-v2")
    assert eta["cost"] == Decimal(1460)
    assert eta["quantity"] == Decimal(730_000)
    assert eta["unit_cost"] == pytest.approx(2.0)
    assert eta["prior_unit_cost"] == pytest.approx(2.5)
    assert eta["change_ratio"] == pytest.approx(-0.2)
    assert eta["coverage_ratio"] == pytest.approx(1.0)


def test_a_notebook_divides_what_the_page_divides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eta 1,200 and 1,460 served 1.21 million; July's 800 has no meter."""
    publish(tmp_path)
    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(tmp_path))
    rows = executed("bill_to_cost_per_model")["unit_costs"].to_dict("records")
    costs = {row["model_id"]: row["unit_cost"] for row in rows}
    assert costs["eta-v2"] == pytest.approx((1_200 + 1_460) / 1_210)
    assert costs["chat-v1"] == pytest.approx(5.0)
    assert costs["vision-v1"] != costs["vision-v1"]  # NaN


def test_no_meter_and_no_request_are_told_apart_and_are_not_zero(
    snapshot: Snapshot,
) -> None:
    rows = {
        row["model_id"]: row
        for row in unit_cost_queries.unit_costs(
            snapshot, EVERYTHING, "1,000 requests"
        ).to_pylist()
    }
    assert rows["vision-v1"]["unit_cost"] is None
    assert rows["vision-v1"]["reason"] == "none served"
    assert rows["small-4"]["unit_cost"] is None
    assert rows["small-4"]["reason"] == "not metered"
    assert rows["small-4"]["coverage_ratio"] is None


def test_tokens_are_counted_in_and_out_and_cost_what_tokens_cost(
    snapshot: Snapshot,
) -> None:
    """240 of the 300 that chat-v1 costs in all."""
    rows = unit_cost_queries.unit_costs(snapshot, EVERYTHING, "1M tokens").to_pylist()
    assert rows[0]["model_id"] == "chat-v1"
    assert rows[0]["quantity"] == Decimal(120_000_000)
    assert rows[0]["unit_cost"] == pytest.approx(240 / 120)


def test_the_summary_leaves_models_without_a_meter_out_of_both_sides(
    snapshot: Snapshot,
) -> None:
    summary = unit_cost_queries.unit_summary(snapshot, EVERYTHING, "GPU-hour")
    assert summary.cost == Decimal(1460 + 640)
    assert summary.quantity == Decimal(365 + 64)
    assert summary.unit_cost == pytest.approx(2100 / 429)
    assert summary.metered_model_count == 2
    assert summary.model_count == 10
    assert summary.metered_cost_ratio == pytest.approx(2100 / 2449)


def test_idle_capacity_is_in_a_unit_cost_of_its_own(snapshot: Snapshot) -> None:
    """150 idle in September; a scope cannot say how much of it is its own."""
    summary = unit_cost_queries.unit_summary(snapshot, EVERYTHING, "GPU-hour")
    assert summary.idle_cost == Decimal(150)
    assert summary.unit_cost_with_idle == pytest.approx((2100 + 150) / 429)
    vision = selection_queries.Selection(
        SEPTEMBER, "Amortised", "EUR", "team", "vision"
    )
    of_team = unit_cost_queries.unit_summary(snapshot, vision, "GPU-hour")
    assert (of_team.idle_cost, of_team.unit_cost_with_idle) == (None, None)


def test_a_meter_of_few_days_has_no_unit_cost_and_says_how_many(tmp_path: Path) -> None:
    """2,423.10 of 30 days by 10,000 requests of three were 242.31, not 24.23."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.mart_model_unit_costs set fully_loaded_cost = 2423.10,"
            " request_metered_cost = 242.31, requests = 10000, requests_day_count = 3,"
            " requests_cost_day_count = 30, cost_per_thousand_requests = null,"
            " request_cost_reason = 'metered on 3 of 30 days'"
            " where model_id = 'eta-v2' and billing_month = '2026-09'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    of = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "model", "eta-v2")
    [row] = unit_cost_queries.unit_costs(snapshot, of, "1,000 requests").to_pylist()
    assert (row["unit_cost"], row["reason"]) == (None, "metered on 3 of 30 days")
    assert row["coverage_ratio"] == pytest.approx(0.1)
    summary = unit_cost_queries.unit_summary(snapshot, of, "1,000 requests")
    assert (summary.unit_cost, summary.change_ratio) == (None, None)
    assert "metered on 3 of 30 days" in summary.without_requests


def test_a_meter_of_most_days_divides_their_cost_and_says_so(tmp_path: Path) -> None:
    """27 of 30 days: 2,180.79 by 90,000 requests is 24.231."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.mart_model_unit_costs set fully_loaded_cost = 2423.10,"
            " request_metered_cost = 2180.79, requests = 90000,"
            " requests_day_count = 27, requests_cost_day_count = 30"
            " where model_id = 'eta-v2' and billing_month = '2026-09'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    of = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "model", "eta-v2")
    summary = unit_cost_queries.unit_summary(snapshot, of, "1,000 requests")
    assert summary.unit_cost == pytest.approx(24.231)
    assert summary.metered_days == "metered on 27 of 30 days"


def test_twice_the_denominator_is_half_the_unit_cost(snapshot: Snapshot) -> None:
    both = selection_queries.Period("two", ("2026-08", "2026-09"))
    selection = selection_queries.Selection(both, "Amortised", "EUR", "model", "eta-v2")
    summary = unit_cost_queries.unit_summary(snapshot, selection, "1,000 requests")
    assert summary.unit_cost == pytest.approx((1200 + 1460) / (480 + 730))
    assert summary.prior_unit_cost is None


def test_a_scope_narrows_the_unit_cost(snapshot: Snapshot) -> None:
    vision = selection_queries.Selection(
        SEPTEMBER, "Amortised", "EUR", "team", "vision"
    )
    summary = unit_cost_queries.unit_summary(snapshot, vision, "GPU-hour")
    assert summary.unit_cost == pytest.approx(10.0)
    assert summary.model_count == 1


def test_a_model_counts_for_the_team_that_has_it_in_that_month(tmp_path: Path) -> None:
    """eta-v2 is vision's in August, 1,200 for 480 thousand; in September ml's."""
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.fct_daily_model_costs set team_id = 'vision'"
            " where model_id = 'eta-v2' and billing_month < '2026-09'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    ml = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", "ml")
    summary = unit_cost_queries.unit_summary(snapshot, ml, "1,000 requests")
    assert summary.unit_cost == pytest.approx(1760 / 790)
    assert summary.prior_unit_cost is None
    vision = selection_queries.Selection(
        SEPTEMBER, "Amortised", "EUR", "team", "vision"
    )
    summary = unit_cost_queries.unit_summary(snapshot, vision, "1,000 requests")
    assert summary.unit_cost is None
    assert summary.prior_unit_cost == pytest.approx(2.5)


def test_a_missing_rate_leaves_a_unit_cost_without_a_change(tmp_path: Path) -> None:
    """September lacks USD 999.99 of vision-v1, which is of no team ml."""
    publish(tmp_path, "partial")
    snapshot = PublishedReader(tmp_path).snapshot()
    unit: unit_cost_queries.Unit = "1,000 requests"
    summary = unit_cost_queries.unit_summary(snapshot, EVERYTHING, unit)
    assert summary.unit_cost == pytest.approx(1760 / 790)
    assert (summary.prior_unit_cost, summary.change_ratio) == (None, None)
    assert summary.left_out == "not complete: cost in USD left out"
    ml = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", "ml")
    summary = unit_cost_queries.unit_summary(snapshot, ml, unit)
    assert summary.change_ratio == pytest.approx(1760 / 790 / 2.5 - 1)
    assert summary.left_out == ""
    # In October nothing is missing; September, which it is compared with, lacks it.
    october = selection_queries.Period("2026-10", ("2026-10",), "2026-09", ("2026-09",))
    later = selection_queries.Selection(october, "Amortised", "EUR")
    summary = unit_cost_queries.unit_summary(snapshot, later, unit)
    assert (summary.prior_unit_cost, summary.left_out) == (None, "")


def test_the_unit_trend_has_a_gap_where_nothing_was_metered(snapshot: Snapshot) -> None:
    rows = unit_cost_queries.unit_trend(
        snapshot, EVERYTHING, "1,000 requests"
    ).to_pylist()
    assert [row["billing_month"] for row in rows] == ["2026-07", "2026-08", "2026-09"]
    assert rows[0]["unit_cost"] is None
    assert rows[1]["unit_cost"] == pytest.approx(2.5)
    # (1,460 + 300) / 790 thousand requests
    assert rows[2]["unit_cost"] == pytest.approx(1760 / 790)


def test_the_month_in_which_a_model_changed_owner_has_no_unit_cost_in_a_scope(
    tmp_path: Path,
) -> None:
    """Of eta's 1,460 team ml paid 1,400 and vision 60; its requests are of both.

    So are the tokens of chat, of which 49.50 is vision's.
    """
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.fct_daily_model_costs set team_id = 'vision'"
            " where billing_month = '2026-09' and (component = 'overhead'"
            " or lifecycle_stage = 'experimentation')"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    teams = [
        selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", team)
        for team in ("ml", "vision")
    ]
    found = []
    for team in teams:
        rows = unit_cost_queries.unit_costs(snapshot, team, "1,000 requests")
        [eta] = [row for row in rows.to_pylist() if row["model_id"] == "eta-v2"]
        found.append((eta["model_cost"], eta["cost"], eta["unit_cost"], eta["reason"]))
    why = "changed owner in a month"
    assert found == [(Decimal(1400), None, None, why), (Decimal(60), None, None, why)]
    of_ml = unit_cost_queries.unit_summary(snapshot, teams[0], "1,000 requests")
    assert of_ml.moved_model_count == 2
    # Its months before are those of one owner: 1,200 by 480 thousand requests.
    assert of_ml.prior_unit_cost == pytest.approx(2.5)
    whole = unit_cost_queries.unit_summary(snapshot, EVERYTHING, "1,000 requests")
    assert (whole.cost, whole.moved_model_count) == (Decimal(1760), 0)
    assert not token_queries.token_costs(snapshot, teams[1]).num_rows
