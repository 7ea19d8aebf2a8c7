"""March is booked before its euro invoice is there; the invoice brings the true-up.

The bill has EUR 140.00 and USD 50.00 of March, and only the dollar invoice is entered.
140.00 is booked. Then the bill is delivered again with 1.50 more and its invoice over
141.50 arrives: the true-up is 1.50, and what was booked is still 140.00.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests.chosen_marts import ingest_and_build
from tests.e2e.cases.closing_case import (
    INVOICES,
    MARCH,
    charge,
    copy_of_accruable_company,
)
from triptych.cli import app
from triptych.core.lake.audit_log import AuditLogError
from triptych.core.warehouse.locks import read_history

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase

Stages = dict[str, list[dict[str, Any]]]
HEADER, EURO_LINE, _ = INVOICES.splitlines(keepends=True)


def accrue(case: ClosingCase, *arguments: str) -> tuple[int, str]:
    finished = CliRunner().invoke(app, ["accrue", "-w", str(case.root), *arguments])
    assert "Traceback" not in finished.output
    return finished.exit_code, finished.output


_MARCH = (
    "SELECT * FROM cost.mart_accruals WHERE billing_month = '2026-03' ORDER BY currency"
)


def march(case: ClosingCase) -> list[dict[str, Any]]:
    return case.ask(_MARCH)


@pytest.fixture(scope="module")
def case(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    """Return the company after a run without the euro invoice."""
    folder = tmp_path_factory.mktemp("accrued") / "company"
    return copy_of_accruable_company(built_workspaces, folder)


@pytest.fixture(scope="module")
def refusals(case: ClosingCase) -> dict[str, tuple[int, str]]:
    """Return what is answered before anything is booked."""
    two = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
    return {
        "one person": accrue(
            case, "--period", "2026-03", "--by", "Ana Lima", "--approved-by", "ana lima"
        ),
        "month runs": accrue(case, "--period", "2026-04", *two),
    }


@pytest.fixture(scope="module")
def stages(case: ClosingCase, refusals: dict[str, tuple[int, str]]) -> Stages:
    """Return March's rows before the booking, after it, and after the invoice."""
    assert refusals
    found = {"before": march(case)}
    two = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
    code, told = accrue(case, "--period", "2026-03", *two)
    assert code == 0, told
    assert "Vendor: EUR 140.00 (no interval; bill)" in told
    found["booked"] = march(case)
    case.bill("2026-03", *MARCH, charge("1.50", "Storage"))
    case.write("invoices.csv", HEADER + EURO_LINE.replace("140.00", "141.50"))
    marts = ingest_and_build(case.root, "cost.mart_accruals")
    found["invoiced"] = marts.query(_MARCH).to_pylist()
    return found


def test_only_what_has_no_final_invoice_is_to_accrue(stages: Stages) -> None:
    euros, dollars = stages["before"]
    assert (euros["state"], euros["accrual_amount"]) == ("to_accrue", Decimal(140))
    assert (dollars["state"], dollars["accrual_amount"]) == ("invoiced", Decimal(0))
    assert euros["as_of"] == datetime(2026, 4, 6)  # noqa: DTZ001  (UTC by convention)
    # Too few months for an interval: unknown, never of no width.
    assert (euros["accrual_amount_low"], euros["accrual_amount_high"]) == (None, None)
    assert euros["reason"] == (
        "No interval: 0 earlier months have a final invoice, four are needed."
    )
    assert euros["booked_amount"] is None


def test_what_is_booked_is_kept_and_the_invoice_brings_the_true_up(
    stages: Stages,
) -> None:
    booked, after = stages["booked"][0], stages["invoiced"][0]
    assert (booked["booked_amount"], booked["true_up_amount"]) == (Decimal(140), None)
    assert (booked["booked_by"], booked["approved_by"]) == ("Ana Lima", "Ben Okafor")
    assert stages["booked"][1]["booked_amount"] is None
    assert after["state"] == "invoiced"
    assert after["booked_amount"] == Decimal(140)
    assert after["booked_as_of"] == booked["as_of"]
    assert after["invoiced_amount"] == Decimal("141.5")
    assert after["true_up_amount"] == Decimal("1.5")


def test_one_person_alone_and_a_running_month_are_refused(
    refusals: dict[str, tuple[int, str]],
) -> None:
    code, told = refusals["one person"]
    assert code == 2
    assert "cannot both book an accrual and approve it" in told
    code, told = refusals["month runs"]
    assert code == 2
    assert "Months with something to accrue: 2026-03." in told


def test_the_booking_is_an_event_of_the_month_in_the_chained_log(
    case: ClosingCase, stages: Stages
) -> None:
    assert stages
    (event,) = case.ask("SELECT event, actor, approver FROM cost.mart_period_events")
    assert event == {"event": "accrued", "actor": "Ana Lima", "approver": "Ben Okafor"}
    with duckdb.connect(str(case.workspace.raw_database)) as connection:
        connection.execute(
            "UPDATE catalogue.audit_log SET detail ="
            " replace(detail, '140.0000000000', '139.0000000000')"
            " WHERE event = 'period_accrued'"
        )
    with pytest.raises(AuditLogError, match="is not what was written"):
        read_history(case.workspace)
