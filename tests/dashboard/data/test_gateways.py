"""What gateways account for, in figures that add up on paper."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard.pages.data_health import gateway_queries as gateway_gaps_queries
from dashboard.shared import selection_queries

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
SELECTION = selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
QUARTER = selection_queries.Selection(
    selection_queries.Period("2026-Q3", ("2026-07", "2026-08", "2026-09")),
    "Billed",
    "EUR",
)


def test_a_vendor_counts_once_beside_the_gateway_that_saw_most(
    snapshot: Snapshot,
) -> None:
    # OpenAI 800 - 50, seen as 500 (and as 120), Anthropic 100, seen as 150.
    headline = gateway_gaps_queries.gateway_headline(snapshot, SELECTION)
    assert headline.compared_cost == Decimal(850)
    assert headline.tax_and_credits == Decimal(50)
    assert headline.gateway_spend == Decimal(650)
    assert headline.gap == Decimal(200)
    assert headline.gap_ratio == pytest.approx(200 / 850)
    assert (headline.vendor_count, headline.gateway_count) == (2, 2)
    # 2.7 M and 0.4 M of 3 M + 1.1 M + 0.4 M + 0.05 M tokens.
    assert headline.mapped_token_ratio == pytest.approx(3.1 / 4.55)
    assert headline.token_ratio == pytest.approx(0.75)


def test_months_are_sums_over_vendors(snapshot: Snapshot) -> None:
    rows = gateway_gaps_queries.gateway_months(snapshot, SELECTION).to_pylist()
    assert [
        (row["billing_month"], row["compared_cost"], row["gap"], row["is_chosen"])
        for row in rows
    ] == [
        ("2026-08", Decimal(600), Decimal(120), False),
        ("2026-09", Decimal(850), Decimal(200), True),
    ]
    assert rows[0]["gap_ratio"] == pytest.approx(0.2)
    # What Mistral is estimated at has no bill yet to be compared with.
    assert rows[1]["gateway_spend"] == Decimal(650)
    assert rows[1]["unbilled_spend"] == Decimal(7)


def test_vendors_say_why_a_side_is_missing(snapshot: Snapshot) -> None:
    rows = gateway_gaps_queries.gateway_vendors(snapshot, SELECTION).to_pylist()
    assert [(row["provider"], row["gateway"], row["reason"]) for row in rows] == [
        ("openai", "proxy", None),
        ("openai", "traces", None),
        ("anthropic", "proxy", None),
        ("mistral", "proxy", "no bill yet"),
    ]
    assert [row["day_coverage_ratio"] for row in rows] == [1.0, 0.5, 1.0, None]
    assert [row["gap"] for row in rows] == [250, 630, -50, None]


def test_a_quarter_adds_its_months(snapshot: Snapshot) -> None:
    first = gateway_gaps_queries.gateway_vendors(snapshot, QUARTER).to_pylist()[0]
    assert first["compared_cost"] == Decimal(1350)
    assert first["gap"] == Decimal(370)
    assert first["gap_ratio"] == pytest.approx(370 / 1350)
    # Only September knows both counts.
    assert first["token_ratio"] == pytest.approx(0.75)
    assert gateway_gaps_queries.gateway_headline(snapshot, QUARTER).gap == Decimal(320)


def test_days_with_a_bill_come_with_the_largest_gap_first(snapshot: Snapshot) -> None:
    rows = gateway_gaps_queries.gateway_days(snapshot, SELECTION).to_pylist()
    assert [(row["gateway"], row["gap"]) for row in rows] == [
        ("traces", 500),
        ("proxy", 150),
        ("traces", 130),
        ("proxy", 100),
        ("proxy", -50),
    ]


def test_another_currency_knows_nothing(snapshot: Snapshot) -> None:
    usd = selection_queries.Selection(SEPTEMBER, "Billed", "USD")
    assert gateway_gaps_queries.gateway_months(snapshot, usd).num_rows == 0
    assert gateway_gaps_queries.gateway_headline(snapshot, usd).compared_cost is None
