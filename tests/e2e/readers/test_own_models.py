"""A workspace's own dbt models are built, tested, published, explained and exported.

What fails of them is left out and said so; the marts are published all the same. The
amounts are those of ``explained_case``.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from tests.e2e.cases.explained_case import copy_of_explained_company, explained
from triptych.cli import app
from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.settings import load_settings
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.conftest import BuiltWorkspaces

COSTS = """\
SELECT billing_month, model_id, currency,
  CAST(sum(effective_cost) AS DECIMAL(28, 10)) AS effective_cost,
  CAST(sum(effective_cost) * 2 AS DECIMAL(28, 10)) AS doubled_cost
FROM {{ source('cost', 'fct_daily_model_costs') }}
WHERE model_id IS NOT NULL GROUP BY ALL
"""
DEAREST = """\
{{ config(materialized='view') }}
SELECT billing_month, currency, max(effective_cost) AS highest_cost
FROM {{ ref('costs_by_model') }} GROUP BY ALL
"""
DESCRIBED = """\
models:
  - name: costs_by_model
    description: "What each model costs in a month."
    meta: {grain: one row per billing_month per model_id per currency}
    columns:
      - {name: model_id, data_tests: [not_null]}
      - name: effective_cost
        description: "Effective cost, direct and shared."
  - name: broken
    columns: [{name: model_id, data_tests: [unique]}]
  - name: removed
    columns: [{name: model_id, data_tests: [unique]}]
"""
#: Each fails in another way; with what must be said of it.
FAILING = {
    "broken": (
        "SELECT model_id FROM {{ ref('costs_by_model') }} UNION ALL"
        " SELECT model_id FROM {{ ref('costs_by_model') }}",
        "rows fail it",
    ),
    "divided": (
        "SELECT CAST('x' || model_id AS INTEGER) AS n FROM {{ ref('costs_by_model') }}",
        "Could not convert",
    ),
    "undeclared": ("SELECT * FROM cost.mart_invoices", "by its name"),
    "intermediate": ("SELECT * FROM draft.lineage.models", "by its name"),
    "reading_files": ("SELECT * FROM read_text('triptych.yml')", "reads tables only"),
    "writing_files": ("COPY (SELECT 1) TO 'out.csv'", "not one query that reads"),
    "several": ("SELECT 1 AS a; SELECT 2 AS a", "not one query that reads"),
}


@pytest.fixture(scope="module")
def root(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a workspace with models that hold and models that fail, after a run."""
    folder = tmp_path_factory.mktemp("own_models") / "workspace"
    copy_of_explained_company(built_workspaces, folder)
    models = folder / "models"
    models.mkdir()
    with (folder / "triptych.yml").open("a", encoding="utf-8") as settings:
        settings.write("own_models: {folder: models}\nbi: {formats: [parquet]}\n")
    for name, text in {
        "costs_by_model": COSTS,
        "dearest": DEAREST,
        **{name: text for name, (text, _) in FAILING.items()},
        "after_broken": "SELECT count(*) AS n FROM {{ ref('broken') }}",
    }.items():
        (models / f"{name}.sql").write_text(text, "utf-8")
    (models / "described.yml").write_text(DESCRIBED, "utf-8")
    assert invoke(folder, "run").exit_code == 0
    return folder


