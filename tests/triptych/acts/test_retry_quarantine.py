"""Refused rows are read again from a page, after what they lacked was declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from tests.triptych.acts.test_door import ANA, somebody
from triptych.acts.door import ACTED, NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import UsageError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace, initialise
from triptych.run import pipeline

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
organisation: Example
currency: EUR
sources:
  - {name: plan, type: tables, stream: budgets, path: budgets.csv}
"""
HEAD = "budget_month,scope_type,scope_id,budget_amount,currency\n"
GOOD = "2026-05-01,all,all,100.00,EUR\n"
#: Twelve thousand in words is no amount.
BAD = "2026-06-01,all,all,twelve,EUR\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace in which one of two rows was refused."""
    made = initialise(tmp_path / "workspace")
    (made.root / "triptych.yml").write_text(SETTINGS)
    (made.root / "budgets.csv").write_text(HEAD + GOOD + BAD)
    settings = load_settings(made.root)
    pipeline.ingest(made, settings, window=Window(), progress=SilentProgress())
    return made


def test_what_was_corrected_is_read_again_and_the_entry_says_how_much(
    workspace: Workspace,
) -> None:
    door = WorkspaceDoor(workspace.root)
    assert door.choices(ANA, "retry_quarantine", "source") == ("plan",)
    given = {"source": "plan"}
    preview = door.preview(ANA, "retry_quarantine", given)
    assert "+ refused now: 1\n+ budgets, " in preview.changes[0].diff
    still = door.apply(ANA, "retry_quarantine", given, token="token-0001")
    assert still.did == "Ana had plan read again: 1 refused before, 1 now."
    corrected = HEAD + GOOD + BAD.replace("twelve", "12")
    (workspace.root / "budgets.csv").write_text(corrected)
    for _ in range(2):
        done = door.apply(ANA, "retry_quarantine", given, token="token-0002")
    assert done.is_repeated
    assert done.did == "Ana had plan read again: 1 refused before, 0 now."
    entry = entry_of_token(workspace, "token-0002")
    assert entry is not None
    assert (entry.event, entry.detail["did"]) == (ACTED, done.did)
    assert entry.detail["signed"]["subject"].endswith("|ana")
    with pytest.raises(UsageError, match="No row of 'plan' is in quarantine"):
        door.preview(ANA, "retry_quarantine", given)


def test_no_viewer_has_rows_read_again(workspace: Workspace) -> None:
    door = WorkspaceDoor(workspace.root)
    with pytest.raises(NotAllowedError):
        door.apply(
            *(somebody("vera", "viewer"), "retry_quarantine", {"source": "plan"}),
            token="token-0001",
        )
