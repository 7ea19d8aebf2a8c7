"""A month is closed by two identities, one after the other; typed names are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.e2e.cases.closing_case import CLOSED, copy_of_reconciled_company
from tests.triptych.acts.test_door import ANA, somebody
from triptych.acts.door import WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.signatures import of_operating_system, signature_of, signing
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS
from triptych.core.warehouse.locks import CLOSED as CLOSED_EVENT
from triptych.core.warehouse.locks import read_history
from triptych.month import closing
from triptych.month.closing_by_two import propose_close

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase

MONTH = {"period": CLOSED}
BEN = somebody("ben")


@pytest.fixture(scope="module")
def case(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("two") / "company"
    case = copy_of_reconciled_company(built_workspaces, folder)
    settings = (case.root / "triptych.yml").read_text()
    case.write("triptych.yml", settings.replace("access: {two_people: names}\n", ""))
    return case


def count_calls(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> list[object]:
    """Keep the first argument of each call of a function, which is still called."""
    called: list[object] = []
    function = getattr(module, name)

    def counting(first: object, *others: object) -> object:
        called.append(first)
        return function(first, *others)

    monkeypatch.setattr(module, name, counting)
    return called


def triptych(root: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(root)])
    return result.exit_code, result.output


def test_names_that_one_person_types_do_not_close_a_month(case: ClosingCase) -> None:
    people = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
    for command in ("close", "accrue"):
        code, text = triptych(case.root, command, "--period", CLOSED, *people)
        assert code == UsageError.exit_code == 2
        assert "do not make two people" in text
    assert read_history(case.workspace).locks == ()


def test_two_logins_close_a_month_and_one_does_not(
    case: ClosingCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = WorkspaceDoor(case.root)
    with pytest.raises(UsageError, match="Nobody has proposed to close"):
        door.preview(BEN, "approve_close", MONTH)
    rendered = count_calls(monkeypatch, closing, "canonical_csv")
    proposed = door.apply(
        *(ANA, "propose_close", MONTH), token="propose-1", reason="All ties"
    )
    [waiting] = door.proposals()
    assert (waiting.step, waiting.billing_month) == ("close", CLOSED)
    assert waiting.proposed_by == "Ana"
    with pytest.raises(UsageError, match="cannot both close a month and approve it"):
        door.apply(ANA, "approve_close", MONTH, token="approve-1")
    preview = door.preview(BEN, "approve_close", MONTH)
    outcome = door.apply(
        *(BEN, "approve_close", MONTH),
        token="approve-2",
        fingerprint=preview.fingerprint,
        reason="Seen",
    )
    # To propose it, and for what is kept; not again for what is looked at in between.
    assert len(rendered) == 2 * len(FROZEN_MARTS)
    [lock] = read_history(case.workspace).locks
    assert (lock.locked_by, lock.approved_by) == ("Ana", "Ben")
    entry = entry_of_token(case.workspace, "approve-2")
    assert entry is not None
    assert entry.event == CLOSED_EVENT
    assert entry.detail["proposal"] == proposed.entry_hash
    remarks = entry.detail["reason"], entry.detail["approval_reason"]
    assert remarks == ("All ties", "Seen")
    assert entry.detail["signed"]["subject"].endswith("|ben")
    assert outcome.entry_hash == entry.entry_hash
    assert case.state()["state"] == "locked"
    assert door.proposals() == []
    assert door.apply(BEN, "approve_close", MONTH, token="approve-2").is_repeated


def test_a_month_is_opened_again_by_two_people_with_a_reason(
    case: ClosingCase,
) -> None:
    door = WorkspaceDoor(case.root)
    if not read_history(case.workspace).locks:
        case.close()
    given = {**MONTH, "because": "The pool was divided wrongly."}
    with pytest.raises(UsageError, match="Nobody has proposed to open 2026-03 again"):
        door.preview(BEN, "approve_reopen", MONTH)
    door.apply(ANA, "propose_reopen", given, token="reopen-01")
    assert [p.step for p in door.proposals()] == ["reopen"]
    with pytest.raises(UsageError, match="cannot both open a month again and approve"):
        door.apply(ANA, "approve_reopen", MONTH, token="reopen-02")
    assert read_history(case.workspace).locks
    door.apply(BEN, "approve_reopen", MONTH, token="reopen-03")
    assert read_history(case.workspace).locks == ()
    [*_, event] = read_history(case.workspace).events
    people = event.detail["actor"], event.detail["approver"], event.detail["reason"]
    assert people == ("Ana", "Ben", given["because"])
    assert door.proposals() == []
    assert case.state()["state"] == "reconciled"


@pytest.mark.full  # fast: of an accrual, in test_accrue_by_two_people.py
def test_the_command_keeps_what_its_user_remarks_on_an_approval(
    case: ClosingCase,
) -> None:
    if read_history(case.workspace).locks:
        pytest.skip("the month is not open again")
    with signing(signature_of("colleague", "operating_system")):
        propose_close(case.workspace, load_settings(case.root), period=CLOSED)
    words = ("--period", CLOSED, "--approve", "--reason", "Looked at each line")
    code, text = triptych(case.root, "close", *words)
    assert code == 0, text
    [*_, entry] = read_history(case.workspace).events
    assert entry.detail["approver"] == of_operating_system().name
    remarks = entry.detail["reason"], entry.detail["approval_reason"]
    assert remarks == (None, "Looked at each line")
