"""Studies of a workspace: read with its settings, told to dbt, and checked first."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from attribution.studies.register import StudyRegister
from triptych.cli import app
from triptych.core.errors import SettingsError
from triptych.core.workspace import Workspace, initialise
from triptych.run.study_tables import (
    declared_of,
    studies_hash_content,
    studies_of,
    study_tables,
)

if TYPE_CHECKING:
    from pathlib import Path

ROLLOUT = """\
id: pilot
feature: copilot
outcome: tickets
outcome_unit: tickets
launch: 2026-03-01
window: {start: 2026-01-01, end: 2026-06-01}
period: month
rollout: {team-a: 2026-03-01, team-b: 2026-04-01}
"""
EXPERIMENT = """\
id: assistant
feature: assistant
outcome: minutes
outcome_unit: minutes
launch: 2026-03-01
window: {start: 2026-01-01, end: 2026-06-01}
controls: [visits, price]
unaffected_outcome: returns
assignment: {column: arm, unit: team, cluster: team_number, covariate: tenure}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return initialise(tmp_path / "w")


def write(workspace: Workspace, **files: str) -> None:
    for name, text in files.items():
        (workspace.studies_dir / f"{name}.yml").write_text(text, encoding="utf-8")


def tables_of(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    tables = study_tables(studies_of(workspace), locked={"pilot"})
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
    return {table.name: [tuple(row) for row in table.rows] for table in tables}


def check(workspace: Workspace, *options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", "-w", str(workspace.root), *options])
    return result.exit_code, result.stdout, result.stderr


def test_dbt_is_told_what_each_study_looks_at(workspace: Workspace) -> None:
    write(workspace, b=ROLLOUT, a=EXPERIMENT)
    window = (date(2026, 3, 1), date(2026, 1, 1), date(2026, 6, 1))
    assert tables_of(workspace) == {
        "studies": [
            ("assistant", "assistant", "minutes", "minutes", "day", *window, False),
            ("pilot", "copilot", "tickets", "tickets", "month", *window, True),
        ],
        "study_columns": [
            ("assistant", "visits", "control", "visits"),
            ("assistant", "price", "control", "price"),
            ("assistant", "returns", "unaffected_outcome", "returns"),
            # Its rows say it themselves: there is no such metric.
            ("assistant", "arm", "assignment", None),
            ("assistant", "team_number", "cluster", "team_number"),
            ("assistant", "tenure", "covariate", "tenure"),
        ],
        "study_units": [
            ("pilot", "team-a", date(2026, 3, 1)),
            ("pilot", "team-b", date(2026, 4, 1)),
        ],
    }


def test_a_locked_study_without_a_file_is_built_and_changes_what_a_build_is_made_of(
    workspace: Workspace,
) -> None:
    """``rm studies/pilot.yml``: the panel of the study is built all the same."""
    write(workspace, pilot=ROLLOUT)
    [plan] = studies_of(workspace)
    register = StudyRegister(workspace.study_register)
    register.register(plan, by="Ada", at=datetime(2026, 2, 1, tzinfo=UTC))
    before = studies_hash_content(declared_of(workspace))
    (workspace.studies_dir / "pilot.yml").unlink()
    [declared] = declared_of(workspace)
    [studies, _, units] = study_tables([declared.plan], locked={"pilot"})
    assert [row[0] for row in studies.rows] == ["pilot"]
    assert [row[1] for row in units.rows] == ["team-a", "team-b"]
    after = studies_hash_content(declared_of(workspace))
    assert (before[0][2:], after[0][2:]) == (
        ("REGISTERED", "none"),
        ("REGISTERED", "pending"),
    )
    _, printed, _ = check(workspace)
    assert "Its file is gone from studies/" in printed


def test_treated_units_start_with_the_launch(workspace: Workspace) -> None:
    text = ROLLOUT.replace(
        "rollout: {team-a: 2026-03-01, team-b: 2026-04-01}", "treated: [team-a]"
    )
    write(workspace, pilot=text)
    rows = tables_of(workspace)["study_units"]
    assert rows == [("pilot", "team-a", date(2026, 3, 1))]


def test_a_workspace_without_studies_has_empty_tables(workspace: Workspace) -> None:
    nothing: dict[str, list[tuple[object, ...]]] = {
        "studies": [],
        "study_columns": [],
        "study_units": [],
    }
    assert tables_of(workspace) == nothing
    workspace.studies_dir.rmdir()
    assert tables_of(workspace) == nothing
    assert studies_hash_content(declared_of(workspace)) == []


def test_all_that_is_wrong_with_studies_is_told_at_once_with_lines(
    workspace: Workspace,
) -> None:
    write(
        workspace,
        a=ROLLOUT,
        b=ROLLOUT.replace("period: month", "period: fortnight\nlaunched: yes"),
        c="# the same study\n" + ROLLOUT,
        d="id: [",
    )
    with pytest.raises(SettingsError) as caught:
        studies_of(workspace)
    lines = caught.value.located.splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "studies/b.yml:7:",
        "studies/b.yml:8:",
        "studies/c.yml:2:",
        "studies/d.yml:1:",
    ]
    assert "also in studies/a.yml" in lines[2]


def test_check_names_the_state_of_each_study(workspace: Workspace) -> None:
    (workspace.root / "triptych.yml").write_text(
        "organisation: Example\ncurrency: EUR\nsources: []\n", encoding="utf-8"
    )
    write(workspace, pilot=ROLLOUT)
    code, printed, _ = check(workspace)
    assert code == 0
    assert "study pilot: EXPLORATORY" in printed
    told = json.loads(check(workspace, "--json")[1])["studies"]
    assert [(one["study"], one["state"]) for one in told] == [("pilot", "EXPLORATORY")]


@pytest.mark.parametrize("command", ["check", "build", "ingest", "run"])
def test_an_invalid_study_ends_with_2_before_a_run_is_on_record(
    workspace: Workspace, command: str
) -> None:
    write(workspace, pilot=ROLLOUT.replace("2026-03-01\nwindow", "soon\nwindow"))
    result = CliRunner().invoke(app, [command, "-w", str(workspace.root)])
    assert result.exit_code == 2
    assert "studies/pilot.yml:5:" in result.stderr
    assert not list(workspace.runs_dir.glob("*/run.json"))


def test_a_register_that_was_changed_by_hand_stops_a_run(workspace: Workspace) -> None:
    write(workspace, pilot=ROLLOUT)
    workspace.study_register.write_text('{"study_id": "pilot"}\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["build", "-w", str(workspace.root)])
    assert result.exit_code == 2
    assert "register.jsonl:1" in result.stderr
