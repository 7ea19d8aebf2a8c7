"""A drill-down adds up to the figure it began with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from dashboard.pages.cost_by_model import drill_queries
from dashboard.shared import selection_queries, source_queries
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, publish
from triptych.core.warehouse.figures import Condition, Figure
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")


def test_the_parts_of_a_model_add_up_to_its_cost(snapshot: Snapshot) -> None:
    rows = drill_queries.model_parts(
        snapshot, EVERYTHING, "Fully loaded", "eta-v2"
    ).to_pylist()
    assert [(row["component"], row["pool_id"], row["amount"]) for row in rows] == [
        ("direct", None, Decimal(1100)),
        ("shared", "gpu-cluster", Decimal(300)),
        ("overhead", None, Decimal(60)),
    ]
    assert sum(row["amount"] for row in rows) == TRUTH["eta_fully_loaded"]


def test_resources_add_up_to_the_direct_cost(snapshot: Snapshot) -> None:
    rows = drill_queries.resources(snapshot, EVERYTHING, model_id="eta-v2").to_pylist()
    assert [(row["resource_id"], row["amount"]) for row in rows] == [
        ("node-a", Decimal(900)),
        ("train-1", Decimal(200)),
    ]
    assert {row["total_amount"] for row in rows} == {TRUTH["eta_direct"]}


def test_line_items_add_up_to_their_resource(snapshot: Snapshot) -> None:
    rows = drill_queries.line_items(
        snapshot, EVERYTHING, model_id="eta-v2", resource_id="node-a"
    ).to_pylist()
    assert [row["amount"] for row in rows] == [
        Decimal(500),
        Decimal("399.99"),
        Decimal("0.01"),
    ]
    assert {row["total_amount"] for row in rows} == {Decimal(900)}
    assert {row["total_count"] for row in rows} == {3}
    assert rows[0]["source_uri"] == "bills/aws/part-0.csv"


def test_a_limit_keeps_the_total_of_all(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dashboard.pages.cost_by_model.drill_queries.LINE_ITEM_LIMIT", 1
    )
    rows = drill_queries.line_items(snapshot, EVERYTHING, model_id="eta-v2").to_pylist()
    assert len(rows) == 1
    assert rows[0]["total_count"] == 5
    assert rows[0]["total_amount"] == TRUTH["eta_direct"]


def test_a_limit_keeps_the_total_of_each_currency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only line in dollars, 0.01, is the smallest of five."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update lineage.line_items set billing_currency = 'USD'"
            " where effective_cost = 0.01"
        )
    for name in ("LINE_ITEM_LIMIT", "RESOURCE_LIMIT"):
        limit = f"dashboard.pages.cost_by_model.drill_queries.{name}"
        monkeypatch.setattr(limit, 1)
    snapshot = PublishedReader(tmp_path).snapshot()
    for ask in (drill_queries.line_items, drill_queries.resources):
        rows = ask(snapshot, EVERYTHING, model_id="eta-v2").to_pylist()
        totals = {row["billing_currency"]: row["total_amount"] for row in rows}
        assert totals == {"EUR": Decimal("1099.99"), "USD": Decimal("0.01")}


def test_a_pools_line_items_add_up_to_the_pool(snapshot: Snapshot) -> None:
    rows = drill_queries.line_items(
        snapshot, EVERYTHING, pool_id="gpu-cluster"
    ).to_pylist()
    assert {row["total_amount"] for row in rows} == {Decimal(550)}
    assert drill_queries.pool_cost(snapshot, EVERYTHING, "gpu-cluster") == Decimal(550)


def test_the_billed_basis_is_drilled_as_billed(snapshot: Snapshot) -> None:
    billed = selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
    rows = drill_queries.resources(snapshot, billed, model_id="eta-v2").to_pylist()
    assert {row["total_amount"] for row in rows} == {Decimal(1200)}


def test_a_purchase_that_others_use_is_not_behind_what_is_unallocated(
    tmp_path: Path,
) -> None:
    """Of two reservations bought for 80 and 50, charges of September use the first."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        for commitment, amount in (("ri-3", 80), ("ri-4", 50)):
            connection.execute(
                "insert into lineage.line_items by name select * exclude (is_ai_cost)"
                " replace ($1 as shared_commitment_id, $2 as billed_cost,"
                " 0 as effective_cost, 'Purchase' as charge_category)"
                " from lineage.line_items where component = 'unallocated'"
                " and charge_category = 'Usage'",
                [commitment, amount],
            )
        connection.execute(
            "insert into cost.mart_commitments by name select"
            " '2026-09' as billing_month, 'aws' as source, 'RI-3' as commitment_id,"
            " 80 as committed_effective_cost"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    conditions = (
        Condition("billing_month", ("2026-09",)),
        Condition("component", ("unallocated",)),
    )
    figure = Figure("cost.fct_daily_model_costs", "billed_cost", conditions)
    rows = source_queries.charges_behind(snapshot, figure).to_pylist()
    assert [row["amount"] for row in rows] == [Decimal("80.25"), Decimal(50)]
