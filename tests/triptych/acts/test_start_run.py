"""A run that is started from a page: logged first, once, and it says how it ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.triptych.acts.test_door import ANA, somebody
from tests.triptych.acts.test_file_acts import door, workspace
from triptych.acts.door import ACTED, NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import TriptychError, UsageError
from triptych.core.run_record import LastRun, is_somebody_at_it, read_last_run

if TYPE_CHECKING:
    from triptych.core.workspace import Workspace

__all__ = ["door", "workspace"]

PATIENCE_S = 60.0


def end_of_run(workspace: Workspace) -> LastRun:
    """Wait until a run has ended, and return how."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        last = read_last_run(workspace.runs_dir)
        is_at_it = is_somebody_at_it(workspace.lock_file)
        if last is not None and last.is_over and not is_at_it:
            return last
        time.sleep(0.1)
    pytest.fail(f"no run has ended: {(workspace.runs_dir / 'LAST').exists()}")


def test_two_who_start_a_run_at_once_start_one(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    """The source has no folder, so that the run fails early and says so."""
    settings = (workspace.root / "triptych.yml").read_text()
    bills = "sources:\n  - {name: gone, type: focus_files, path: nowhere}\n"
    (workspace.root / "triptych.yml").write_text(
        settings.replace("sources:\n", bills, 1)
    )

    def start(token: str) -> str:
        try:
            door.apply(ANA, "start_run", {}, token=token)
        except TriptychError as error:
            return str(error)
        return "started"

    assert "asked for by: Ana" in door.preview(ANA, "start_run", {}).changes[0].diff
    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(start, ("token-0001", "token-0001")))
    assert said == ["started", "started"]
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["actor"]) == (ACTED, "Ana")
    assert entry.detail["signed"]["subject"].endswith("|ana")
    last = end_of_run(workspace)
    assert last.state == "failed"
    assert "nowhere" in (last.error or "")
    assert len(list(workspace.runs_dir.glob("*/run.json"))) == 1
    with pytest.raises(UsageError, match="only grows"):
        door.undo(ANA, "token-0001")


def test_a_run_that_cannot_begin_says_why(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.acts()
    (workspace.root / "allocation.yml").write_text("pools: 7\n")
    with pytest.raises(TriptychError, match="pools"):
        door.apply(ANA, "start_run", {}, token="token-0001")


def test_no_viewer_starts_a_run(workspace: Workspace, door: WorkspaceDoor) -> None:
    with pytest.raises(NotAllowedError):
        door.apply(somebody("vera", "viewer"), "start_run", {}, token="token-0001")
    assert read_last_run(workspace.runs_dir) is None
    assert entry_of_token(workspace, "token-0001") is None
