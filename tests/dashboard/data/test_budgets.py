"""Budgets and bridges, in figures that add up on paper."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.exports.board_pack import drawings
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import charts, selection_queries
from dashboard.shared.drawing import cost_story
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

PERIOD = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
SEPTEMBER = selection_queries.Selection(PERIOD, "Amortised", "EUR")
TWO_MONTHS = selection_queries.Selection(
    selection_queries.Period("2026-Q3", ("2026-08", "2026-09")), "Amortised", "EUR"
)


def test_a_budget_is_said_in_both_forms_with_its_state(snapshot: Snapshot) -> None:
    rows = budget_queries.budgets(snapshot, SEPTEMBER).to_pylist()
    assert [(row["scope"], row["state"], row["variance"]) for row in rows] == [
        ("everything", "over", Decimal(1799)),
        ("cost centre cc-200", "running", Decimal(-360)),
        ("model old-v1", "stale", Decimal(-50)),
        ("team ghost", "unknown", None),
    ]
    assert rows[0]["variance_ratio"] == pytest.approx(1799 / 900)
    assert rows[0]["times_budget"] == pytest.approx(2699 / 900)
    assert rows[0]["times_budget"] == pytest.approx(rows[0]["variance_ratio"] + 1)
    assert rows[3]["reason"] == "no cost names this team"


def test_several_months_are_summed_before_they_are_compared(
    snapshot: Snapshot,
) -> None:
    everything = budget_queries.budgets(snapshot, TWO_MONTHS).to_pylist()[0]
    # 2,000 + 2,699 of 2,000 + 900.
    assert (everything["actual"], everything["budget"]) == (4699, 2900)
    assert everything["times_budget"] == pytest.approx(4699 / 2900)
    assert everything["state"] == "over"
    assert everything["budget_to_date"] == Decimal(2900)


def test_a_scope_narrows_budgets_to_its_own(snapshot: Snapshot) -> None:
    chosen = selection_queries.Selection(
        PERIOD, "Amortised", "EUR", "cost centre", "cc-200"
    )
    rows = budget_queries.budgets(snapshot, chosen).to_pylist()
    assert [row["scope"] for row in rows] == ["cost centre cc-200"]


def test_the_bars_of_a_bridge_lead_from_nothing_to_the_change_exactly(
    snapshot: Snapshot,
) -> None:
    steps = budget_queries.bridge_steps(snapshot, SEPTEMBER, "2026-08").to_pylist()
    amounts = {row["step"]: row["amount"] for row in steps}
    # The worked example of the documentation, with 40 of exchange and 50 of idle.
    assert amounts == {
        "earlier": Decimal(10250),
        "rate": Decimal(-1000),
        "volume": Decimal("7142.85"),
        "efficiency": Decimal(-4300),
        "purchase_mix": Decimal(0),
        "mix": Decimal("857.15"),
        "new": Decimal(900),
        "retired": Decimal(-250),
        "correction": Decimal(0),
        "unused_commitment": Decimal(0),
        "fx": Decimal(40),
        "other": Decimal(50),
        "change": Decimal(3440),
        "later": Decimal(13690),
    }
    bars = [row for row in steps if not row["is_total"]]
    assert sum(row["amount"] for row in bars) == Decimal(13690) - Decimal(10250)
    assert bars[0]["starts_at"] == 0
    assert bars[-1]["ends_at"] == amounts["change"]
    assert [row["step"] for row in steps if not row["is_drawn"]] == ["earlier", "later"]


def test_a_bridge_follows_basis_model_and_earlier_month(snapshot: Snapshot) -> None:
    assert budget_queries.bridge_months(snapshot, SEPTEMBER) == ("2026-08", "2026-07")
    july = budget_queries.bridge_steps(snapshot, SEPTEMBER, "2026-07").to_pylist()
    assert july[0]["amount"] == Decimal(5000)
    billed = selection_queries.Selection(PERIOD, "Billed", "EUR")
    assert budget_queries.bridge_months(snapshot, billed) == ("2026-08",)
    eta = selection_queries.Selection(PERIOD, "Amortised", "EUR", "model", "eta-v2")
    steps = budget_queries.bridge_steps(snapshot, eta, "2026-08").to_pylist()
    assert {row["step"]: row["amount"] for row in steps}["change"] == Decimal(-500)


def test_a_run_of_an_earlier_version_has_prices_and_no_rates(tmp_path: Path) -> None:
    """Its price is rate and efficiency together: −1,000 − 3,500 − 800."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.mart_cost_bridge"
            " set rate_amount = rate_amount + efficiency_amount;"
            "alter table cost.mart_cost_bridge rename rate_amount to price_amount"
        )
        for column in (
            *("efficiency_amount", "purchase_mix_amount", "correction_amount"),
            *("unused_commitment_amount", "unknown_rate_cost"),
        ):
            connection.execute(f"alter table cost.mart_cost_bridge drop {column}")
    snapshot = PublishedReader(tmp_path).snapshot()
    steps = budget_queries.bridge_steps(snapshot, SEPTEMBER, "2026-08").to_pylist()
    assert [(row["step"], row["amount"], row["ends_at"]) for row in steps] == [
        ("earlier", Decimal(10250), Decimal(10250)),
        ("price", Decimal(-5300), Decimal(-5300)),
        ("volume", Decimal("7142.85"), Decimal("1842.85")),
        ("mix", Decimal("857.15"), Decimal(2700)),
        ("new", Decimal(900), Decimal(3600)),
        ("retired", Decimal(-250), Decimal(3350)),
        ("fx", Decimal(40), Decimal(3390)),
        ("other", Decimal(50), Decimal(3440)),
        ("change", Decimal(3440), Decimal(3440)),
        ("later", Decimal(13690), Decimal(13690)),
    ]
    assert {row["unknown_rate_cost"] for row in steps} == {None}


