"""A vendor of a statement is settled without the others; the case has the sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.cases.statement_case import (
    COUNTED,
    STATEMENT,
    TRUE,
    copy_of_company_with_a_statement,
)
from triptych.core.warehouse.coverage_overlaps import published_overlaps
from triptych.core.warehouse.inspection import ask_catalogue
from triptych.evidence.withdrawing import withdraw

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.statement_case import StatementCase


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> StatementCase:
    return copy_of_company_with_a_statement(built_workspaces, tmp_path / "company")


def test_only_the_vendor_that_an_api_has_leaves_the_statement(
    case: StatementCase,
) -> None:
    assert case.total() == COUNTED
    [overlap] = published_overlaps(case.root)
    report = case.settle()
    assert report.withdrawn_load_id == overlap.second_load_id
    case.run()
    assert case.total() == TRUE
    assert published_overlaps(case.root) == []
    assert case.vendors() == {
        ("api", "OpenAI"): 6045,
        ("card", "Anthropic"): 1200,
        ("card", "Figma"): 480,
    }
    assert case.stale() == []


def test_the_audit_log_and_a_mart_have_what_was_withdrawn_and_why(
    case: StatementCase,
) -> None:
    report = case.settle()
    case.run()
    [(entry,)] = ask_catalogue(
        case.workspace.raw_database,
        "SELECT detail FROM catalogue.audit_log WHERE entry_hash = ?",
        [report.audit_log_hash],
    )
    for text in ("one bill", report.withdrawn_load_id, "OpenAI", "6045.00", "2026-09"):
        assert text in entry
    [row] = case.ask("SELECT * FROM core.mart_withdrawn_charges")
    assert row["load_id"] == report.withdrawn_load_id
    assert (row["source"], row["provider"], row["billing_month"]) == (
        *("card", "OpenAI"),
        "2026-09",
    )
    assert (row["billed_cost"], row["line_item_count"]) == (6045, 1)
    assert (row["reason"], row["answer"]) == ("one bill", "same")


def test_a_vendor_that_was_withdrawn_can_be_put_back(case: StatementCase) -> None:
    load_id = case.settle().withdrawn_load_id
    case.run()
    withdraw(case.workspace, load_id, because="two contracts", is_undone=True)
    case.run()
    assert case.total() == COUNTED
    assert len(published_overlaps(case.root)) == 1


def test_a_statement_that_is_delivered_again_is_red_again(case: StatementCase) -> None:
    """The new load may hold other money: 6,100.00 now, 0.9 % more."""
    case.settle()
    case.run()
    case.deliver(
        "card", "september", (STATEMENT[0].replace("6045", "6100"), *STATEMENT[1:])
    )
    case.run()
    [overlap] = published_overlaps(case.root)
    assert overlap.vendor == "OpenAI"
    assert case.total() == COUNTED + 55


def test_a_source_whose_only_delivery_is_settled_is_not_stale(
    case: StatementCase,
) -> None:
    """A statement of OpenAI alone counts no more, and was delivered."""
    case.deliver("card", "september", STATEMENT[:1])
    case.run()
    case.settle()
    case.run()
    assert case.total() == 6045
    assert case.stale() == []
    [row] = case.ask("SELECT * FROM core.mart_source_freshness WHERE source = 'card'")
    assert not row["is_stale"]
    assert row["load_count"] == 1
    assert row["settled_load_count"] == 1
    assert str(row["settled_reason"]).startswith("one bill")
