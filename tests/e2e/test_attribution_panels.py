"""Outcomes as they are delivered become the panels that studies are estimated from."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from attribution import Refusal, estimate
from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plans
from benchmarks.frozen_worlds.newcomers import newcomer
from tests.e2e.cases.panel_case import SOURCES, write_panel_case
from triptych.cli import app
from triptych.core.explanation.documentation import explainable_columns
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import read_history
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import build, ingest, inputs_of

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from triptych.core.warehouse.reader import Snapshot

Row = dict[str, Any]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with two studies, built once."""
    root = tmp_path_factory.mktemp("panels")
    write_panel_case(root)
    opened = Workspace(root)
    settings = load_settings(root)
    for source in SOURCES:
        ingest(opened, settings, sources=[source], progress=SilentProgress())
    build(opened, settings, progress=SilentProgress())
    return opened


@pytest.fixture(scope="module")
def published(workspace: Workspace) -> Snapshot:
    """Return what was published."""
    return PublishedReader(workspace.root).snapshot()


def rows_of(published: Snapshot, sql: str) -> list[Row]:
    rows: list[Row] = published.query(sql).to_pylist()
    return rows


def test_a_metric_has_the_value_of_the_newest_load_and_then_the_greatest(
    published: Snapshot,
) -> None:
    found = rows_of(
        published,
        "SELECT unit, value, source FROM outcomes.fct_daily_outcomes"
        " WHERE metric = 'sales' AND outcome_date >= '2026-03-03' ORDER BY ALL",
    )
    assert [(row["unit"], row["value"], row["source"]) for row in found] == [
        ("mitte", 118.5, "erp"),
        ("mitte", 130.0, "crm"),
        ("wedding", 70.0, "crm"),
        ("wedding", 81.0, "crm"),
    ]


def test_what_does_not_count_is_a_data_quality_issue_and_what_cannot_be_is_refused(
    published: Snapshot,
) -> None:
    """120 of mitte and 80 of wedding do not count; infinity is no value."""
    [issue] = rows_of(published, "FROM core.mart_data_quality_issues")
    assert (issue["rule_id"], issue["source"], issue["billing_month"]) == (
        *("O1", "crm", "2026-03"),
    )
    assert (issue["row_count"], issue["affected_billed_cost"]) == (2, None)
    refused = rows_of(
        published,
        "SELECT source, reason, row_count FROM core.mart_quarantine_reasons"
        " ORDER BY source",
    )
    assert [tuple(row.values()) for row in refused] == [
        ("crm", "not_finite", 1),
        ("post", "more_automated_than_done", 1),
    ]


def test_a_panel_has_every_unit_on_every_day_and_its_gaps_as_rows(
    published: Snapshot,
) -> None:
    panel = rows_of(
        published,
        "SELECT unit, panel_date, outcome, outcome_unit, is_gap, is_post"
        " FROM outcomes.mart_attribution_panel WHERE study_id = 'shop-assistant'"
        " ORDER BY unit, panel_date",
    )
    first = date(2026, 3, 1)
    assert [(row["unit"], row["panel_date"]) for row in panel] == [
        (unit, first + timedelta(days=day))
        for unit in ("mitte", "wedding")
        for day in range(4)
    ]
    assert [row["outcome"] for row in panel] == [
        *(100.0, 110.0, 118.5, 130.0),
        *(50.0, None, 70.0, 81.0),
    ]
    assert [row["is_gap"] for row in panel].index(True) == 5
    assert {row["outcome_unit"] for row in panel if not row["is_gap"]} == {"EUR"}
    assert [row["is_post"] for row in panel] == [False] * 6 + [True] * 2


def test_a_covariate_of_the_company_stands_beside_every_unit(
    published: Snapshot,
) -> None:
    """Nothing of weather was delivered, so it has no row that would look like a gap."""
    found = rows_of(
        published,
        "SELECT column_name, unit, list(value ORDER BY panel_date) AS values"
        " FROM outcomes.mart_attribution_covariates"
        " WHERE study_id = 'shop-assistant' GROUP BY ALL ORDER BY ALL",
    )
    prices = [1.0, 1.0, 0.9, 0.9]
    assert [(row["column_name"], row["unit"], row["values"]) for row in found] == [
        ("arm", "mitte", [0.0] * 4),
        ("arm", "wedding", [1.0, None, 1.0, 1.0]),
        ("price_index", "mitte", prices),
        ("price_index", "wedding", prices),
    ]


def test_a_counted_process_is_a_study_of_minutes_per_item(published: Snapshot) -> None:
    """650 minutes of 100 letters are 6.5; 130 of 80 are 1.625."""
    panel = rows_of(
        published,
        "SELECT unit, outcome, outcome_unit, is_post"
        " FROM outcomes.mart_attribution_panel WHERE study_id = 'letter-reading'"
        " ORDER BY panel_date",
    )
    assert [tuple(row.values()) for row in panel] == [
        ("all", 6.5, "minutes", False),
        ("all", 1.625, "minutes", True),
    ]
    counts = rows_of(
        published,
        "SELECT column_name, sum(value) AS total"
        " FROM outcomes.mart_attribution_covariates"
        " WHERE study_id = 'letter-reading' GROUP BY ALL ORDER BY ALL",
    )
    assert {row["column_name"]: row["total"] for row in counts} == {
        "automated_volume": 60.0,
        "handling_minutes": 780.0,
        "volume": 180.0,
    }


