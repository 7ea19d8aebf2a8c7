"""Nodes that only a bill or only a meter knows, in figures that add up on paper."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard.pages.gpu_idle import node_queries
from dashboard.shared import selection_queries

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
QUARTER = selection_queries.Period("2026-Q3", ("2026-07", "2026-08", "2026-09"))
JULY = selection_queries.Period("2026-07", ("2026-07",))


def test_money_of_nodes_that_no_meter_saw_is_a_part_of_what_all_cost(
    snapshot: Snapshot,
) -> None:
    """480, 70 and 50 are charged, 70 of it for a machine without a reading."""
    chosen = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")
    found = node_queries.node_headline(snapshot, chosen)
    assert (found.unmetered, found.other_pool) == (Decimal(70), Decimal(50))
    assert found.unmetered_ratio == pytest.approx(70 / 600)
    counts = (found.matched_count, found.unmetered_count)
    assert (*counts, found.other_pool_count, found.unbilled_count) == (1, 1, 1, 1)
    billed = node_queries.node_headline(
        snapshot, selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
    )
    assert billed.unmetered == Decimal(35)


def test_nodes_are_listed_by_money_and_matched_ones_are_not(
    snapshot: Snapshot,
) -> None:
    """Over the quarter the machine without a reading cost 70 and 30."""
    chosen = selection_queries.Selection(QUARTER, "Amortised", "EUR")
    rows = node_queries.nodes_apart(snapshot, chosen).to_pylist()
    assert [(row["node"], row["state"], row["cost"]) for row in rows] == [
        ("i-02", "not metered", Decimal(100)),
        ("gpu-2", "other pool", Decimal(50)),
        ("edge-0", "not billed", None),
    ]
    assert rows[0]["hours_reason"] == "not read"
    assert "resource_id: i-03" in rows[1]["suggested_rule"]


def test_another_currency_has_its_own_money_and_the_nodes_of_no_bill(
    snapshot: Snapshot,
) -> None:
    chosen = selection_queries.Selection(QUARTER, "Amortised", "USD")
    found = node_queries.node_headline(snapshot, chosen)
    assert (found.unmetered, found.unmetered_count) == (Decimal(5), 1)
    assert found.unbilled_count == 1


def test_a_month_without_nodes_has_none(snapshot: Snapshot) -> None:
    chosen = selection_queries.Selection(JULY, "Amortised", "EUR")
    assert node_queries.node_headline(snapshot, chosen).row_count == 0
    assert node_queries.nodes_apart(snapshot, chosen).num_rows == 0
