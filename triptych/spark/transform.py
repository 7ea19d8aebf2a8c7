"""Builds and tests the marts on Apache Spark, and brings the public ones back.

Spark works in a process of its own (:mod:`triptych.spark.process`). What it built
comes back as Parquet and becomes the public schemas of the build database, with the
types of their contracts, in one transaction. From there on nobody knows which engine
ran.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.dbt_cache import ProjectAsItWasRead
from triptych.dbt_commands import (
    FIRST_HALF,
    FROM_ESTIMATES,
    CommandOutput,
    TransformOutcome,
    as_error,
    dbt_project_dir,
    project_fingerprint,
    read_outcome,
    run_dbt,
)
from triptych.errors import TransformError
from triptych.spark.job import EXIT_WITH_VERDICT, SparkJob, Verdict, spark_failed
from triptych.spark.losses import meaning_of
from triptych.spark.session import refuse_without_spark
from triptych.warehouse.build import BuildPlan, hash_of, write_control
from triptych.warehouse.publish import PUBLIC_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triptych.errors import TriptychError
    from triptych.marts.build import EngineSettings, MartBuild
    from triptych.progress import Task
    from triptych.settings import SparkSettings
    from triptych.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PublicMart:
    """A public mart and the type that its contract gives each column, in order."""

    schema: str
    table: str
    types: Mapping[str, str]

    @property
    def file_name(self) -> str:
        """Name of the file that Spark writes of it."""
        return f"{self.schema}.{self.table}.parquet"


def build_marts_on_spark(
    marts: MartBuild, spark: SparkSettings, *, run_dir: Path, task: Task
) -> tuple[TransformOutcome, frozenset[str]]:
    """Build and test every model on Spark and load the public marts.

    Parameters
    ----------
    marts : MartBuild
        The build on the embedded engine, which keeps the views behind a drill-down.
    spark : SparkSettings
        Where Spark is.
    run_dir : Path
        Folder of the run: the job, dbt's log and the marts on their way.
    task : Task
        Progress; advanced once per model and test.

    Returns
    -------
    tuple
        How the models and tests ended, and the names of the models that Spark made.

    Raises
    ------
    SettingsError
        Spark is not installed or cannot be reached.
    TransformError
        A model or a test failed, or Spark was lost; what is published stands.
    """
    refuse_without_spark()
    workspace = marts.workspace
    marts.line_item_views(task)
    # The months are told to Spark by its own process, which knows what Spark holds.
    nothing_to_build = BuildPlan((), is_full=False, signatures={}, recipe_hash="")
    write_control(workspace.build_database, marts.tables, plan=nothing_to_build)
    target = workspace.warehouse_dir / "dbt_spark"
    recipe = {"rules": marts.rules}
    job = _job(workspace, spark, recipe, run_dir=run_dir, target=target)
    export_dir = Path(job.export_dir)
    export_dir.mkdir()
    try:
        outcome = _run_job(job, run_dir, target, marts.engine, task)
        manifest = json.loads((target / "manifest.json").read_text("utf-8"))
        public = public_marts(manifest)
        load_marts(workspace.build_database, public, export_dir)
    finally:
        shutil.rmtree(export_dir, ignore_errors=True)
    return outcome, frozenset(mart.table for mart in public)


def _job(
    workspace: Workspace,
    spark: SparkSettings,
    recipe: Mapping[str, object],
    *,
    run_dir: Path,
    target: Path,
) -> SparkJob:
    project = dbt_project_dir()
    whole_recipe = {**recipe, "dbt_project": project_fingerprint(project)}
    remote = spark.remote or os.environ.get("SPARK_REMOTE")
    # The memory of a server's driver is decided where the server is started.
    memory = {"spark.driver.memory": _java_size(spark.driver_memory)}
    return SparkJob(
        run_id=run_dir.name,
        root=str(workspace.root),
        raw_database=str(workspace.raw_database),
        build_database=str(workspace.build_database),
        master=spark.master,
        remote=remote,
        conf=spark.conf if remote else {**memory, **spark.conf},
        tables_dir=str(workspace.warehouse_dir / "spark"),
        schema_prefix=spark.schema_prefix,
        recipe_hash=hash_of(whole_recipe),
        dbt_arguments=(
            *("--log-format", "json", "--log-path", str(run_dir / "dbt_spark")),
            *(*FIRST_HALF, "--target", "spark"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--target-path", str(target)),
        ),
        export_dir=str(run_dir / "marts"),
        public_schemas=PUBLIC_SCHEMAS,
        verdict_file=str(run_dir / "spark_verdict.json"),
    )


def _run_job(
    job: SparkJob, run_dir: Path, target: Path, engine: EngineSettings, task: Task
) -> TransformOutcome:
    job_file = run_dir / "spark_job.json"
    job.write(job_file)
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = (sys.executable, "-m", "triptych.spark.process", str(job_file))
    environment = {
        **os.environ,
        "TRIPTYCH_SCHEMA_PREFIX": job.schema_prefix,
        "TRIPTYCH_THREADS": str(engine.threads),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUNBUFFERED": "1",
        # pyspark warns of every pandas it has not been released with.
        "PYTHONWARNINGS": "ignore",
    }
    # The session decides where Spark is; a variable beside it would win over it.
    environment.pop("SPARK_REMOTE", None)
    parsed = target / "partial_parse.msgpack"
    with ProjectAsItWasRead(parsed, environment, engine="spark"):
        output = run_dbt(command, environment, task)
    outcome = read_outcome(results)
    if output.return_code != 0:
        raise _as_spark_error(job, outcome, output)
    return outcome


def _as_spark_error(
    job: SparkJob, outcome: TransformOutcome, output: CommandOutput
) -> TriptychError:
    if output.return_code == EXIT_WITH_VERDICT:
        told = _told_of_memory(output)
        return told or Verdict.read(Path(job.verdict_file)).as_error()
    if outcome.failures:
        return as_error(outcome, output)
    if output.return_code < 0:
        return spark_failed(
            f"The process on Spark was killed by signal {-output.return_code}; if"
            " nobody did that, its machine ran out of memory."
        )
    return spark_failed(f"Spark failed: {' | '.join(output.last_errors)}")


def _told_of_memory(output: CommandOutput) -> TriptychError | None:
    """Return the error of a JVM that ended itself, which only its last words tell."""
    words = " ".join(output.last_errors)
    is_so = "OutOfMemoryError" in words
    return spark_failed(str(meaning_of(words))) if is_so else None


def _java_size(size: str) -> str:
    """Return ``4GB`` as the JVM writes it: ``4g``."""
    return size.replace(" ", "").lower().removesuffix("b").removesuffix("i")


def public_marts(manifest: Mapping[str, Any]) -> list[PublicMart]:
    """Return the public marts that Spark builds, with their contracts."""
    return [
        PublicMart(
            node["config"]["schema"],
            node["alias"],
            {c["name"]: c["data_type"] for c in node["columns"].values()},
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["config"]["schema"] in PUBLIC_SCHEMAS
        and FROM_ESTIMATES not in node["tags"]
    ]


def load_marts(
    build_database: Path, marts: Sequence[PublicMart], export_dir: Path
) -> None:
    """Make the exported marts the public schemas of the build database.

    Parameters
    ----------
    build_database : Path
        Its public schemas are replaced, all in one transaction.
    marts : sequence of PublicMart
        Every mart that must be there.
    export_dir : Path
        Folder with a Parquet file for each mart.

    Raises
    ------
    TransformError
        A mart is missing or is not as its contract says; nothing was replaced.
    """
    with duckdb.connect(str(build_database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("BEGIN")
        try:
            for statement in _load_statements(marts, export_dir):
                connection.execute(statement)
        except duckdb.Error as error:
            connection.execute("ROLLBACK")
            raise TransformError(
                f"What came back from Spark is not what was promised: {error}",
                where=str(export_dir),
                next_step="What is published stands. Run again.",
            ) from error
        connection.execute("COMMIT")


def _load_statements(marts: Sequence[PublicMart], export_dir: Path) -> Iterator[str]:
    for schema in {mart.schema for mart in marts}:
        yield f'CREATE SCHEMA IF NOT EXISTS "{schema}"'
    for mart in marts:
        path = str(export_dir / mart.file_name).replace("'", "''")
        columns = ", ".join(
            f'CAST("{name}" AS {type_}) AS "{name}"'
            for name, type_ in mart.types.items()
        )
        yield (
            f'CREATE OR REPLACE TABLE "{mart.schema}"."{mart.table}" AS'
            f" SELECT {columns} FROM read_parquet('{path}')"
        )


__all__ = ["PublicMart", "build_marts_on_spark", "load_marts", "public_marts"]
