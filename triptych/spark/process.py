"""One build on Apache Spark, in a process of its own.

The process opens the session, gives Spark the evidence and what the run was told,
runs dbt in that same session, and writes the public marts as Parquet files for the
run to publish. It ends as soon as the run that started it is gone. What it reports
goes to standard output in the form of dbt's JSON log.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq

from ingest.runner import stream_views
from triptych.dbt_process import end_with_the_run
from triptych.errors import TriptychError
from triptych.spark.kept_tables import STATE_TABLES, KeptTables
from triptych.spark.session import NoSparkError, lost_spark, open_session
from triptych.warehouse.bills import BILL_STREAMS
from triptych.warehouse.build import (
    INCREMENTAL_TABLES,
    BuildPlan,
    BuiltState,
    compare,
    month_signatures,
)
from triptych.warehouse.spark_evidence import evidence_statements, read_loaded_files
from triptych.warehouse.spark_sql import identifier, spark_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql import SparkSession

#: Tables of the workspace's databases that models read, as (database, schema, table).
_CATALOGUE_TABLES = ("loads", "load_totals", "quarantine", "sources")
#: Columns of the catalogue that only the spine needs, and that are long.
_UNREAD_COLUMNS = frozenset({"projections", "spark_projections", "signatures"})

EXIT_NO_SPARK = 71
EXIT_LOST_SPARK = 72


@dataclass(frozen=True, slots=True)
class SparkJob:
    """Everything that the process is told.

    Parameters
    ----------
    root, raw_database, build_database : str
        Workspace folder, catalogue, and the database with the control tables.
    master, remote, conf : str, str or None, mapping
        Where Spark is; see :class:`triptych.settings.SparkSettings`.
    tables_dir : str
        Where a session that is started here keeps its tables and its catalogue.
    schema_prefix : str
        What the names of all schemas begin with.
    recipe_hash : str
        Of what decides the figures besides evidence.
    dbt_arguments : sequence of str
        Arguments of dbt after the program name.
    export_dir : str
        Where the public marts are written, as ``schema.table.parquet``.
    public_schemas : sequence of str
        Schemas whose tables are exported.
    """

    root: str
    raw_database: str
    build_database: str
    master: str
    remote: str | None
    conf: Mapping[str, str]
    tables_dir: str
    schema_prefix: str
    recipe_hash: str
    dbt_arguments: Sequence[str]
    export_dir: str
    public_schemas: Sequence[str]

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> SparkJob:
        """Read a job that :meth:`write` wrote."""
        return SparkJob(**json.loads(path.read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job whose file is the one argument; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    threading.Thread(target=end_with_the_run, daemon=True).start()
    job = SparkJob.read(Path(given[0]))
    try:
        session = open_session(
            master=job.master,
            remote=job.remote,
            conf=job.conf,
            tables_dir=Path(job.tables_dir),
        )
    except NoSparkError as error:
        report(str(error), level="error")
        return EXIT_NO_SPARK
    try:
        return _Build(job, session).run()
    except TriptychError as error:
        report(str(error), level="error")
        return 1
    # Whatever py4j, gRPC or the JVM raise: none of them has a common ancestor.
    except Exception as error:  # noqa: BLE001
        report(lost_spark(error), level="error")
        return EXIT_LOST_SPARK


class _Build:
    """One build in one session."""

    def __init__(self, job: SparkJob, session: SparkSession) -> None:
        self._job = job
        self._session = session
        self._kept = (
            KeptTables(Path(job.tables_dir), job.schema_prefix)
            if job.remote is None
            else None
        )

    def run(self) -> int:
        plan = self._plan()
        report(f"building {len(plan.months_to_build)} billing months on Spark")
        self._give_what_was_told(plan)
        self._give_evidence(plan)
        if not self._run_dbt():
            return 1
        for schema, table in self._public_tables():
            self._export(schema, table)
        self._remember(plan)
        return 0

    def _schema(self, name: str) -> str:
        return f"{self._job.schema_prefix}{name}"

    def _sql(self, statement: str) -> None:
        self._session.sql(statement)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._session.sql(query).collect()]

    def _tables_of(self, schema: str) -> set[str]:
        schemas = {row[0] for row in self._rows("SHOW DATABASES")}
        if self._schema(schema) not in schemas:
            return set()
        rows = self._session.sql(f"SHOW TABLES IN {self._schema(schema)}").collect()
        return {row["tableName"] for row in rows}

    def _plan(self) -> BuildPlan:
        """Compare the loads with what this Spark holds, if it kept anything."""
        if self._kept is not None:
            self._kept.sweep()
            self._kept.adopt(self._session)
        signatures = month_signatures(Path(self._job.raw_database))
        plan = compare(self._state(), signatures, recipe_hash=self._job.recipe_hash)
        if plan.is_full:
            # The state goes first: what a broken run leaves is then nobody's.
            for schema, table in (*STATE_TABLES, *INCREMENTAL_TABLES):
                self._drop(schema, table)
        elif self._kept is not None:
            self._kept.forget_months(plan.months_to_build)
        return plan

    def _drop(self, schema: str, table: str) -> None:
        if table in self._tables_of(schema):
            self._sql(f"DROP TABLE {self._schema(schema)}.{table}")
        if self._kept is not None:
            self._kept.forget(schema, table)

    def _state(self) -> BuiltState:
        has_tables = all(
            table in self._tables_of(schema) for schema, table in INCREMENTAL_TABLES
        )
        if not {table for _, table in STATE_TABLES} <= self._tables_of("control"):
            return BuiltState(None, has_tables, {})
        control = self._schema("control")
        recipes = self._rows(f"SELECT recipe_hash FROM {control}.built_recipe")
        months = self._rows(
            f"SELECT billing_month, signature FROM {control}.built_months"
        )
        return BuiltState(recipes[0][0] if recipes else None, has_tables, dict(months))

    def _give_what_was_told(self, plan: BuildPlan) -> None:
        for schema in ("control", "catalogue", "evidence"):
            self._sql(f"CREATE SCHEMA IF NOT EXISTS {self._schema(schema)}")
        with duckdb.connect(self._job.build_database, read_only=True) as build:
            names = [
                row[0]
                for row in build.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE schema_name ="
                    " 'control' AND table_name NOT LIKE 'built_%'"
                ).fetchall()
            ]
            for name in names:
                self._give_table(build, "control", name)
        months = duckdb.connect()
        months.execute("CREATE SCHEMA control")
        months.execute("CREATE TABLE control.months_to_build (billing_month VARCHAR)")
        if plan.months_to_build:
            months.executemany(
                "INSERT INTO control.months_to_build VALUES (?)",
                [[month] for month in plan.months_to_build],
            )
        self._give_table(months, "control", "months_to_build")
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
        kept = [(name, type_) for name, type_ in types if name not in _UNREAD_COLUMNS]
        listed = ", ".join(f'"{name}"' for name, _ in kept)
        rows = database.execute(
            f'SELECT {listed} FROM {schema}."{table}"'
        ).to_arrow_table()
        self._replace_table(schema, table, dict(kept), rows)

    def _replace_table(
        self, schema: str, table: str, types: Mapping[str, str], rows: pa.Table
    ) -> None:
        self._drop(schema, table)
        target = f"{self._schema(schema)}.{table}"
        if not rows.num_rows:
            columns = ", ".join(
                f"CAST(NULL AS {spark_type(type_)}) AS {identifier(name)}"
                for name, type_ in types.items()
            )
            nothing = f"SELECT * FROM (SELECT {columns}) AS nothing WHERE false"
            self._sql(f"CREATE TABLE {target} USING parquet AS {nothing}")
            return
        typed = self._session.createDataFrame(rows).selectExpr(
            *(
                f"CAST({identifier(name)} AS {spark_type(type_)}) AS {identifier(name)}"
                for name, type_ in types.items()
            )
        )
        typed.write.format("parquet").saveAsTable(target)

    def _give_evidence(self, plan: BuildPlan) -> None:
        with duckdb.connect(self._job.raw_database, read_only=True) as raw:
            loaded = read_loaded_files(raw, root=Path(self._job.root))
        for statement in evidence_statements(
            stream_views(),
            loaded,
            schema=self._schema("evidence"),
            bills={bill.name for bill in BILL_STREAMS},
            months=plan.months_to_build,
        ):
            self._sql(statement)

    def _run_dbt(self) -> bool:
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        return dbtRunner().invoke(list(self._job.dbt_arguments)).success

    def _public_tables(self) -> Iterator[tuple[str, str]]:
        for schema in self._job.public_schemas:
            for table in sorted(self._tables_of(schema)):
                yield schema, table

    def _export(self, schema: str, table: str) -> None:
        rows = self._session.table(f"{self._schema(schema)}.{table}").toArrow()
        target = Path(self._job.export_dir) / f"{schema}.{table}.parquet"
        pq.write_table(rows, target)

    def _remember(self, plan: BuildPlan) -> None:
        import pyarrow as pa  # noqa: PLC0415

        self._replace_table(
            "control",
            "built_months",
            {"billing_month": "VARCHAR", "signature": "VARCHAR"},
            pa.table(
                {
                    "billing_month": list(plan.signatures),
                    "signature": list(plan.signatures.values()),
                }
            ),
        )
        self._replace_table(
            "control",
            "built_recipe",
            {"recipe_hash": "VARCHAR"},
            pa.table({"recipe_hash": [plan.recipe_hash]}),
        )


def report(message: str, *, level: str = "info") -> None:
    """Print a message in the form of dbt's JSON log."""
    event = {"info": {"level": level, "msg": message, "name": "Spark"}}
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
