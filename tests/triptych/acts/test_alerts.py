"""Alerts are acknowledged, assigned and snoozed through the door, signed and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboard.test_open_alerts import raise_alerts
from tests.triptych.acts.test_door import ANA, door, somebody, workspace
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.core.alert_responses import alert_id, read_alerts
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from triptych.core.alert_responses import AlertStanding
    from triptych.core.workspace import Workspace

__all__ = ["door", "workspace"]

NEW = alert_id("anomaly/new_one")


def standing(workspace: Workspace) -> AlertStanding:
    [found] = [e for e in read_alerts(workspace.runs_dir) if e.id == NEW]
    return found


def test_each_act_is_signed_by_the_login_and_done_once(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    raise_alerts(workspace.root)
    acts = {
        "assign_alert": {"alert": NEW, "to": "vision"},
        "snooze_alert": {"alert": NEW, "until": "2999-01-01"},
        "acknowledge_alert": {"alert": NEW, "note": "A reindex."},
    }
    for number, (name, given) in enumerate(acts.items()):
        preview = door.preview(ANA, name, given)
        assert "new_one cost 12 EUR more." in preview.says
        for _ in range(2):
            door.apply(ANA, name, given, token=f"token-000{number}")
    found = standing(workspace)
    assert (found.status, found.by, found.assigned_to, found.note) == (
        *("acknowledged", "Ana", "vision", "A reindex."),
    )
    path = workspace.runs_dir / "alert_responses.jsonl"
    mine = [line for line in path.read_text("utf-8").splitlines() if "new_one" in line]
    assert len(mine) == len(acts)


def test_only_finance_acts_and_what_cannot_be_is_refused(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    raise_alerts(workspace.root)
    given = {"alert": NEW}
    for role in ("engineering", "analyst", "viewer"):
        with pytest.raises(NotAllowedError):
            door.apply(
                somebody("x", role), "acknowledge_alert", given, token="t-000001"
            )
    with pytest.raises(UsageError, match="is not a day"):
        door.preview(ANA, "snooze_alert", {**given, "until": "soon"})
    with pytest.raises(UsageError, match="There is no alert"):
        door.preview(ANA, "acknowledge_alert", {"alert": "ffffffff"})
    assert standing(workspace).status == "open"
