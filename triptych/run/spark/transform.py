"""Sums of a run's line items by Apache Spark, and their retrieval.

Spark works in a subprocess (:mod:`triptych.run.spark.process`). Only models that read
line items run there; the rows come back as Parquet, and the embedded engine builds all
else from them, by the same models as ever.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.dbt.cache import ProjectAsItWasRead
from triptych.core.dbt.commands import (
    CommandOutput,
    project_fingerprint,
    run_dbt,
)
from triptych.core.project_folder import dbt_project_dir
from triptych.core.warehouse.build import hash_of
from triptych.run.spark.compiled import SCHEMA_PREFIX
from triptych.run.spark.job import EXIT_WITH_VERDICT, SparkJob, Verdict, spark_failed
from triptych.run.spark.losses import meaning_of
from triptych.run.spark.session import refuse_without_spark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from triptych.core.errors import TriptychError
    from triptych.core.progress import Task
    from triptych.core.settings import SparkSettings
    from triptych.core.workspace import Workspace

#: The session decides where Spark is, and each of these would win over it. The third is
#: left by a session of Spark Connect that this process had, such as a notebook's.
_WHERE_SPARK_IS = (
    "SPARK_REMOTE",
    "SPARK_LOCAL_REMOTE",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_API_MODE",
)


@contextmanager
def line_items_on_spark(
    workspace: Workspace,
    *,
    rules: Mapping[str, Any],
    spark: SparkSettings,
    run_dir: Path,
    task: Task,
) -> Iterator[Callable[[Sequence[str]], Mapping[str, Path]]]:
    """Give a function that has Spark add up the line items of some billing months.

    It returns a Parquet file with the rows of those months for each table that is
    summed over line items; the files are there as long as the context is. Without
    months nothing is started.

    Parameters
    ----------
    workspace : Workspace
        Location of the evidence.
    rules : mapping
        Result of :func:`triptych.core.control.rules.rule_sets`.
    spark : SparkSettings
        Address of Spark.
    run_dir : Path
        Folder of this run, for the job, the log and the rows on their way.
    task : Task
        Progress; advanced once per table.

    Raises
    ------
    SettingsError
        Spark is not installed or cannot be reached, or a load cannot be read there.
    TransformError
        A model failed, or Spark was lost; the published run stays.
    """
    refuse_without_spark()
    export_dir = run_dir / "from_spark"

    def sum_line_items(months: Sequence[str]) -> Mapping[str, Path]:
        if not months:
            return {}
        job = _job(workspace, months, rules, spark, run_dir, export_dir)
        export_dir.mkdir()
        _run(job, run_dir, task)
        return {path.stem: path for path in export_dir.glob("*.parquet")}

    try:
        yield sum_line_items
    finally:
        shutil.rmtree(export_dir, ignore_errors=True)


def _job(
    workspace: Workspace,
    months: Sequence[str],
    rules: Mapping[str, Any],
    spark: SparkSettings,
    run_dir: Path,
    export_dir: Path,
) -> SparkJob:
    project, target = dbt_project_dir(), workspace.warehouse_dir / "dbt_spark"
    recipe = {
        "rules": rules,
        "dbt_project": project_fingerprint(project),
        "dbt": [version("dbt-core"), version("dbt-spark")],
    }
    remote = spark.remote or os.environ.get("SPARK_REMOTE")
    # The memory of a server's driver is decided where the server is started.
    memory = {"spark.driver.memory": _java_size(spark.driver_memory)}
    return SparkJob(
        root=str(workspace.root),
        raw_database=str(workspace.raw_database),
        months=tuple(months),
        rules=rules,
        recipe_hash=hash_of(recipe),
        compiled_file=str(target / "compiled.json"),
        dbt_options=(
            *("--target", "spark", "--target-path", str(target)),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--log-path", str(run_dir / "dbt_spark"), "--log-level", "none"),
        ),
        master=spark.master,
        remote=remote,
        conf=spark.conf if remote else {**memory, **spark.conf},
        export_dir=str(export_dir),
        verdict_file=str(run_dir / "spark_verdict.json"),
    )


def _run(job: SparkJob, run_dir: Path, task: Task) -> None:
    job_file = run_dir / "spark_job.json"
    job.write(job_file)
    command = (*python_module("triptych.run.spark.process"), str(job_file))
    environment = environment_of_session()
    parsed = Path(job.compiled_file).with_name("partial_parse.msgpack")
    with ProjectAsItWasRead(parsed, environment, engine="spark"):
        output = run_dbt(command, environment, task)
    if output.return_code != 0:
        raise _as_error(job, output)


def environment_of_session() -> dict[str, str]:
    """Return the environment of a process that opens a separate session."""
    environment = {
        **isolated_environment(),
        "TRIPTYCH_SCHEMA_PREFIX": SCHEMA_PREFIX,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUNBUFFERED": "1",
        # pyspark warns of every pandas it has not been released with.
        "PYTHONWARNINGS": "ignore",
    }
    for variable in _WHERE_SPARK_IS:
        environment.pop(variable, None)
    return environment


def _as_error(job: SparkJob, output: CommandOutput) -> TriptychError:
    if output.return_code == EXIT_WITH_VERDICT:
        error = _told_of_memory(output)
        return error or Verdict.read(Path(job.verdict_file)).as_error()
    if output.return_code < 0:
        return spark_failed(
            f"The process on Spark was killed by signal {-output.return_code}; if"
            " nobody did that, its machine ran out of memory."
        )
    return spark_failed(f"Spark failed: {' | '.join(output.last_errors)}")


def _told_of_memory(output: CommandOutput) -> TriptychError | None:
    """Return the out-of-memory error of a JVM, from its last output."""
    words = " ".join(output.last_errors)
    is_so = "OutOfMemoryError" in words
    return spark_failed(str(meaning_of(words))) if is_so else None


def _java_size(size: str) -> str:
    """Return ``4GB`` as the JVM writes it: ``4g``."""
    return size.replace(" ", "").lower().removesuffix("b").removesuffix("i")
