"""Statements owe what closed months are adjusted by, and what is idle has a payer.

The company of ``closing_case``: March is closed, then its bill comes again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.e2e.cases.closing_case import MARCH, charge, copy_of_closed_company

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase

pytestmark = pytest.mark.timeout(1800)

LINES = "cost.mart_statement_lines"


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> ClosingCase:
    """March is closed; a copy to change."""
    return copy_of_closed_company(built_workspaces, tmp_path / "workspace")


def statements(marts: ChosenMarts, month: str) -> dict[tuple[str | None, str], Decimal]:
    """Return what each cost centre owes about each month, on the billed basis."""
    rows = marts.query(
        f"SELECT cost_center, about_month, sum(billed_cost) AS owed FROM {LINES}"
        f" WHERE billing_month = '{month}' GROUP BY ALL"
    ).to_pylist()
    return {(row["cost_center"], row["about_month"]): row["owed"] for row in rows}


def test_what_changed_about_a_closed_month_is_on_the_next_statements(
    case: ClosingCase,
) -> None:
    """By hand: eta's 10.00 is 12.00 now, and 1.00 is credited to nobody.

    March keeps 10.00 + 45.00 + 33.33… of search, 20.00 + 66.66… of vision and 3.00
    of nobody, 7.00 outside AI scope apart. April owes its own 5.00 and the changes.
    """
    before = statements(ingest_and_build(case.root, LINES), "2026-03")
    changed = charge("12.00", "API", model="eta")
    case.bill("2026-03", changed, *MARCH[1:], charge("-1.00", "API", kind="Credit"))
    marts = ingest_and_build(case.root, LINES)
    assert statements(marts, "2026-03") == before
    assert before == {
        ("cc-1", "2026-03"): Decimal("88.3333333333"),
        ("cc-2", "2026-03"): Decimal("86.6666666667"),
        (None, "2026-03"): Decimal(3),
    }
    assert statements(marts, "2026-04") == {
        ("cc-1", "2026-04"): Decimal(5),
        ("cc-1", "2026-03"): Decimal(2),
        (None, "2026-03"): Decimal(-1),
    }
