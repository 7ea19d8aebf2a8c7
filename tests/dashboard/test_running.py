"""The menu says how far a run is and how it ended, from what the run wrote down."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.app import running
from tests.dashboard.acts.test_acting import close_page, serve
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.warehouse_fixture import published_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Serve a workspace to its own machine, with a door."""
    workspace = published_workspace(tmp_path)
    serve(workspace, monkeypatch, "local")
    return workspace


def record(workspace: Workspace, state: str, **details: Any) -> None:
    """Write down a run that began 95 s ago, and which state it has reached."""
    now = datetime.now(UTC)
    folder = workspace.runs_dir / "20261128T120000Z-aa"
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "run_id": folder.name,
        "state": state,
        "started_at": (now - timedelta(seconds=95)).isoformat(),
        "at": now.isoformat(),
    }
    (folder / "run.json").write_text(json.dumps(told | details))


def test_a_run_under_way_says_its_step_and_since_when(workspace: Workspace) -> None:
    record(workspace, "building")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": "now"}
    workspace.lock_file.with_suffix(".json").write_text(json.dumps(holder))
    assert "A run is under way: **building**, for 1 min" in text_of(close_page())


@pytest.mark.parametrize(
    ("state", "details", "text"),
    [
        ("published", {}, "The last run published new figures at"),
        ("published", {}, "UTC, after 1 min 35 s."),
        ("unchanged", {}, "The last run found nothing new at"),
        ("failed", {"error": "bills: no folder"}, "after 1 min 35 s: bills: no folder"),
        ("building", {}, "The last run was stopped while building."),
    ],
)
def test_a_run_that_is_over_says_how_it_ended_and_after_how_long(
    workspace: Workspace, state: str, details: dict[str, str], text: str
) -> None:
    record(workspace, state, **details)
    assert text in text_of(close_page())


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s")]
)
def test_durations_are_written_in_seconds_and_minutes(
    seconds: float, text: str
) -> None:
    assert running.lasting(seconds) == text
