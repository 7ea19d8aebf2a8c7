"""What comes in about a closed month is open until somebody settles it, and red.

The company of ``closing_case``: March is closed with EUR 140.00 and USD 50.00. Then its
bill has another EUR 60.00, and the vendor asks EUR 95.00 for it and USD 500.00 besides.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from tests.e2e.cases import closing_case
from tests.e2e.cases.closing_case import MARCH, charge, copy_of_closed_company
from triptych.cli import app
from triptych.core.settings import load_settings
from triptych.core.settings.notify import RuleSettings
from triptych.core.signatures import of_operating_system, signature_of, signing
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.month import accepting
from triptych.service.alerts.conditions import find_alerts

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase
    from triptych.service.alerts.conditions import Alert

pytestmark = pytest.mark.timeout(1800)

LATE = "E-3b,Vendor,2026-03,EUR,95.00,issued\nU-3b,Vendor,2026-03,USD,500.00,issued\n"
PEOPLE = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")


@pytest.fixture(scope="module")
def case(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    """March is closed; then a charge and two invoices of March come late."""
    root = tmp_path_factory.mktemp("late") / "workspace"
    case = copy_of_closed_company(built_workspaces, root)
    late = charge("60.00", "API", model="eta").replace("E-3,", "E-3b,")
    case.bill("2026-03", *MARCH, late)
    case.write("invoices.csv", closing_case.INVOICES + LATE)
    case.run()
    return case


def triptych(case: ClosingCase, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--workspace", str(case.root)])


def red_months(case: ClosingCase) -> list[Alert]:
    """Return the alerts of months that do not reconcile."""
    rule = RuleSettings(alert="month_red", channels=("all",))
    snapshot = PublishedReader(case.root).snapshot()
    return find_alerts(snapshot, rule, date(2026, 6, 1))


def open_items(case: ClosingCase) -> list[tuple[object, ...]]:
    rows = case.ask(
        "SELECT kind, state, invoice_id, booked_month, currency, open_amount,"
        " is_settled FROM cost.mart_open_items WHERE billing_month = '2026-03'"
        " ORDER BY kind DESC, invoice_id, booked_month"
    )
    return [tuple(row.values()) for row in rows]


def test_late_documents_of_a_closed_month_are_open_and_red(case: ClosingCase) -> None:
    """By hand: 95 - 60 = EUR 35 nobody explains, USD 500 are on no bill."""
    assert open_items(case) == [
        ("document", "open", "E-3b", None, "EUR", Decimal(35), False),
        ("document", "open", "U-3b", None, "USD", Decimal(500), False),
        ("charge", "booked", None, "2026-04", "EUR", Decimal(0), True),
    ]
    state = case.state()
    assert (state["state"], state["open_item_count"]) == ("restated", 2)
    told = triptych(case, "reconcile", "--period", "2026-03")
    assert told.exit_code == 6
    assert "No bill has a charge for invoice U-3b of Vendor." in told.stdout
    health = triptych(case, "health")
    assert health.exit_code != 0
    assert "2026-03 is closed and has 2 open since" in health.output


def test_open_items_of_a_closed_month_call_for_an_alert(case: ClosingCase) -> None:
    """35 and 500 of the documents; the late charge is booked in April."""
    [alert] = red_months(case)
    assert alert.text == (
        "2026-03 does not reconcile. bills: Open since the close: 2, EUR 35.00,"
        " USD 500.00."
    )


def accept_by_two_users(
    case: ClosingCase, number: str, up_to: str, reason: str
) -> None:
    """Accept as another user of this machine proposed it."""
    with signing(signature_of("colleague", "operating_system")):
        accepting.propose_acceptance(
            Workspace(case.root),
            load_settings(case.root),
            period="2026-03",
            named=number,
            terms=accepting.read_terms(up_to, reason),
        )
    period = ("reconcile", "--period", "2026-03", "--accept")
    approved = triptych(case, *period, number, "--approve")
    assert approved.exit_code == 0, approved.output


def test_an_accepted_difference_stays_visible_and_the_month_is_settled(
    case: ClosingCase,
) -> None:
    period = ("reconcile", "--period", "2026-03", "--accept")
    because = ("--reason", "The vendor does not correct it.")
    refused = triptych(case, *period, "U-3b", "--up-to", "400", *because, *PEOPLE)
    assert refused.exit_code == 2
    assert "which is more than 400.00" in refused.output
    terms = (*period, "E-3b", "--up-to", "35", *because)
    assert triptych(case, *terms, *PEOPLE[:2]).exit_code == 0, "proposed"
    alone = triptych(case, *period, "E-3b", "--approve")
    assert alone.exit_code == 2
    assert "approve" in alone.output
    accepted = triptych(case, *terms, *PEOPLE)
    assert accepted.exit_code == 0, accepted.output
    accept_by_two_users(case, "U-3b", "500", because[1])
    assert [item[1] for item in open_items(case)] == ["accepted", "accepted", "booked"]
    assert red_months(case) == []
    told = triptych(case, "reconcile", "--period", "2026-03")
    assert told.exit_code == 0, told.output
    user = of_operating_system().name
    assert "Accepted by Ana Lima, approved by Ben Okafor, up to 35" in told.stdout
    assert f"Accepted by colleague, approved by {user}, up to 500" in told.stdout
    events = case.ask(
        "SELECT event, approver, reason FROM cost.mart_period_events"
        " WHERE event = 'difference_accepted'"
    )
    reason = "The vendor does not correct it."
    assert {event["approver"] for event in events} == {"Ben Okafor", user}
    assert len(events) == 2
    assert {(e["event"], e["reason"]) for e in events} == {
        ("difference_accepted", reason)
    }
