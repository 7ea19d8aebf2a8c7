"""Accruals are proposed and booked by two identities, signed, with both remarks.

March of the case lacks its euro invoice over 140.00; the dollar one is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.cases.closing_case import CLOSED, copy_of_accruable_company
from tests.triptych.acts.test_close_by_two_people import BEN, MONTH, triptych
from tests.triptych.acts.test_door import ANA, somebody
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.signatures import of_operating_system, signature_of, signing
from triptych.core.warehouse.locks import ACCRUED, read_history
from triptych.month.accruing import propose_accrual
from triptych.month.proposing import PROPOSED

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase

AMOUNT = "+ Vendor (EUR): 140.00\n"


@pytest.fixture(scope="module")
def case(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("accrue") / "company"
    case = copy_of_accruable_company(built_workspaces, folder)
    settings = (case.root / "triptych.yml").read_text()
    case.write("triptych.yml", settings.replace("access: {two_people: names}\n", ""))
    return case


def test_only_finance_proposes_and_approves(case: ClosingCase) -> None:
    door, before = WorkspaceDoor(case.root), read_history(case.workspace).head_hash
    for name in ("propose_accrual", "approve_accrual"):
        for role in ("engineering", "analyst", "viewer"):
            with pytest.raises(NotAllowedError):
                door.apply(somebody("x", role), name, MONTH, token="token-0001")
    assert read_history(case.workspace).head_hash == before


def test_two_logins_book_what_one_cannot(case: ClosingCase) -> None:
    door = WorkspaceDoor(case.root)
    with pytest.raises(UsageError, match="Nobody has proposed to book accruals"):
        door.preview(BEN, "approve_accrual", MONTH)
    preview = door.preview(ANA, "propose_accrual", MONTH)
    assert preview.changes[0].diff == AMOUNT
    proposed = door.apply(
        *(ANA, "propose_accrual", MONTH), token="propose-1", reason="Invoice is late"
    )
    entry = entry_of_token(case.workspace, "propose-1")
    assert entry is not None
    assert (entry.event, entry.entry_hash) == (PROPOSED, proposed.entry_hash)
    with pytest.raises(UsageError, match="cannot both book an accrual and approve"):
        door.preview(ANA, "approve_accrual", MONTH)
    preview = door.preview(BEN, "approve_accrual", MONTH)
    assert preview.changes[0].diff == AMOUNT
    door.apply(
        *(BEN, "approve_accrual", MONTH),
        token="approve-1",
        fingerprint=preview.fingerprint,
        reason="Agreed",
    )
    entry = entry_of_token(case.workspace, "approve-1")
    assert entry is not None
    assert entry.event == ACCRUED
    assert (entry.detail["actor"], entry.detail["approver"]) == ("Ana", "Ben")
    remarks = entry.detail["reason"], entry.detail["approval_reason"]
    assert remarks == ("Invoice is late", "Agreed")
    assert [row["booked_amount"] for row in entry.detail["rows"]] == ["140.0000000000"]
    with pytest.raises(UsageError, match="only grows"):
        door.undo(BEN, "approve-1")
    booked = case.ask(
        "SELECT booked_by, approved_by FROM cost.mart_accruals"
        f" WHERE billing_month = '{CLOSED}' AND booked_amount IS NOT NULL"
    )
    assert booked == [{"booked_by": "Ana", "approved_by": "Ben"}]


def test_the_command_keeps_what_its_user_remarks_on_an_approval(
    case: ClosingCase,
) -> None:
    code, text = triptych(case.root, "accrue", "--period", CLOSED)
    assert code == 0, text
    assert f"proposes to book {CLOSED}:\nVendor: EUR 140.00 (" in text
    with signing(signature_of("colleague", "operating_system")):
        propose_accrual(case.workspace, load_settings(case.root), period=CLOSED)
    words = ("--period", CLOSED, "--approve", "--reason", "Seen on paper")
    code, text = triptych(case.root, "accrue", *words)
    assert code == 0, text
    [*_, entry] = read_history(case.workspace).events
    assert entry.detail["approver"] == of_operating_system().name
    remarks = entry.detail["reason"], entry.detail["approval_reason"]
    assert remarks == (None, "Seen on paper")
