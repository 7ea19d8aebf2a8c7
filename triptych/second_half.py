"""The second half of a build: estimate from the marts, then join what was estimated.

The first half is dbt's, on whichever engine; its public marts stand in the build
database. Statistics read them there, and dbt builds the few marts that join their
results, on the embedded engine. Nothing is done again while nothing it starts from
has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from attribution.anomalies.line_items import Evidence
from attribution.cost_estimates import update_cost_estimates
from attribution.delivery_times import update_delivery_times
from attribution.platform_elasticities import update_platform_elasticities
from attribution.roi.return_estimates import update_returns
from attribution.study_estimates import StudyRequest, update_study_estimates
from triptych.dbt_commands import (
    SECOND_HALF,
    TransformOutcome,
    dbt_project_dir,
    project_fingerprint,
)
from triptych.warehouse.build import hash_of

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.cost_estimates import EstimateReport
    from attribution.study_estimates import StudyReport
    from triptych.dbt_on_duckdb import DbtOnDuckDB
    from triptych.progress import Progress
    from triptych.workspace import Workspace

#: Tables that the marts of the second half start from, besides the estimates.
_INPUTS = (
    "cost.mart_budget_variance",
    "cost.fct_daily_model_costs",
    "cost.fct_daily_service_costs",
    "core.mart_value_validations",
    "roi.mart_platform_measurements",
)
_STATE = "estimates.joined_from"
#: Apart from the first half, whose manifest has the SQL that figures are explained by.
_TARGET = "dbt_from_estimates"


@dataclass(frozen=True, slots=True)
class SecondHalf:
    """What the second half did."""

    estimates: EstimateReport
    studies: StudyReport
    transform: TransformOutcome


def build_from_estimates(
    workspace: Workspace,
    *,
    dbt: DbtOnDuckDB,
    studies: StudyRequest,
    progress: Progress,
) -> SecondHalf:
    """Estimate, and build and test the marts that join the estimates.

    Parameters
    ----------
    workspace : Workspace
        Its build database holds the public marts of the first half.
    dbt : DbtOnDuckDB
        dbt on that database.
    studies : StudyRequest
        Which studies are to be estimated.
    progress : Progress
        Where to report.

    Raises
    ------
    TransformError
        A model or a test failed; what is published stands.
    """
    database = workspace.build_database
    evidence = Evidence(workspace.raw_database, workspace.root, dbt.engine.memory_limit)
    with progress.task("estimate") as task:
        report = update_cost_estimates(database, evidence)
        update_delivery_times(database)
        update_platform_elasticities(database)
        task.note(
            "estimates as before"
            if report.is_unchanged
            else f"{report.series_count} series forecast,"
            f" {report.anomaly_count} anomalies"
        )
    studied = update_study_estimates(database, studies, progress)
    update_returns(database)
    inputs = _inputs_digest(database)
    if _joined_from(database) == inputs:
        return SecondHalf(report, studied, TransformOutcome(()))
    with progress.task("join estimates") as task:
        outcome = dbt.run(SECOND_HALF, task=task, target_name=_TARGET)
    _mark_joined(database, inputs)
    return SecondHalf(report, studied, outcome)


def _inputs_digest(build_database: Path) -> str:
    with duckdb.connect(str(build_database), read_only=True) as connection:
        contents = [
            connection.execute(
                # The order of rows is not defined: their hashes are added.
                f"SELECT count(*), sum(hash(t)::HUGEINT % 1000000007) FROM {table} AS t"
            ).fetchone()
            for table in _INPUTS
        ]
        estimates = connection.execute(
            "SELECT subject, digest FROM estimates.digests ORDER BY subject"
        ).fetchall()
    project = project_fingerprint(dbt_project_dir())
    return hash_of({"tables": contents, "estimates": estimates, "project": project})


def _joined_from(build_database: Path) -> str | None:
    with duckdb.connect(str(build_database)) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_STATE} (digest VARCHAR)")
        row = connection.execute(f"SELECT digest FROM {_STATE}").fetchone()
    return None if row is None else str(row[0])


def _mark_joined(build_database: Path, digest: str) -> None:
    with duckdb.connect(str(build_database)) as connection:
        connection.execute("BEGIN")
        connection.execute(f"DELETE FROM {_STATE}")
        connection.execute(f"INSERT INTO {_STATE} VALUES (?)", [digest])
        connection.execute("COMMIT")


__all__ = ["SecondHalf", "build_from_estimates"]
