"""What pages answer first: a decision, a variance, a migration, all worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboard.pages.budget import variance
from dashboard.pages.summary import migration
from dashboard.shared import format as fmt


def test_a_month_that_runs_goes_from_budget_by_actual_to_its_outturn() -> None:
    steps = variance.steps(Decimal(100), Decimal(60), 95.5)
    amounts = {row["step"]: row["amount"] for row in steps}
    assert amounts == {
        "budget": Decimal(100),
        "variance": Decimal(-40),
        "actual": Decimal(60),
        "ahead": Decimal("35.5"),
        "outturn": Decimal("95.5"),
    }
    ends = [row["ends_at"] for row in steps]
    starts = [row["starts_at"] for row in steps if not row["is_total"]]
    assert starts == [ends[0], ends[2]]


def test_a_month_that_is_over_has_no_outturn() -> None:
    steps = variance.steps(Decimal(100), Decimal(110), None)
    assert [row["step"] for row in steps] == ["budget", "variance", "actual"]
    assert steps[1]["amount"] == Decimal(10)


def migrated(**changed: Any) -> dict[str, Any]:
    windows = {
        "before_first_month": "2025-05",
        "before_last_month": "2025-10",
        "since_first_month": "2026-02",
        "since_last_month": "2026-10",
    }
    row = {
        "migration_to": date(2026, 2, 1),
        "spend": windows | {"since_change_ratio": -0.4},
        "incidents": windows | {"before_figure": 0.6, "since_figure": 0.15},
        "latency_before": 3.0,
        "latency": 0.98,
        "after_first_month": "2026-02",
        "after_last_month": "2026-07",
    }
    return row | changed


def test_a_migration_is_one_line_of_what_is_known() -> None:
    said = migration.sentence(migrated()).replace("\u00a0", " ")
    assert said == (
        "**Platform migration, Feb 2026:** monthly cost **\u221240.0 %**"
        " and firefighting 60.0 % → **15.0 %** (Feb–Oct 2026 against May–Oct 2025),"
        " latency 3.00 → **0.98** × threshold (Feb–Jul 2026)."
    )
    assert "latency" not in migration.sentence(migrated(latency=None))
    unknown = migrated(spend=None, latency=None, incidents=None)
    assert migration.sentence(unknown) == ""


def test_each_figure_of_a_migration_has_the_months_it_compares() -> None:
    """Cost of a view of September differs from that of October by its months."""
    incidents = migrated()["incidents"]
    september = migrated()["spend"] | {
        "since_last_month": "2026-09",
        "since_change_ratio": -0.385,
    }
    said = migration.sentence(migrated(spend=september)).replace("\u00a0", " ")
    assert "**−38.5 %** (Feb–Sep 2026 against May–Oct 2025)" in said.replace(
        "\u2212", "−"
    )
    assert "**15.0 %** (Feb–Oct 2026 against May–Oct 2025)" in said
    alone = migrated(spend=None, latency=None, incidents=incidents)
    assert "**15.0 %** (Feb–Oct 2026 against May–Oct 2025)." in migration.sentence(
        alone
    ).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("99999.99", "EUR 99,999.99"),
        ("136940.38", "EUR 136.9k"),
        ("-136940.38", "\u2212EUR 136.9k"),
        ("999960", "EUR 1.00M"),
        ("2449000000", "EUR 2.45bn"),
    ],
)
def test_a_tile_shortens_what_is_too_wide_for_it(amount: str, written: str) -> None:
    said = fmt.short_money(Decimal(amount), "EUR")
    assert said.replace("\u00a0", " ") == written
