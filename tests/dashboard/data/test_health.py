"""How far the evidence can be trusted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard import data
from tests.dashboard.conftest import snapshot_of

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.warehouse.reader import Snapshot

SEPTEMBER = data.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = data.Selection(SEPTEMBER, "Amortised", "EUR")


def test_worrying_feeds_come_first_and_unused_ones_last(tmp_path: Path) -> None:
    rows = data.freshness(snapshot_of(tmp_path, "stale")).to_pylist()
    assert [(row["source"], row["state"]) for row in rows] == [
        ("ledgerless", "never loaded"),
        ("aws", "stale"),
        ("gcp", "fresh"),
        ("usage", "fresh"),
        ("aws", "not delivered"),
    ]


def test_loads_come_newest_first_with_what_they_superseded(snapshot: Snapshot) -> None:
    rows = data.loads(snapshot).to_pylist()
    assert [row["load_id"] for row in rows] == ["load-03", "load-02", "load-01"]
    assert rows[-1]["status"] == "superseded"
    assert rows[0]["total_count"] == 3


def test_quarantine_reasons_have_an_example(snapshot: Snapshot) -> None:
    (row,) = data.quarantine_reasons(snapshot).to_pylist()
    assert row["row_count"] == 1
    assert row["example"] == "part-0.csv:17"


def test_quality_issues_are_those_of_the_period(snapshot: Snapshot) -> None:
    assert data.quality_issues(snapshot, EVERYTHING).num_rows == 1
    july = data.Selection(data.Period("2026-07", ("2026-07",)), "Amortised", "EUR")
    assert data.quality_issues(snapshot, july).num_rows == 0


def test_a_month_that_lacks_a_rate_is_listed_first(tmp_path: Path) -> None:
    rows = data.month_completeness(snapshot_of(tmp_path, "partial")).to_pylist()
    assert rows[0]["state"] == "not complete"
    assert rows[0]["missing"] == "exchange rate USD to EUR for 2026-09"


def test_coverage_adds_up_by_source(snapshot: Snapshot) -> None:
    rows = {
        row["source"]: row for row in data.coverage(snapshot, EVERYTHING).to_pylist()
    }
    assert rows["gcp"]["usage_cost"] == Decimal("319.75")
    assert rows["gcp"]["coverage_ratio"] == pytest.approx(300 / 319.75)
    assert rows["aws"]["remainder_cost"] == Decimal("0.0000000001")
    for row in rows.values():
        parts = row["placed_cost"] + row["unallocated_cost"] + row["remainder_cost"]
        assert parts == row["usage_cost"]
