"""What pages answer first: a decision, a migration, all worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboard.pages.summary import migration
from dashboard.shared import format as fmt


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
        "budget": windows | {"before_figure": 3.8, "since_figure": 0.95},
        "incidents": windows | {"before_figure": 0.6, "since_figure": 0.15},
        "latency_before": 3.0,
        "latency": 0.98,
        "after_first_month": "2026-02",
        "after_last_month": "2026-07",
        "break_even_months": 5.68,
        "is_paid_back": True,
    }
    return row | changed


def said(**changed: Any) -> str:
    return migration.sentence(migrated(**changed)).replace("\u00a0", " ")


def test_a_migration_is_told_before_and_since_with_its_payback() -> None:
    assert said() == (
        "**May–Oct 2025**: AI ran **280.0 % over budget**, p95 latency **3.00 ×** its"
        " threshold, firefighting **60.0 %** of platform hours. **Feb–Oct 2026**, since"
        " the move of Feb 2026: monthly cost **−40.0 %**, latency **0.98 ×** (Feb–Jul"
        " 2026), firefighting **15.0 %**; paid back in **5.7 months**."
    )
    assert "latency" not in said(latency=None, latency_before=None)
    assert said(spend=None, budget=None, latency=None, incidents=None) == ""
    assert said(is_paid_back=False).endswith("; pays back in **5.7 months**.")
    assert "back in" not in said(break_even_months=None)


def test_each_figure_of_a_migration_has_the_months_it_compares() -> None:
    """Cost of a view of September differs from that of October by its months."""
    september = migrated()["spend"] | {
        "since_last_month": "2026-09",
        "since_change_ratio": -0.385,
    }
    text = said(spend=september)
    assert "**Feb–Sep 2026**, since the move of Feb 2026: monthly cost **−38.5 %**" in (
        text
    )
    assert "firefighting **15.0 %** (Feb–Oct 2026)" in text


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