def test_a_panel_is_the_frame_that_an_estimate_is_asked_of(
    workspace: Workspace, published: Snapshot
) -> None:
    """So the study says in the estimator's own words which column was not delivered."""
    [_, plan] = read_plans(workspace.studies_dir)
    panel = published.query(
        "SELECT unit, panel_date AS date, outcome, outcome_unit"
        " FROM outcomes.mart_attribution_panel WHERE study_id = 'shop-assistant'"
    ).to_pandas()
    covariates = published.query(
        "SELECT unit, panel_date AS date, column_name, value"
        " FROM outcomes.mart_attribution_covariates WHERE study_id = 'shop-assistant'"
    ).to_pandas()
    wide = covariates.pivot_table(
        index=["unit", "date"], columns="column_name", values="value", dropna=False
    )
    frame = panel.merge(wide.reset_index(), on=["unit", "date"], how="left")
    found = estimate(pd.DataFrame(frame), plan)
    assert isinstance(found, Refusal)
    assert found.code == "panel_columns_missing"
    assert found.message.startswith("The data has no column 'weather'")


def test_what_studies_found_is_explained_by_the_name_that_it_is_published_by(
    published: Snapshot,
) -> None:
    found = {one.mart for one in explainable_columns(published, "attribution.")}
    names = ("checks", "contributions", "counterfactuals", "estimates", "sensitivity")
    assert found == {f"attribution.{name}" for name in (*names, "studies")}


def test_a_run_knows_of_which_plans_it_was_made(
    workspace: Workspace, published: Snapshot
) -> None:
    settings, history = load_settings(workspace.root), read_history(workspace)
    assert inputs_of(workspace, settings, history) == published.inputs_hash
    path = workspace.studies_dir / "shops.yml"
    text = path.read_text(encoding="utf-8")
    changed = set()
    for more in ("minimum_effect: 5\n", "minimum_effect: 6\n"):
        path.write_text(text + more, encoding="utf-8")
        changed.add(inputs_of(workspace, settings, history))
    path.write_text(text, encoding="utf-8")
    assert len(changed | {published.inputs_hash}) == 3


def test_a_locked_plan_makes_what_is_published_outdated(
    workspace: Workspace, published: Snapshot
) -> None:
    """Its estimate may call itself otherwise from then on."""
    [letters, _] = read_plans(workspace.studies_dir)
    register = StudyRegister(workspace.study_register)
    register.register(letters, by="Ana", at=datetime(2026, 2, 1, tzinfo=UTC))
    assert register.state_of(letters) == "REGISTERED"
    settings, history = load_settings(workspace.root), read_history(workspace)
    try:
        assert inputs_of(workspace, settings, history) != published.inputs_hash
    finally:
        workspace.study_register.unlink()


def test_a_plan_is_suggested_from_delivered_outcomes_and_answers(
    tmp_path: Path,
) -> None:
    """Of 20 regions one got the feature: six commands from a file to an effect."""
    company = newcomer(17)
    started = pd.Series(company.starts).reindex(company.frame["unit"]).to_numpy()
    rows = company.frame.rename(columns={"date": "outcome_date", "outcome": "value"})
    rows["is_treated"] = rows["outcome_date"] >= pd.to_datetime(started)
    rows = rows.assign(metric="cases", unit_of_measure="cases", feature_id="pilot")
    rows.to_csv(tmp_path / "cases.csv", index=False)
    source = "{name: cases, type: tables, stream: outcomes, path: cases.csv}"
    settings = f"organisation: Example\ncurrency: EUR\nsources:\n  - {source}\n"
    (tmp_path / "triptych.yml").write_text(settings, "utf-8")

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-w", str(tmp_path)])

    assert called("run").exit_code == 0
    unknown = called("study", "suggest", "calls")
    assert unknown.exit_code == 2
    assert "Name one of: cases." in unknown.output
    suggested = called("study", "suggest", "cases", "--write")
    assert suggested.exit_code == 0, suggested.output
    assert "synthetic_control" in suggested.output
    answered = called("attribute", "pilot-cases", "--json")
    assert answered.exit_code == 0, answered.output
    [found] = json.loads(answered.stdout)["studies"]
    [plan] = read_plans(tmp_path / "studies")
    treated = company.frame[company.frame["unit"].isin(company.starts)]
    days = treated["date"].between(
        pd.Timestamp(plan.launch), pd.Timestamp(plan.window.end), inclusive="left"
    )
    truth = company.truth(plan.window.end) / days.sum()
    assert found["effect_low_90"] < truth < found["effect_high_90"]
