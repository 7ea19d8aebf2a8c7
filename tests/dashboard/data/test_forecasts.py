"""Forecasts and landings as the page asks for them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from dashboard.pages.budget import forecast_queries
from dashboard.shared import selection_queries
from dashboard.shared.selection_queries import Selection
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Selection(
    selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",)),
    "Amortised",
    "EUR",
)


def test_the_whole_is_offered_first_then_models_then_what_has_none(
    snapshot: Snapshot,
) -> None:
    assert forecast_queries.forecast_series(snapshot, SEPTEMBER) == (
        *("All AI spend", "eta-v2", "small-4", "Cost of no model"),
    )


def test_known_days_leave_out_tax_credits_and_what_lies_before(
    snapshot: Snapshot,
) -> None:
    days = forecast_queries.forecast_days(
        snapshot, SEPTEMBER, forecast_queries.ALL_COST
    ).to_pylist()
    ahead = [row for row in days if row["kind"] == "expected"]
    known = [row for row in days if row["kind"] == "known"]
    assert [row["charge_date"] for row in ahead[:2]] == [
        date(2026, 9, 16),
        date(2026, 9, 17),
    ]
    assert (ahead[0]["expected"], ahead[0]["low"], ahead[0]["high"]) == (90, 70, 110)
    # 2,449 loaded, 150 idle, 70 unused commitment, 100 unallocated and the remainder.
    assert known[-1]["actual"] == Decimal("2769.0000000001")
    eta = forecast_queries.forecast_days(snapshot, SEPTEMBER, "eta-v2").to_pylist()
    assert eta[-1]["actual"] == Decimal(1460)
    unassigned = forecast_queries.forecast_days(
        snapshot, SEPTEMBER, forecast_queries.NO_MODEL
    ).to_pylist()
    assert unassigned[-1]["actual"] == Decimal("320.0000000001")


def test_each_method_stands_beside_the_naive_one(snapshot: Snapshot) -> None:
    rows = forecast_queries.forecast_quality(snapshot, SEPTEMBER).to_pylist()
    found = [(row["name"], row["is_no_worse_than_naive"]) for row in rows]
    assert found == [
        ("All AI spend", True),
        ("eta-v2", True),
        ("small-4", None),
        ("Cost of no model", False),
    ]
    assert rows[2]["reason"] == "history too short"
    assert rows[0]["coverage_ratio"] == 0.91


def test_landings_begin_with_the_whole_month(snapshot: Snapshot) -> None:
    rows = forecast_queries.landings(snapshot, SEPTEMBER).to_pylist()
    assert [(row["period"], row["name"], row["outlook"]) for row in rows] == [
        ("2026-09", "All AI spend", "over"),
        ("2026-09", "eta-v2", "no budget"),
        ("2026-Q3", "All AI spend", "will be within"),
        ("FY2026", "All AI spend", "will be within"),
    ]
    assert rows[0]["known"] == Decimal(2699)


def test_what_days_and_bills_of_a_month_do_not_share_is_stated(tmp_path: Path) -> None:
    """Tiles count by bill, landings by day: 7 are of another bill, 5 of another day."""
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        for bill, day, amount in (
            ("2026-08", "2026-09-02", 7),
            ("2026-09", "2026-08-30", 5),
            # After the last complete day, and in another month: in neither.
            ("2026-10", "2026-09-29", 11),
        ):
            connection.execute(
                "INSERT INTO cost.fct_daily_model_costs BY NAME SELECT costs.*"
                " EXCLUDE (is_ai_cost, is_assigned) REPLACE"
                " ($bill AS billing_month, CAST($day AS DATE) AS charge_date,"
                " $amount AS effective_cost) FROM cost.fct_daily_model_costs AS costs"
                " WHERE component = 'direct' AND currency = 'EUR' LIMIT 1",
                {"bill": bill, "day": day, "amount": amount},
            )
    moved = PublishedReader(tmp_path).snapshot()
    month, model, quarter, _ = forecast_queries.landings(moved, SEPTEMBER).to_pylist()
    assert month["dated_on_other_bills"] == 7
    assert month["billed_on_other_days"] == 5
    assert model["dated_on_other_bills"] is quarter["dated_on_other_bills"] is None


def scoped(kind: str, scope_id: str, month: str = "2026-09") -> Selection:
    period = selection_queries.Period(month, (month,), None, ())
    return Selection(period, "Amortised", "EUR", kind, scope_id)


def test_a_model_has_its_own_series_and_a_team_none(snapshot: Snapshot) -> None:
    eta = scoped("model", "eta-v2")
    rows = forecast_queries.landings(snapshot, eta).to_pylist()
    assert [(row["name"], row["expected"]) for row in rows] == [("eta-v2", 2360.0)]
    assert forecast_queries.forecast_series(snapshot, eta) == ("eta-v2",)
    assert forecast_queries.is_forecast(eta)
    team = scoped("team", "ml")
    assert forecast_queries.landings(snapshot, team).num_rows == 0
    assert not forecast_queries.is_forecast(team)


def test_a_month_before_the_last_complete_day_knows_no_landing(
    snapshot: Snapshot,
) -> None:
    august = scoped("everything", "", "2026-08")
    assert forecast_queries.is_past(snapshot, august)
    assert forecast_queries.landings(snapshot, august).num_rows == 0
    assert not forecast_queries.is_past(snapshot, SEPTEMBER)
