"""``triptych attribute``: from delivered outcomes and plans to published studies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.attribution.studies_for_tests import trial_study
from tests.dbt.conftest import build_empty_workspace
from triptych.cli import app
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.conftest import BuiltWorkspaces

#: Tickets a day that each team with the feature really gained.
PLANTED = 12.0
SETTINGS = """\
organisation: Example
currency: EUR
attribution: {seed: 3, processes: 1}
sources:
  - {name: outcomes, type: tables, stream: outcomes, path: outcomes.csv}
"""
PLAN = """\
feature: a-feature-that-no-catalogue-knows
outcome: resolved_tickets
outcome_unit: tickets
launch: 2024-01-09
window: {start: 2024-01-01, end: 2024-01-13}
minimum_effect: 4
decision_rule: {level: 0.9, text: keep it if the interval is above zero}
"""
PILOT = PLAN + "id: pilot\nassignment: {column: is_treated, unit: team}\n"
SHORT = PLAN + "id: short\ntreated: [team-01]\ndesign: counterfactual_series\n"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def workspace(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """Return a workspace with an experiment of 12 teams and a study that is refused."""
    folder = tmp_path_factory.mktemp("attribute") / "workspace"
    made = Workspace(
        built_workspaces.copy("empty_workspace", build_empty_workspace, folder)
    )
    made.settings_file.write_text(SETTINGS)
    frame, _ = trial_study(effect=PLANTED)
    lines = ["date,metric,unit,value,unit_of_measure,is_treated"]
    for _, unit, day, value, arm in frame[
        ["unit", "date", "outcome", "arm"]
    ].itertuples():
        is_treated = "true" if arm else "false"
        lines.append(
            f"{day:%Y-%m-%d},resolved_tickets,{unit},{value!r},tickets,{is_treated}"
        )
    (made.root / "outcomes.csv").write_text("\n".join(lines) + "\n")
    made.studies_dir.mkdir()
    (made.studies_dir / "pilot.yml").write_text(PILOT)
    (made.studies_dir / "short.yml").write_text(SHORT)
    return made


@pytest.fixture(scope="module")
def ran(workspace: Workspace) -> dict[str, Any]:
    result = invoke("run", "-w", workspace.root, "--json")
    assert result.exit_code == 0, result.stderr
    build: dict[str, Any] = json.loads(result.stdout)["build"]
    return build


@pytest.fixture(scope="module")
def asked_alone(workspace: Workspace, ran: dict[str, Any]) -> Result:
    assert ran
    return invoke("attribute", "short", "-w", workspace.root, "--json")


def ask(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    result = invoke("sql", sql, "-w", workspace.root, "--format", "json")
    assert result.exit_code == 0, result.stderr
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_a_run_estimates_every_study_that_has_a_plan(ran: dict[str, Any]) -> None:
    assert ran["studies"] == {"pilot": "estimated", "short": "refused"}


def test_the_published_effect_holds_what_was_planted(
    workspace: Workspace, ran: dict[str, Any]
) -> None:
    assert ran["run_id"]
    (row,) = ask(
        workspace,
        "SELECT effect_low_90, effect_high_90, grade, verdict, state, seed"
        " FROM attribution.estimates JOIN attribution.studies"
        " USING (study_id, grade, seed)"
        " WHERE study_id = 'pilot' AND estimand = 'average'",
    )
    assert row["effect_low_90"] < PLANTED < row["effect_high_90"]
    assert (row["verdict"], row["state"]) == ("positive", "EXPLORATORY")
    assert row["grade"] == "C"  # A at best, and nobody locked it


def test_a_study_that_is_asked_for_alone_and_refused_ends_with_5(
    asked_alone: Result,
) -> None:
    """8 days of history, where 60 are the least."""
    assert asked_alone.exit_code == 5
    assert "8 days before the launch" in asked_alone.stderr
    assert "60 are needed" in asked_alone.stderr
    assert "pre_period_too_short" in asked_alone.stderr
    assert "Shorten the horizon, or wait for more history." in asked_alone.stderr
    (study,) = json.loads(asked_alone.stdout)["studies"]
    assert study["study_id"] == "short"
    assert study["effect"] is None


def test_nothing_is_fitted_again_and_the_other_study_stays_published(
    workspace: Workspace, ran: dict[str, Any], asked_alone: Result
) -> None:
    told = json.loads(asked_alone.stdout)
    assert told["run_id"] != ran["run_id"]
    assert [study["is_new"] for study in told["studies"]] == [False]
    rows = ask(workspace, "SELECT study_id, status FROM attribution.studies ORDER BY 1")
    assert rows == [
        {"study_id": "pilot", "status": "estimated"},
        {"study_id": "short", "status": "refused"},
    ]


def test_a_study_without_a_plan_ends_with_2_and_those_that_have_one_are_named(
    workspace: Workspace,
) -> None:
    result = invoke("attribute", "pilto", "-w", workspace.root)
    assert result.exit_code == 2
    assert "There is no study 'pilto'. Known studies: pilot, short." in result.stderr


def test_the_status_counts_studies(workspace: Workspace, ran: dict[str, Any]) -> None:
    assert ran
    assert (
        "Studies: 1 estimated, 1 refused"
        in invoke("status", "-w", workspace.root).stdout
    )


def test_a_published_run_holds_the_draws_that_scenarios_start_from(
    workspace: Workspace, ran: dict[str, Any]
) -> None:
    """A thousand worlds of the one month; their mean is the published total."""
    assert ran["run_id"]
    (draws,) = ask(
        workspace,
        "SELECT study_id, count(*) AS count, avg(effect) AS effect"
        " FROM lineage.attribution_monthly_draws GROUP BY study_id",
    )
    (total,) = ask(
        workspace,
        "SELECT effect FROM attribution.estimates"
        " WHERE study_id = 'pilot' AND estimand = 'total'",
    )
    assert (draws["study_id"], draws["count"]) == ("pilot", 1000)
    assert draws["effect"] == pytest.approx(total["effect"], rel=0.01)


def test_a_scenario_on_a_run_without_a_whole_month_says_what_is_missing(
    workspace: Workspace, ran: dict[str, Any]
) -> None:
    assert ran["run_id"]
    file = workspace.root / "scenario.yml"
    file.write_text("name: x\nhorizon_months: 6\nauthor: Somebody\n")
    result = invoke("scenario", "run", file, "-w", workspace.root)
    assert result.exit_code == 2
    assert "no month that all sources have delivered whole" in result.stderr
