"""A scenario is changed by its numbers: comments stay, figures come with the preview.

September by hand: eta costs 1,460 a month. At half its price 730 a month are saved, at
three quarters 365; over 12 months without interest 8,760 and 4,380.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dashboard.pages.scenarios import forms
from tests.triptych.acts.test_door import ANA, somebody
from tests.triptych.cli.test_scenario_command import workspace
from triptych.acts.door import ACTED, NotAllowedError, WorkspaceDoor
from triptych.acts.file_edits import WRITTEN
from triptych.acts.tokens import entry_of_token
from triptych.core.errors import SettingsError, UsageError
from triptych.core.warehouse.scenario_results import ScenarioStore

if TYPE_CHECKING:
    from triptych.core.workspace import Workspace

__all__ = ["workspace"]

SAVED = 12 * 730.0
FILE = """\
name: Half
horizon_months: 12
run_rate_months: 1
# What the vendor offers.
changes:
  - kind: price
    match: {feature: eta}
    factor: {value: 0.5, low: 0.4, high: 0.6}   # by word of mouth
  - kind: discount
    match: {feature: chat}
    ratio: 0
"""


@pytest.fixture
def door(workspace: Workspace) -> WorkspaceDoor:
    workspace.scenarios_dir.mkdir(exist_ok=True)
    (workspace.scenarios_dir / "half.yml").write_text(FILE)
    return WorkspaceDoor(workspace.root)


def test_each_number_has_a_dial_with_its_bounds(door: WorkspaceDoor) -> None:
    dials = door.dials(ANA, "change_scenario", {"start": "half"})
    assert [(d.name, d.value, d.least, d.most, d.step) for d in dials] == [
        ("horizon_months", 12, 1, 120, 1),
        ("changes.0.factor", 0.5, 0.01, 1.0, 0.005),
        ("changes.1.ratio", 0.0, 0.0, 1.0, 0.01),
    ]
    assert dials[1].label == "Price eta: factor"


def test_a_clone_has_other_numbers_with_its_interval_and_every_comment(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {
        "start": "half",
        "file": "three_quarters",
        "name": "Three quarters",
        "values": "changes.0.factor = 0.75\nchanges.1.ratio = 0.1",
    }
    preview = door.preview(ANA, "change_scenario", given)
    assert preview.result is not None
    summary = preview.result["summary"]
    assert summary["npv_difference"] == pytest.approx(SAVED / 2, rel=0.15)
    assert list(workspace.scenario_results.glob("*.json")) == []
    door.apply(
        *(ANA, "change_scenario", given),
        token="token-0001",
        fingerprint=preview.fingerprint,
    )
    text = FILE
    for before, after in (
        ("name: Half", "name: Three quarters"),
        ("value: 0.5, low: 0.4, high: 0.6", "value: 0.75, low: 0.6, high: 0.9"),
        ("ratio: 0\n", "ratio: 0.1\n"),
    ):
        text = text.replace(before, after)
    assert (workspace.scenarios_dir / "three_quarters.yml").read_text() == text
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["act"]) == (WRITTEN, "change_scenario")
    assert entry.detail["signed"]["subject"].endswith("|ana")
    door.undo(ANA, "token-0001")
    assert not (workspace.scenarios_dir / "three_quarters.yml").exists()


def test_the_scenario_itself_is_changed_and_no_other_one(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    (workspace.scenarios_dir / "other.yml").write_text(FILE)
    given = {"start": "half", "file": "half", "values": "horizon_months = 24"}
    [change] = door.preview(ANA, "change_scenario", given).changes
    changed = [line for line in change.diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-horizon_months: 12", "+horizon_months: 24"]
    with pytest.raises(UsageError, match="There is a scenario 'other' already"):
        door.preview(ANA, "change_scenario", {**given, "file": "other"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("changes.0.factor: 2", "sets no value"),
        ("changes.0.factor = 1.2.3", "sets no value"),
        ("changes.7.factor = 2", "has no 'changes.7.factor'"),
        ("changes.1.ratio = 1.5", "is a part of 1"),
    ],
)
def test_what_no_dial_says_is_refused(
    door: WorkspaceDoor, values: str, message: str
) -> None:
    given = {"start": "half", "file": "x", "values": values}
    with pytest.raises((UsageError, SettingsError), match=message):
        door.preview(ANA, "change_scenario", given)


def test_a_scenario_is_run_once_and_signed(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    for _ in range(2):
        door.apply(ANA, "run_scenario", {"file": "half"}, token="token-0001")
    [result] = ScenarioStore(workspace.scenario_results).all()
    assert (result["name"], result["author"]) == ("Half", "Ana")
    assert result["summary"]["npv_difference"] == pytest.approx(SAVED, rel=0.02)
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["act"]) == (ACTED, "run_scenario")
    with pytest.raises(UsageError, match="only grows"):
        door.undo(ANA, "token-0001")


def test_neither_engineering_nor_a_viewer_changes_or_runs_one(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {"start": "half", "file": "half", "values": ""}
    for role in ("engineering", "viewer"):
        for name in ("change_scenario", "run_scenario", "save_scenario"):
            with pytest.raises(NotAllowedError):
                door.apply(somebody("x", role), name, given, token="token-0009")
        with pytest.raises(NotAllowedError):
            door.dials(somebody("x", role), "change_scenario", given)
    assert (workspace.scenarios_dir / "half.yml").read_text() == FILE


def test_a_small_value_may_have_an_exponent(door: WorkspaceDoor) -> None:
    given = {"start": "half", "file": "x", "values": "changes.1.ratio = 4e-05"}
    [change] = door.preview(ANA, "change_scenario", given).changes
    assert "ratio: 4e-05" in change.diff or "ratio: 0.00004" in change.diff


def test_a_scenario_called_as_its_author_likes_is_changed_and_cloned(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    (workspace.scenarios_dir / "Plan B v1.2.yml").write_text(FILE)
    given = {"start": "Plan B v1.2", "values": "horizon_months = 24"}
    for name in ("Plan B v1.2", "plan_b_v1_2_2"):
        preview = door.preview(ANA, "change_scenario", {**given, "file": name})
        assert preview.result is not None
    with pytest.raises(UsageError, match="is not the name of a scenario"):
        door.preview(ANA, "change_scenario", {**given, "file": "Plan C"})
    assert forms._free_name("Plan B v1.2", ["plan_b_v1_2_2"]) == "plan_b_v1_2_3"


def test_numbers_of_sliders_are_written_without_an_exponent() -> None:
    assert [forms._written(n) for n in (4e-05, 12.0, 0.1, 100.0)] == [
        *("0.00004", "12", "0.1", "100"),
    ]
