"""What models cost, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import selection_queries
from dashboard.shared.format import OTHER_MODELS
from dashboard.shared.names import name_of
from tests.dashboard.conftest import snapshot_of
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
JULY = selection_queries.Period("2026-07", ("2026-07",), "2026-06", ("2026-06",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")
TEAM_ML = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", "ml")


@pytest.mark.parametrize(
    ("loading", "key"),
    [
        ("Direct", "direct"),
        ("+ shared", "direct_and_shared"),
        ("Fully loaded", "fully_loaded"),
    ],
)
def test_each_way_of_loading_counts_its_components(
    snapshot: Snapshot, loading: cost_by_model_queries.Loading, key: str
) -> None:
    headline = cost_by_model_queries.headline(snapshot, EVERYTHING, loading)
    assert headline.model_cost == TRUTH[key]
    assert headline.idle_shown == TRUTH["idle_shown"]


def test_the_headline_compares_with_the_month_before(snapshot: Snapshot) -> None:
    headline = cost_by_model_queries.headline(snapshot, EVERYTHING, "Fully loaded")
    assert headline.prior_cost == TRUTH["prior_fully_loaded"]
    assert headline.change == Decimal(470)
    assert headline.change_ratio == pytest.approx(470 / 1979)
    assert headline.unallocated == TRUTH["unallocated"]
    # 1949 + 400 + 190 + 70 + 60 + 100 of usage
    assert headline.unallocated_ratio == pytest.approx(100 / 2769)
    assert headline.model_count == 10
    assert headline.row_count == 16


def test_the_headline_of_a_model_is_of_that_model_alone(snapshot: Snapshot) -> None:
    eta = replace(EVERYTHING, scope_kind="model", scope_id="eta-v2")
    headline = cost_by_model_queries.headline(snapshot, eta, "Fully loaded")
    assert headline.model_cost == TRUTH["eta_fully_loaded"]
    assert headline.model_count == 1
    stages = cost_by_model_queries.lifecycle_costs(snapshot, eta, "Fully loaded")
    assert sum(stages["amount"].to_pylist()) == TRUTH["eta_fully_loaded"]


def test_without_a_month_before_nothing_is_compared(snapshot: Snapshot) -> None:
    selection = selection_queries.Selection(JULY, "Amortised", "EUR")
    headline = cost_by_model_queries.headline(snapshot, selection, "Fully loaded")
    assert headline.model_cost == Decimal(800)
    assert headline.prior_cost is None
    assert headline.change is None
    models = cost_by_model_queries.model_costs(
        snapshot, selection, "Fully loaded"
    ).to_pylist()
    assert [row["change"] for row in models] == [None]
    assert [row["note"] for row in models] == [None]


def test_billed_and_amortised_are_two_sums(snapshot: Snapshot) -> None:
    billed = selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
    # eta-v2 is billed 1,000 where 900 is its amortised cost.
    assert cost_by_model_queries.headline(
        snapshot, billed, "Fully loaded"
    ).model_cost == Decimal(2549)


def test_a_team_has_its_models_and_nobodys_idle(snapshot: Snapshot) -> None:
    headline = cost_by_model_queries.headline(snapshot, TEAM_ML, "Fully loaded")
    assert headline.model_cost == Decimal(1460) + Decimal(300)
    assert headline.idle_shown is None
    assert headline.unallocated is None
    cost_centre = selection_queries.Selection(
        SEPTEMBER, "Amortised", "EUR", "cost centre", "cc-200"
    )
    assert cost_by_model_queries.headline(
        snapshot, cost_centre, "Fully loaded"
    ).model_cost == Decimal(640)


def test_models_are_ranked_and_their_changes_add_up(snapshot: Snapshot) -> None:
    rows = cost_by_model_queries.model_costs(
        snapshot, EVERYTHING, "Fully loaded"
    ).to_pylist()
    assert [row["rank"] for row in rows] == list(range(1, 12))
    assert [row["model"] for row in rows[:4]] == [
        "ETA v2",
        "Vision v1",
        "Chat v1",
        "small-4",
    ]
    assert rows[0]["amount"] == TRUTH["eta_fully_loaded"]
    assert rows[0]["change"] == Decimal(260)
    assert rows[0]["change_ratio"] == pytest.approx(260 / 1200)
    assert rows[0]["share_ratio"] == pytest.approx(1460 / 2449)
    assert rows[0]["team"] == "Machine learning"
    assert sum(row["amount"] for row in rows) == TRUTH["fully_loaded"]
    assert sum(row["change"] for row in rows) == Decimal(470)


def test_new_and_retired_models_stay_in_the_table(snapshot: Snapshot) -> None:
    rows = {
        row["model_id"]: row
        for row in cost_by_model_queries.model_costs(
            snapshot, EVERYTHING, "Direct"
        ).to_pylist()
    }
    assert rows["chat-v1"]["note"] == "new"
    assert rows["chat-v1"]["change_ratio"] is None
    assert rows["old-v1"]["note"] == "no cost now"
    assert rows["old-v1"]["amount"] == 0
    assert rows["old-v1"]["change"] == Decimal(-90)


def test_the_trend_names_eight_models_and_sums_the_others(snapshot: Snapshot) -> None:
    rows = cost_by_model_queries.monthly_costs(
        snapshot, EVERYTHING, "Fully loaded"
    ).to_pylist()
    september = [row for row in rows if row["billing_month"] == "2026-09"]
    assert len(september) == 9
    assert september[-1]["series"] == OTHER_MODELS
    assert september[-1]["amount"] == Decimal(5 + 4)
    assert sum(row["amount"] for row in september) == TRUTH["fully_loaded"]
    assert {row["month_total"] for row in september} == {TRUTH["fully_loaded"]}
    assert {row["idle_shown"] for row in september} == {Decimal(150)}
    assert all(row["is_estimated"] for row in september)
    august = [row for row in rows if row["billing_month"] == "2026-08"]
    # small-9 5, small-10 4 and old-v1 90, which is not among the largest now
    assert august[-1]["amount"] == Decimal(99)
    assert not any(row["is_estimated"] for row in august)


def test_the_trend_ends_with_the_chosen_month(snapshot: Snapshot) -> None:
    selection = selection_queries.Selection(JULY, "Amortised", "EUR")
    months = cost_by_model_queries.monthly_costs(snapshot, selection, "Direct")[
        "billing_month"
    ]
    assert months.to_pylist() == ["2026-07"]


def test_the_waterfall_leads_from_the_ledger_to_the_models(snapshot: Snapshot) -> None:
    rows = cost_by_model_queries.waterfall(snapshot, EVERYTHING).to_pylist()
    by_step = {row["step"]: row for row in rows}
    ledger, models = by_step["ledger"], by_step["models"]
    assert ledger["amount"] == TRUTH["ledger"]
    assert models["amount"] == TRUTH["fully_loaded"]
    steps = [row for row in rows if not row["is_total"]]
    assert sum(row["amount"] for row in steps) == TRUTH["ledger"]
    assert sum(row["charged"] for row in steps) == TRUTH["fully_loaded"]
    assert sum(row["left_out"] for row in steps) == ledger["left_out"]
    # 190 idle, of which 40 is distributed to vision-v1
    assert by_step["idle"]["left_out"] == TRUTH["idle_shown"]
    assert by_step["credit"]["amount"] == Decimal(-60)


def test_each_bar_of_the_waterfall_begins_where_the_last_one_ended(
    snapshot: Snapshot,
) -> None:
    rows = cost_by_model_queries.waterfall(snapshot, EVERYTHING).to_pylist()
    assert rows[0]["step"] == "ledger"
    assert rows[0]["ends_at"] == TRUTH["ledger"]
    level = TRUTH["ledger"]
    for row in rows[1:-1]:
        assert row["starts_at"] == level
        level -= row["left_out"]
        assert row["ends_at"] == level
    assert rows[-1]["ends_at"] == level == TRUTH["fully_loaded"]


def test_the_waterfall_ties_on_the_billed_basis_too(snapshot: Snapshot) -> None:
    billed = selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
    rows = {
        row["step"]: row
        for row in cost_by_model_queries.waterfall(snapshot, billed).to_pylist()
    }
    # 100 more for eta-v2, 70 less for the unused commitment
    assert rows["ledger"]["amount"] == TRUTH["ledger"] + 100 - 70
    assert rows["models"]["amount"] == Decimal(2549)


def test_lifecycle_stages_add_up_to_the_cost_of_models(snapshot: Snapshot) -> None:
    rows = cost_by_model_queries.lifecycle_costs(
        snapshot, EVERYTHING, "Fully loaded"
    ).to_pylist()
    assert {row["lifecycle_stage"]: row["amount"] for row in rows} == {
        "serving": Decimal("2199.50"),
        "training": Decimal(200),
        "experimentation": Decimal("49.50"),
    }
    assert rows[0]["share_ratio"] == pytest.approx(2199.5 / 2449)


def test_unallocated_causes_come_with_a_rule(snapshot: Snapshot) -> None:
    rows = cost_by_model_queries.unallocated_causes(snapshot, EVERYTHING).to_pylist()
    assert [row["amount"] for row in rows] == [Decimal("80.25"), Decimal("19.75")]
    assert rows[0]["share_ratio"] == pytest.approx(0.8025)
    assert 'service_name: "Amazon SageMaker"' in rows[0]["suggested_rule"]


def test_an_amount_in_another_currency_is_in_no_total(tmp_path: Path) -> None:
    partial = snapshot_of(tmp_path, "partial")
    headline = cost_by_model_queries.headline(partial, EVERYTHING, "Fully loaded")
    assert headline.model_cost == TRUTH["fully_loaded"]
    dollars = selection_queries.Selection(SEPTEMBER, "Amortised", "USD")
    headline = cost_by_model_queries.headline(partial, dollars, "Fully loaded")
    assert headline.model_cost == Decimal("999.99")


def test_an_empty_warehouse_has_no_rows_and_no_error(tmp_path: Path) -> None:
    empty = snapshot_of(tmp_path, "empty")
    headline = cost_by_model_queries.headline(empty, EVERYTHING, "Fully loaded")
    assert headline.model_cost == 0
    assert headline.row_count == 0
    assert cost_by_model_queries.model_costs(empty, EVERYTHING, "Direct").num_rows == 0
    assert cost_by_model_queries.waterfall(empty, EVERYTHING).num_rows == 0
    assert (
        cost_by_model_queries.lifecycle_costs(empty, EVERYTHING, "Direct").num_rows == 0
    )


def test_the_team_of_a_model_that_moved_is_the_one_that_has_it_now(
    tmp_path: Path,
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.fct_daily_model_costs set team_id = 'vision',"
            " charge_date = date '2026-09-01'"
            " where model_id = 'eta-v2' and effective_cost = 900"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    rows = cost_by_model_queries.model_costs(snapshot, EVERYTHING, "Fully loaded")
    teams = {row["model_id"]: row["team"] for row in rows.to_pylist()}
    assert teams["eta-v2"] == name_of(snapshot, "team", "ml")
