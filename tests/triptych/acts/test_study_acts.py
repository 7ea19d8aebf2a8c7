"""A study is planned and locked from a page: a file, then an entry of the register."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from attribution.studies.study_files import read_plan
from tests.triptych.acts.test_door import ANA, somebody
from tests.triptych.acts.test_file_acts import door, workspace
from triptych.acts.door import ACTED, NotAllowedError, WorkspaceDoor
from triptych.acts.file_edits import WRITTEN
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import RefusedEstimateError, SettingsError, UsageError
from triptych.run.study_journal import check_register, open_register

if TYPE_CHECKING:
    from triptych.core.acts import Given
    from triptych.core.workspace import Workspace

__all__ = ["door", "workspace"]

PLAN: Given = {
    "id": "pilot",
    "feature": "eta",
    "outcome": "minutes late",
    "outcome_unit": "minutes",
    "start": "2098-01-01",
    "launch": "2098-05-01",
    "end": "2098-06-01",
    "period": "day",
    "better": "lower",
    "minimum_effect": "0.5",
    "cost_amount": "1200.50",
    "value_amount_per_unit": "3",
    "decision": "Keep it if it saves: half a minute",
}
WRITTEN_PLAN = """\
# Lock it before the launch: then nobody has seen its figures yet.
id: pilot
feature: eta
outcome: minutes late
outcome_unit: minutes
launch: 2098-05-01
window: {start: 2098-01-01, end: 2098-06-01}
period: day
better: lower
minimum_effect: 0.5
decision_rule: {text: "Keep it if it saves: half a minute"}
economics: {cost_amount: 1200.50, value_amount_per_unit: 3}
"""


def measured_before_the_launch() -> bytes:
    """Return 240 days of one unit around 20 minutes, until the launch."""
    dates = pd.date_range(end="2098-04-30", periods=240)
    minutes = 20 + np.random.default_rng(7).normal(0, 1, len(dates))
    rows = pd.DataFrame({"unit": "all", "date": dates, "outcome": minutes})
    return rows.to_csv(index=False).encode()


def test_a_plan_is_written_locked_once_and_signed(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    preview = door.preview(ANA, "plan_study", PLAN)
    [change] = preview.changes
    assert change.name == "studies/pilot.yml"
    door.apply(ANA, "plan_study", PLAN, token="token-0001")
    path = workspace.studies_dir / "pilot.yml"
    assert path.read_text() == WRITTEN_PLAN
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["act"]) == (WRITTEN, "plan_study")
    assert door.choices(ANA, "register_study", "plan") == ("pilot",)
    for _ in range(2):
        door.apply(ANA, "register_study", {"plan": "pilot"}, token="token-0002")
    [locked] = open_register(workspace).entries("pilot")
    assert (locked.by, locked.plan_hash) == ("Ana", read_plan(path).hash)
    entry = entry_of_token(workspace, "token-0002")
    assert entry is not None
    assert entry.event == "study_registered"
    assert entry.detail["signed"]["subject"].endswith("|ana")
    assert check_register(workspace) == ()
    with pytest.raises(UsageError, match="already locked as it is"):
        door.preview(ANA, "register_study", {"plan": "pilot"})
    with pytest.raises(UsageError, match="only grows"):
        door.undo(ANA, "token-0002")


def test_a_remark_on_a_locked_plan_has_an_entry_of_its_own(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.apply(ANA, "plan_study", PLAN, token="token-0001")
    door.apply(
        *(ANA, "register_study", {"plan": "pilot"}), token="token-0002", reason="Agreed"
    )
    entry = entry_of_token(workspace, "token-0002")
    assert entry is not None
    assert (entry.event, entry.detail["reason"]) == (ACTED, "Agreed")
    assert len(open_register(workspace).entries("pilot")) == 1


def test_a_plan_is_refused_in_the_words_of_its_file_and_never_written_over(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    with pytest.raises(SettingsError, match=r"the launch on 2097-01-01 lies outside"):
        door.preview(ANA, "plan_study", {**PLAN, "launch": "2097-01-01"})
    door.apply(ANA, "plan_study", PLAN, token="token-0001")
    with pytest.raises(UsageError, match=r"There is a plan studies/pilot\.yml"):
        door.preview(ANA, "plan_study", PLAN)
    door.undo(ANA, "token-0001")
    assert not (workspace.studies_dir / "pilot.yml").exists()


def test_a_history_says_what_each_length_would_find_before_it_is_locked(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    history = measured_before_the_launch()
    plan = {**PLAN, "start": "2097-09-03", "end": "2098-05-09"}
    preview = door.preview(ANA, "plan_study", {**plan, "history": history})
    assert "8 days, until 2098-05-09: 80 % power to detect" in preview.says
    assert "16 days, until 2098-05-17: 80 % power to detect" in preview.says
    with pytest.raises(UsageError, match="The history lacks unit, outcome"):
        door.preview(ANA, "plan_study", {**plan, "history": b"date\n2097-09-01\n"})
    hopeless = {**plan, "minimum_effect": "0.000001"}
    door.apply(ANA, "plan_study", hopeless, token="token-0001")
    given: Given = {"plan": "pilot", "history": history}
    with pytest.raises(RefusedEstimateError, match="underpowered"):
        door.apply(ANA, "register_study", given, token="token-0002")
    assert open_register(workspace).entries("pilot") == []
    because = {**given, "low_power_because": "Nothing larger can be had"}
    door.apply(ANA, "register_study", because, token="token-0003")
    [locked] = open_register(workspace).entries("pilot")
    assert locked.low_power_reason == "Nothing larger can be had"


def test_no_viewer_plans_or_locks_a_study(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    vera = somebody("vera", "viewer")
    for name, given in (("plan_study", PLAN), ("register_study", {"plan": "pilot"})):
        with pytest.raises(NotAllowedError):
            door.apply(vera, name, given, token="token-0001")
    assert list(workspace.studies_dir.glob("*.yml")) == []


@pytest.mark.parametrize("name", ["{root}/triptych", "../triptych", "a/b", "..", "A b"])
def test_the_id_of_a_study_leads_to_no_other_file(
    workspace: Workspace, door: WorkspaceDoor, name: str
) -> None:
    before = (workspace.root / "triptych.yml").read_bytes()
    given = {**PLAN, "id": name.format(root=workspace.root)}
    with pytest.raises(UsageError, match="is not a study id"):
        door.preview(ANA, "plan_study", given)
    assert (workspace.root / "triptych.yml").read_bytes() == before
