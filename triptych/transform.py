"""Builds and tests the marts on the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.dbt_commands import (
    FIRST_HALF,
    TransformOutcome,
    dbt_project_dir,
    project_fingerprint,
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

    from triptych.dbt_on_duckdb import DbtOnDuckDB
    from triptych.progress import Task
    from triptych.workspace import Workspace


def build_marts(
    workspace: Workspace,
    *,
    tables: Sequence[ControlTable],
    recipe: Mapping[str, object],
    dbt: DbtOnDuckDB,
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
    dbt : DbtOnDuckDB
        dbt on the build database of that workspace.
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
    outcome = dbt.run(FIRST_HALF, task=task)
    mark_built(workspace.build_database, plan)
    return outcome


def _describe(plan: BuildPlan) -> str:
    if plan.is_full:
        return f"building all {len(plan.months_to_build)} billing months"
    if not plan.months_to_build:
        return "no billing month changed"
    return f"building {', '.join(plan.months_to_build)}"


__all__ = ["build_marts"]
