"""Builds and tests the marts on the embedded engine."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.dbt_commands import (
    FIRST_HALF,
    TransformOutcome,
    as_error,
    dbt_project_dir,
    project_fingerprint,
    read_outcome,
    run_dbt,
)
from triptych.warehouse.build import (
    BuildPlan,
    ControlTable,
    mark_built,
    plan_build,
    write_control,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from triptych.progress import Task
    from triptych.workspace import Workspace


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the embedded engine may use."""

    memory_limit: str
    threads: int


def build_marts(
    workspace: Workspace,
    *,
    tables: Sequence[ControlTable],
    recipe: Mapping[str, object],
    engine: EngineSettings,
    run_dir: Path,
    task: Task,
) -> TransformOutcome:
    """Build and test every model for the months whose evidence changed.

    Parameters
    ----------
    workspace : Workspace
        Where the databases are.
    tables : sequence of ControlTable
        Settings, catalogue and rules for dbt.
    recipe : mapping
        What decides the figures besides evidence; see :func:`plan_build`.
    engine : EngineSettings
        Memory and threads.
    run_dir : Path
        Folder of this run, for dbt's log.
    task : Task
        Progress; advanced once per model and test.

    Raises
    ------
    TransformError
        A model or a test of severity ``error`` failed; what is published stands.
    """
    project = dbt_project_dir()
    plan = plan_build(
        workspace.build_database,
        workspace.raw_database,
        recipe={**recipe, "dbt_project": project_fingerprint(project)},
    )
    task.note(_describe(plan))
    write_control(workspace.build_database, tables, plan=plan)
    outcome = run_on_duckdb(
        workspace,
        FIRST_HALF,
        engine=engine,
        run_dir=run_dir,
        task=task,
    )
    mark_built(workspace.build_database, plan)
    return outcome


def _describe(plan: BuildPlan) -> str:
    if plan.is_full:
        return f"building all {len(plan.months_to_build)} billing months"
    if not plan.months_to_build:
        return "no billing month changed"
    return f"building {', '.join(plan.months_to_build)}"


def run_on_duckdb(
    workspace: Workspace,
    arguments: Sequence[str],
    *,
    engine: EngineSettings,
    run_dir: Path,
    task: Task,
    target_name: str = "dbt",
) -> TransformOutcome:
    """Run a dbt command on the build database.

    Parameters
    ----------
    workspace, arguments
        Where, and what after the program name.
    engine : EngineSettings
        Memory and threads.
    run_dir : Path
        Folder of this run, for dbt's log.
    task : Task
        Progress; advanced once per model and test.
    target_name : str
        Folder below the warehouse for what dbt leaves behind, such as its manifest.

    Raises
    ------
    TransformError
        The command failed.
    """
    project = str(dbt_project_dir())
    target = workspace.warehouse_dir / target_name
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "triptych.dbt_process", "--log-format", "json"),
        *("--log-path", str(run_dir / "dbt"), *arguments),
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(target)),
    ]
    output = run_dbt(command, _environment(workspace, engine), task)
    outcome = read_outcome(results)
    if output.return_code != 0:
        raise as_error(outcome, output)
    return outcome


def _environment(workspace: Workspace, engine: EngineSettings) -> dict[str, str]:
    return {
        **os.environ,
        "TRIPTYCH_BUILD_DATABASE": str(workspace.build_database),
        "TRIPTYCH_RAW_DATABASE": str(workspace.raw_database),
        "TRIPTYCH_ROOT": str(workspace.root),
        "TRIPTYCH_MEMORY_LIMIT": engine.memory_limit,
        "TRIPTYCH_THREADS": str(engine.threads),
        "TRIPTYCH_SPILL_DIRECTORY": str(workspace.warehouse_dir / ".spill"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


__all__ = [
    "EngineSettings",
    "build_marts",
    "run_on_duckdb",
]
