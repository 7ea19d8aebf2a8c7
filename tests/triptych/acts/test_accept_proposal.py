"""A proposal of discovery is accepted from a page: the file is text, comments stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.triptych.acts.test_door import ANA, somebody
from tests.triptych.discovery.test_first_hour import GOOD, SETTINGS
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.acts.file_edits import WRITTEN
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

#: Each of the 31 charges is tagged with the model eta, of a service that is AI.
BILL = GOOD.replace(",Inference,", ",Amazon Bedrock,").replace(",Vendor,", ",AWS,")
PROPOSED = "models: eta"
CATALOG = "# Who owns what.\nteams:\n  - {id: search}   # since May\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = initialise(tmp_path_factory.mktemp("proposals") / "workspace")
    (made.root / "bills").mkdir(exist_ok=True)
    (made.root / "bills" / "may.csv").write_text(BILL)
    (made.root / "triptych.yml").write_text(SETTINGS)
    (made.root / "catalog.yml").write_text(CATALOG)
    return made


def catalog(root: Path) -> str:
    return (root / "catalog.yml").read_text()


def test_a_proposal_is_accepted_under_another_name_and_taken_back(
    workspace: Workspace,
) -> None:
    door = WorkspaceDoor(workspace.root)
    assert PROPOSED in door.choices(ANA, "accept_proposal", "proposal")
    given = {"proposal": PROPOSED, "new_name": "arrival"}
    preview = door.preview(ANA, "accept_proposal", given)
    [change] = preview.changes
    assert change.name == "catalog.yml"
    assert "+  - {id: arrival" in change.diff
    changed = change.diff.splitlines()[2:]
    assert not [line for line in changed if line.startswith("-")]
    assert catalog(workspace.root) == CATALOG
    door.apply(
        *(ANA, "accept_proposal", given),
        token="token-0001",
        fingerprint=preview.fingerprint,
    )
    assert catalog(workspace.root).startswith(CATALOG)
    [model] = load_settings(workspace.root).catalog.models
    assert model.id == "arrival"
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["act"]) == (WRITTEN, "accept_proposal")
    assert entry.detail["signed"]["subject"].endswith("|ana")
    assert set(entry.detail["files"]) == {"catalog.yml"}
    door.undo(ANA, "token-0001")
    assert catalog(workspace.root) == CATALOG


def test_what_nobody_proposes_cannot_be_accepted(workspace: Workspace) -> None:
    door = WorkspaceDoor(workspace.root)
    with pytest.raises(UsageError, match="Nothing called 'models: vision' is proposed"):
        door.preview(ANA, "accept_proposal", {"proposal": "models: vision"})


def test_no_viewer_accepts_a_proposal(workspace: Workspace) -> None:
    door, vera = WorkspaceDoor(workspace.root), somebody("vera", "viewer")
    with pytest.raises(NotAllowedError):
        door.apply(vera, "accept_proposal", {"proposal": PROPOSED}, token="token-0002")
    assert door.choices(ANA, "accept_proposal", "proposal")
    with pytest.raises(NotAllowedError):
        door.choices(vera, "accept_proposal", "proposal")
    assert catalog(workspace.root) == CATALOG


def test_everything_that_is_proposed_is_accepted_at_once_and_taken_back(
    workspace: Workspace,
) -> None:
    door = WorkspaceDoor(workspace.root)
    single = door.choices(ANA, "accept_proposal", "proposal")
    preview = door.preview(ANA, "accept_proposals", {"which": "everything"})
    assert preview.says.startswith(f"{len(single)} entries are added: ")
    assert "100.0% of AI cost, EUR 46.50, is on named models then" in preview.says
    given = {"which": "models"}
    assert "of AI cost" not in door.preview(ANA, "accept_proposals", given).says
    everything = {"which": "everything"}
    door.apply(ANA, "accept_proposals", everything, token="token-0003")
    assert door.choices(ANA, "accept_proposal", "proposal") == ()
    assert "eta" in {m.id for m in load_settings(workspace.root).catalog.models}
    with pytest.raises(UsageError, match="Nothing new is proposed for everything"):
        door.preview(ANA, "accept_proposals", everything)
    door.undo(ANA, "token-0003")
    assert catalog(workspace.root) == CATALOG
    assert door.choices(ANA, "accept_proposal", "proposal") == single


def test_the_currencies_to_choose_from_are_those_of_the_bills(
    workspace: Workspace,
) -> None:
    door = WorkspaceDoor(workspace.root)
    assert door.choices(ANA, "set_currency", "currency") == ("EUR",)
