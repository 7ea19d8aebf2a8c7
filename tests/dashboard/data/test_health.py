"""How far the evidence can be trusted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.data_health import queries as data_health_queries
from dashboard.shared import selection_queries
from tests.dashboard.conftest import snapshot_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")


def test_worrying_feeds_come_first_and_unused_ones_last(tmp_path: Path) -> None:
    rows = data_health_queries.freshness(snapshot_of(tmp_path, "stale")).to_pylist()
    assert [(row["source"], row["state"]) for row in rows] == [
        ("ledgerless", "never loaded"),
        ("aws", "stale"),
        ("gcp", "fresh"),
        ("usage", "fresh"),
        ("aws", "not delivered"),
    ]


def test_loads_come_newest_first_with_what_they_superseded(snapshot: Snapshot) -> None:
    rows = data_health_queries.loads(snapshot).to_pylist()
    assert [row["load_id"] for row in rows] == ["load-03", "load-02", "load-01"]
    assert rows[-1]["status"] == "superseded"
    assert rows[0]["total_count"] == 3


def test_quarantine_reasons_have_an_example(snapshot: Snapshot) -> None:
    (row,) = data_health_queries.quarantine_reasons(snapshot).to_pylist()
    assert row["row_count"] == 1
    assert row["example"] == "part-0.csv:17"


def test_rows_without_a_month_are_bounded_by_the_sum_of_their_months(
    tmp_path: Path,
) -> None:
    """100 in August, 100 in September, and 10 of either, which both months count."""
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE core.mart_quarantine_reasons SET row_count = 3")
        for month in ("2026-08", "2026-09"):
            connection.execute(
                "INSERT INTO core.mart_refused_charges BY NAME SELECT ? AS"
                " billing_month, source, stream, 'tokens' AS subject, reason,"
                " 2 AS row_count, 'EUR' AS currency, 110 AS amount"
                " FROM core.mart_quarantine_reasons",
                [month],
            )
    snapshot = PublishedReader(tmp_path).snapshot()
    (row,) = data_health_queries.quarantine_reasons(snapshot).to_pylist()
    assert row["amount"] == Decimal(220)


def test_quality_issues_are_those_of_the_period(snapshot: Snapshot) -> None:
    assert data_health_queries.quality_issues(snapshot, EVERYTHING).num_rows == 1
    july = selection_queries.Selection(
        selection_queries.Period("2026-07", ("2026-07",)), "Amortised", "EUR"
    )
    assert data_health_queries.quality_issues(snapshot, july).num_rows == 0


def test_a_month_that_lacks_a_rate_is_listed_first(tmp_path: Path) -> None:
    rows = data_health_queries.month_completeness(
        snapshot_of(tmp_path, "partial")
    ).to_pylist()
    assert rows[0]["state"] == "not complete"
    assert rows[0]["missing"] == "exchange rate USD to EUR for 2026-09"


def test_coverage_adds_up_by_source(snapshot: Snapshot) -> None:
    rows = {
        row["source"]: row
        for row in data_health_queries.coverage(snapshot, EVERYTHING).to_pylist()
    }
    assert rows["gcp"]["usage_cost"] == Decimal("319.75")
    assert rows["gcp"]["coverage_ratio"] == pytest.approx(300 / 319.75)
    assert rows["aws"]["remainder_cost"] == Decimal("0.0000000001")
    assert sum(row["unused_cost"] for row in rows.values()) == Decimal(70)
    for row in rows.values():
        parts = ("placed_cost", "unallocated_cost", "unused_cost", "remainder_cost")
        assert sum(row[part] for part in parts) == row["usage_cost"]
