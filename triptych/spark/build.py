"""The steps of one build in one session of Spark.

Spark is given the evidence and what the run was told, dbt runs in that same session,
and the public marts are written as Parquet files for the run to publish.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.runner import stream_views
from triptych.spark.job import spark_failed
from triptych.spark.kept_months import KeptMonths, MonthsInFolder, MonthsOnServer
from triptych.spark.schemas import KEPT_SCHEMA, Schemas
from triptych.spark.tables import create_table
from triptych.warehouse.bills import BILL_STREAMS
from triptych.warehouse.build import BuildPlan, compare, month_signatures
from triptych.warehouse.spark_evidence import evidence_statements, read_loaded_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from triptych.spark.job import SparkJob

#: Tables of the catalogue that models read.
_CATALOGUE_TABLES = ("loads", "load_totals", "quarantine", "sources")
#: Columns of the catalogue that only the spine needs, and that are long.
_UNREAD_COLUMNS = frozenset({"projections", "spark_projections", "signatures"})


class SparkBuild:
    """One build in one session.

    Parameters
    ----------
    job : SparkJob
        What to build, from where.
    session : SparkSession
        Where; dbt finds it by itself.
    on_event : callable
        Told of everything that dbt tells of.
    """

    def __init__(
        self,
        job: SparkJob,
        session: SparkSession,
        *,
        on_event: Callable[[Any], None],
    ) -> None:
        self._job = job
        self._session = session
        self._on_event = on_event
        self._schemas = Schemas(session, job.schema_prefix)
        kept = self._schemas.name(KEPT_SCHEMA)
        self._kept: KeptMonths = (
            MonthsInFolder(session, Path(job.tables_dir), kept)
            if job.remote is None
            else MonthsOnServer(self._schemas)
        )

    def run(self) -> bool:
        """Build, test and export; tell whether every model and test held.

        Raises
        ------
        TriptychError
            The evidence cannot be read on Spark, or another run came in between.
        """
        self._schemas.make_anew()
        plan = self._plan()
        _report(f"building {len(plan.months_to_build)} billing months on Spark")
        self._give_what_was_told(plan)
        self._give_evidence(plan)
        if not self._run_dbt():
            # Whatever made a test fail, the next run does not go on with it.
            self._kept.forget_all()
            return False
        for schema in self._job.public_schemas:
            for table in sorted(self._schemas.tables_of(schema)):
                self._export(schema, table)
        self._refuse_what_another_run_built()
        self._kept.remember(plan)
        return True

    def _plan(self) -> BuildPlan:
        """Compare the loads with what this Spark has kept."""
        signatures = month_signatures(Path(self._job.raw_database))
        recipe_hash = self._job.recipe_hash
        state = self._kept.state()
        plan = compare(state, signatures, recipe_hash=recipe_hash)
        if not plan.is_full and self._kept.forget(plan.months_to_build):
            return plan
        self._kept.forget_all()
        months = tuple(sorted(signatures))
        return BuildPlan(months, True, signatures, recipe_hash)

    def _give_what_was_told(self, plan: BuildPlan) -> None:
        with duckdb.connect(self._job.build_database, read_only=True) as build:
            names = build.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'control'"
                " AND table_name NOT LIKE 'built_%'"
                " AND table_name <> 'months_to_build'"
            ).fetchall()
            for (name,) in names:
                self._give_table(build, "control", name)
        months = pa.array(plan.months_to_build, pa.string())
        create_table(
            self._session,
            f"{self._schemas.name('control')}.months_to_build",
            {"billing_month": "VARCHAR"},
            pa.table({"billing_month": months}),
        )
        with duckdb.connect(self._job.raw_database, read_only=True) as raw:
            for name in _CATALOGUE_TABLES:
                self._give_table(raw, "catalogue", name)

    def _give_table(
        self, database: duckdb.DuckDBPyConnection, schema: str, table: str
    ) -> None:
        types = database.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ?"
            " AND table_name = ? ORDER BY column_index",
            [schema, table],
        ).fetchall()
        kept = {name: type_ for name, type_ in types if name not in _UNREAD_COLUMNS}
        listed = ", ".join(f'"{name}"' for name in kept)
        query = f'SELECT {listed} FROM {schema}."{table}"'
        rows = database.execute(query).to_arrow_table()
        create_table(self._session, f"{self._schemas.name(schema)}.{table}", kept, rows)

    def _give_evidence(self, plan: BuildPlan) -> None:
        with duckdb.connect(self._job.raw_database, read_only=True) as raw:
            loaded = read_loaded_files(raw, root=Path(self._job.root))
        for statement in evidence_statements(
            stream_views(),
            loaded,
            schema=self._schemas.name("evidence"),
            bills={bill.name for bill in BILL_STREAMS},
            months=plan.months_to_build,
        ):
            self._session.sql(statement)

    def _run_dbt(self) -> bool:
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        runner = dbtRunner(callbacks=[self._on_event])
        return runner.invoke(list(self._job.dbt_arguments)).success

    def _export(self, schema: str, table: str) -> None:
        rows = self._session.table(f"{self._schemas.name(schema)}.{table}").toArrow()
        target = Path(self._job.export_dir) / f"{schema}.{table}.parquet"
        pq.write_table(rows, target)

    def _refuse_what_another_run_built(self) -> None:
        control = self._schemas.name("control")
        rows = self._session.sql(f"SELECT run_id FROM {control}.run").collect()
        if [row["run_id"] for row in rows] != [self._job.run_id]:
            raise spark_failed(
                "Another run used the same schemas of this Spark at the same time;"
                " each workspace needs a spark.schema_prefix of its own."
            )


def _report(message: str) -> None:
    """Print a message in the form of dbt's JSON log."""
    event = {"info": {"level": "info", "msg": message, "name": "Spark"}}
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


__all__ = ["SparkBuild"]