def test_lines_behind_a_bar_come_largest_first_with_the_reason_of_other(
    snapshot: Snapshot,
) -> None:
    efficiency = budget_queries.bridge_lines(
        snapshot, SEPTEMBER, "2026-08", "efficiency"
    ).to_pylist()
    assert [(row["model"], row["chosen_amount"]) for row in efficiency] == [
        ("ETA v2", Decimal(-3500)),
        ("Vision v1", Decimal(-800)),
    ]
    other = budget_queries.bridge_lines(
        snapshot, SEPTEMBER, "2026-08", "other"
    ).to_pylist()
    assert [(row["model"], row["reason"]) for row in other] == [
        ("no model", "no quantity belongs to this cost")
    ]
    every = budget_queries.bridge_lines(
        snapshot, SEPTEMBER, "2026-08", None
    ).to_pylist()
    assert sum(row["change_amount"] for row in every) == Decimal(3440)


def test_a_quarter_that_is_not_known_says_why_of_the_month_that_is_not(
    tmp_path: Path,
) -> None:
    """July lacks a rate and has a cost; August has no ledger."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "insert into cost.mart_budget_variance by name"
            " select budgets.* replace (month as billing_month, actual as actual_cost,"
            " state_of_month as state, why as reason, true as is_month_over)"
            " from cost.mart_budget_variance as budgets, (values"
            " ('2026-07', 30, 'incomplete', 'aws lacks exchange rate'),"
            " ('2026-08', null, 'unknown', 'there is no ledger of this month'))"
            " as months (month, actual, state_of_month, why)"
            " where scope_id = 'cc-200'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    period = selection_queries.Period("2026-Q3", ("2026-07", "2026-08", "2026-09"))
    quarter = selection_queries.Selection(
        period, "Amortised", "EUR", "cost centre", "cc-200"
    )
    [row] = budget_queries.budgets(snapshot, quarter).to_pylist()
    assert (row["budget"], row["actual"], row["state"]) == (3000, None, "unknown")
    assert row["reason"] == "there is no ledger of this month"


def test_a_budget_below_nothing_has_no_multiple(tmp_path: Path) -> None:
    """640 of −5 is over, and neither 12,900 % under it nor −128 times it."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.mart_budget_variance set budget_amount = -5, state = 'over'"
            " where scope_id = 'cc-200'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    rows = budget_queries.budgets(snapshot, SEPTEMBER).to_pylist()
    [row] = [row for row in rows if row["scope_id"] == "cc-200"]
    assert (row["variance"], row["state"]) == (Decimal(645), "over")
    assert (row["variance_ratio"], row["times_budget"]) == (None, None)


def test_each_month_has_its_own_budget_beneath_ai_cost(snapshot: Snapshot) -> None:
    """2,000 in August and 900 in September, whichever month is looked at."""
    months = summary_queries.spend_months(snapshot, SEPTEMBER)
    budgets = {row["month"]: row["budget"] for row in months.to_pylist()}
    assert budgets["2026-08"] == 2000
    assert budgets["2026-09"] == 900
    story = cost_story.Story(months.to_pylist(), "EUR")
    drawn = cost_story.draw(story, charts.LIGHT).to_dict()
    steps = [
        [row["value"] for row in drawn["datasets"][layer["data"]["name"]]]
        for layer in drawn["layer"]
        if layer["mark"].get("interpolate") == "step"
    ]
    assert steps == [[2000.0, 900.0]]


def test_a_story_on_paper_has_the_budget_of_each_month_and_the_forecast() -> None:
    rows = [
        {"month": "2026-07", "amount": 5, "budget": None},
        {"month": "2026-08", "amount": 7, "budget": 20},
        {"month": "2026-09", "amount": 9, "budget": 9},
    ]
    ahead = {"period": "2026-10", "expected": 8, "low": 6, "high": 11}
    drawn = drawings.story(
        cost_story.Story(
            rows,
            "EUR",
            launches=[("2026-09", "Chat"), ("2027-01", "Later")],
            migration=("2026-08", "2026-12"),
            forecast=ahead,
        )
    ).content
    assert drawn["costs"] == [5.0, 7.0, 9.0, None]
    assert drawn["budgets"] == [None, 20.0, 9.0, None]
    assert drawn["moved"] == [1, 3]
    assert drawn["launches"] == [[2, "Chat", 0]]
    assert drawn["forecast"] == {"at": 3, "middle": 8.0, "low": 6.0, "high": 11.0}


def test_billed_cost_has_no_budget_beneath_it(snapshot: Snapshot) -> None:
    billed = selection_queries.Selection(PERIOD, "Billed", "EUR")
    months = summary_queries.spend_months(snapshot, billed).to_pylist()
    assert {row["budget"] for row in months} == {None}
