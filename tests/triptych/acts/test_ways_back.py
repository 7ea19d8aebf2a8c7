"""What arrived wrongly is taken back from a page, with its reason, and put back again.

The company of ``closing_case``: two bills, of which March's came to 185.00.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.cases.closing_case import (
    CLOSED,
    MARCH,
    SETTINGS,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from tests.triptych.acts.test_door import ANA, somebody
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import UsageError
from triptych.core.lake.superseded_loads import record_pruning
from triptych.core.warehouse.load_lists import read_loads

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

WHY = {"because": "sent twice"}


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> ClosingCase:
    return copy_of_reconciled_company(built_workspaces, tmp_path / "company")


def states(case: ClosingCase) -> dict[str, str]:
    """Return the state of each bill that was loaded, by the load's id."""
    return {
        load.load_id: load.state
        for load in read_loads(case.workspace.raw_database)
        if load.stream == "focus"
    }


def test_a_delivery_is_taken_back_with_its_reason_and_put_back(
    case: ClosingCase,
) -> None:
    door = WorkspaceDoor(case.root)
    before = states(case)
    load_id = next(iter(before))
    [choice] = [
        each
        for each in door.choices(ANA, "withdraw_load", "load")
        if each.endswith(f"({load_id})")
    ]
    given = {"load": choice, **WHY}
    preview = door.preview(ANA, "withdraw_load", given)
    assert "no longer counts in any figure" in preview.says
    # Nothing was delivered twice: no earlier load can count again.
    assert "replaced" not in preview.says
    assert f"+ load: {load_id}" in preview.changes[0].diff
    assert states(case) == before
    door.apply(ANA, "withdraw_load", given, token="token-0001")
    assert states(case) == before | {load_id: "withdrawn"}
    entry = entry_of_token(case.workspace, "token-0001")
    assert entry is not None
    assert entry.detail["reason"] == "sent twice"
    assert entry.detail["signed"]["subject"].endswith("|ana")
    [taken] = [
        each
        for each in door.choices(ANA, "withdraw_load", "load")
        if load_id in each and "taken back" in each
    ]
    door.apply(ANA, "withdraw_load", {"load": taken, **WHY}, token="token-0002")
    assert states(case) == before


def test_only_a_delivery_that_is_still_there_counts_again(case: ClosingCase) -> None:
    before = states(case)
    case.bill(CLOSED, *MARCH, charge("900.00", "API", model="eta"))
    case.ingest()
    [newer] = set(states(case)) - set(before)
    [older] = [load for load, state in states(case).items() if state == "superseded"]
    door, given = WorkspaceDoor(case.root), {"load": newer, **WHY}
    text = "The one that it had replaced counts again."
    assert text in door.preview(ANA, "withdraw_load", given).says
    record_pruning(case.workspace, [older], reason="old", byte_count=0)
    assert text not in door.preview(ANA, "withdraw_load", given).says
    door.apply(ANA, "withdraw_load", given, token="token-0001")
    assert states(case)[older] == "superseded"


def test_a_renamed_source_takes_over_what_was_delivered_under_its_old_name(
    case: ClosingCase,
) -> None:
    door = WorkspaceDoor(case.root)
    assert door.choices(ANA, "rename_source", "old") == ()
    case.write("triptych.yml", SETTINGS.replace("name: bills,", "name: cloud,"))
    assert door.choices(ANA, "rename_source", "old") == ("bills",)
    given = {"old": "bills", "new": "cloud", **WHY}
    with pytest.raises(UsageError, match="'clouds' is not one of the sources"):
        door.preview(ANA, "rename_source", {**given, "new": "clouds"})
    door.apply(ANA, "rename_source", given, token="token-0001")
    loads = read_loads(case.workspace.raw_database)
    assert "bills" not in {load.source for load in loads}
    assert door.choices(ANA, "rename_source", "old") == ()


def test_what_does_not_count_is_not_taken_back_and_no_viewer_does_it(
    case: ClosingCase,
) -> None:
    door = WorkspaceDoor(case.root)
    with pytest.raises(UsageError, match="Delivery 'nothing' is not in the list"):
        door.preview(ANA, "withdraw_load", {"load": "nothing", **WHY})
    with pytest.raises(UsageError, match="lacks Because"):
        door.preview(ANA, "withdraw_load", {"load": next(iter(states(case)))})
    for name in ("withdraw_load", "rename_source"):
        with pytest.raises(NotAllowedError):
            door.preview(somebody("vera", "viewer"), name, {})