def invoke(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-w", str(root)])


def correct(models: Path) -> None:
    """Correct one of the models that fail, and remove the others."""
    (models / "divided.sql").write_text(
        "SELECT 7 AS n FROM {{ ref('dearest') }} LIMIT 1", "utf-8"
    )
    for name in {*FAILING, "after_broken"} - {"divided"}:
        (models / f"{name}.sql").unlink(missing_ok=True)
    described = DESCRIBED.partition("  - name: broken")[0]
    (models / "described.yml").write_text(described, "utf-8")


def own_failures(root: Path) -> list[str]:
    """Return what health says of the models of a workspace."""
    reasons = judge(Workspace(root), load_settings(root)).reasons
    return [reason for reason in reasons if reason.startswith("Your model")]


def test_a_model_is_built_on_the_marts_of_its_run_and_published(root: Path) -> None:
    snapshot = PublishedReader(root).snapshot()
    rows = snapshot.query(
        "SELECT model_id, currency, CAST(effective_cost AS VARCHAR) AS cost"
        " FROM own.costs_by_model WHERE billing_month = '2026-03' ORDER BY model_id"
    ).to_pylist()
    assert rows == [
        {"model_id": "eta", "currency": "EUR", "cost": "165.5000000000"},
        {"model_id": "iota", "currency": "EUR", "cost": "27.5000000000"},
    ]
    [highest] = snapshot.query(
        "SELECT CAST(highest_cost AS VARCHAR) AS cost FROM own.dearest"
        " WHERE billing_month = '2026-03'"
    ).to_pylist()
    assert highest["cost"] == "165.5000000000"


def test_what_fails_is_left_out_with_all_that_is_made_of_it(root: Path) -> None:
    tables = PublishedReader(root).snapshot().tables()
    assert [name for name in tables if name.startswith("own.")] == [
        *("own.costs_by_model", "own.dearest"),
    ]
    reasons = own_failures(root)
    for name, (_, why) in FAILING.items():
        [line] = [each for each in reasons if name in each]
        assert why in line
        assert "All else is published." in line
    assert (
        "Your model unique_removed_model_id: It is about a model that is not there."
        " All else is published." in reasons
    )
    assert not (root / "out.csv").exists()


def test_a_figure_of_it_is_explained_down_to_the_evidence(root: Path) -> None:
    told = explained(
        root, "own.costs_by_model/effective_cost?billing_month=2026-03&model_id=eta"
    )
    again = told["rederivation"]
    assert told["value"] == again["value"] == "165.5000000000"
    assert (again["method"], again["is_equal"]) == ("models run again", True)
    assert told["description"] == "Effective cost, direct and shared."
    assert told["nodes"][0] == "own.costs_by_model"
    assert "staging.stg_focus__charges" in told["nodes"]
    undocumented = explained(root, "own.dearest/highest_cost?billing_month=2026-03")
    assert undocumented["rederivation"]["is_equal"]


def test_it_is_exported_and_only_finance_sees_it(root: Path) -> None:
    out = root / "exported"
    assert invoke(root, "export", "table", "own.dearest", "-o", str(out)).exit_code == 0
    [file] = out.rglob("*.csv") if out.is_dir() else [out]
    assert "165.5" in file.read_text("utf-8")
    assert (root / "published" / "current" / "own" / "dearest.parquet").is_file()
    gate = Gate(root)
    assert "own.dearest" in gate.snapshot(Viewer("finance")).tables()
    for viewer in (Viewer("analyst"), Viewer("viewer"), Viewer("finance", ("c1",))):
        with pytest.raises(duckdb.CatalogException, match="does not exist"):
            gate.snapshot(viewer).query("FROM own.dearest")


def test_only_what_changed_is_built_and_a_corrected_model_appears(root: Path) -> None:
    assert json.loads(invoke(root, "run", "--json").stdout)["build"]["is_unchanged"]
    correct(root / "models")
    assert invoke(root, "run").exit_code == 0
    rows = PublishedReader(root).snapshot().query("FROM own.divided").to_pylist()
    assert rows == [{"n": 7}]
    assert own_failures(root) == []


@pytest.mark.full
def test_dbt_builds_and_documents_them_by_hand(root: Path, tmp_path: Path) -> None:
    correct(root / "models")
    assert invoke(root, "run").exit_code == 0
    project = tmp_path / "by_hand"
    arguments = ("own-models", "project", str(project), "--with-metrics")
    assert invoke(root, *arguments).exit_code == 0
    for command in (["build"], ["docs", "generate"]):
        finished = subprocess.run(
            [*python_module("dbt.cli.main"), *command, "--profiles-dir", "."],
            cwd=project,
            env=isolated_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert finished.returncode == 0, finished.stdout
    catalogue = json.loads((project / "target" / "catalog.json").read_text("utf-8"))
    assert "model.own.dearest" in catalogue["nodes"]
    assert "source.own.cost.fct_daily_model_costs" in catalogue["sources"]
    known = json.loads((project / "target" / "semantic_manifest.json").read_text())
    metrics = {metric["name"]: metric["description"] for metric in known["metrics"]}
    assert {"ai_cost", "cost_per_request", "net_value"} <= metrics.keys()
    assert all(metrics.values())
