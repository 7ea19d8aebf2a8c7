"""The tables that Spark goes on with, and what is known of them.

What is summed over line items is kept from one run to the next, so that a run reads
only the line items of months whose loads changed. What the tables hold is written
down last, after every test held. A run that is lost before leaves the months it had
begun as they were known, and the next run replaces them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from triptych.spark.schemas import KEPT_SCHEMA
from triptych.spark.tables import create_table
from triptych.warehouse.build import INCREMENTAL_TABLES, BuiltState
from triptych.warehouse.spark_sql import identifier, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from triptych.spark.schemas import Schemas
    from triptych.warehouse.build import BuildPlan

_TABLES = tuple(table for _, table in INCREMENTAL_TABLES)
#: On a server: the recipe, and the loads of each month. Both are there or neither.
_STATE_TABLES = ("built_recipe", "built_months")

_NOTHING = BuiltState(None, has_tables=False, signatures={})
_STATE_FILE = "built.json"


class KeptMonths(Protocol):
    """Billing months of the kept tables."""

    def state(self) -> BuiltState:
        """Return which months the tables hold whole, of which loads."""

    def forget_all(self) -> None:
        """Remove the tables; all months will be built."""

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months; tell whether this Spark can."""

    def remember(self, plan: BuildPlan) -> None:
        """Write down what the tables hold now."""


@dataclass(frozen=True, slots=True)
class MonthsInFolder:
    """The tables of a session that is started here, found again by their folders.

    Such a session has its catalogue in memory, and Hive's embedded one limits a view
    to 32,700 characters, which a ledger of many loads exceeds. A month counts as held
    only if its files are those that were written down, and each can be opened.
    """

    session: SparkSession
    tables_dir: Path
    schema: str

    def state(self) -> BuiltState:
        """Return the months whose files are whole, after removing all others."""
        known = self._read()
        columns = known.get("columns", {})
        whole = {
            month: entry["signature"]
            for month, entry in known.get("months", {}).items()
            if self._files_of(month) == entry["files"] and self._can_be_read(month)
        }
        for table in _TABLES:
            for folder in self._folder(table).glob("billing_month=*"):
                if folder.name.partition("=")[2] not in whole:
                    shutil.rmtree(folder)
            if table in columns:
                self._adopt(table, columns[table])
        has_tables = set(_TABLES) <= columns.keys()
        return BuiltState(known.get("recipe_hash"), has_tables, whole)

    def forget_all(self) -> None:
        """Remove the tables and what is known of them."""
        self._state_file.unlink(missing_ok=True)
        for table in _TABLES:
            self.session.sql(f"DROP TABLE IF EXISTS {self.schema}.{table}")
            shutil.rmtree(self._folder(table), ignore_errors=True)

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months from the catalogue and from the folders."""
        for table in _TABLES:
            _drop_partitions(self.session, f"{self.schema}.{table}", months)
            for month in months:
                folder = self._folder(table) / f"billing_month={month}"
                shutil.rmtree(folder, ignore_errors=True)
        return True

    def remember(self, plan: BuildPlan) -> None:
        """Write down columns, signatures and files, all at once."""
        content = {
            "recipe_hash": plan.recipe_hash,
            "columns": {table: self._columns_of(table) for table in _TABLES},
            "months": {
                month: {"signature": signature, "files": self._files_of(month)}
                for month, signature in plan.signatures.items()
            },
        }
        fresh = self._state_file.with_suffix(".new")
        fresh.write_text(json.dumps(content, indent=2), encoding="utf-8")
        fresh.replace(self._state_file)

    def _folder(self, table: str) -> Path:
        return self.tables_dir / f"{self.schema}.db" / table

    @property
    def _state_file(self) -> Path:
        return self.tables_dir / _STATE_FILE

    def _read(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self._state_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known

    def _parts_of(self, month: str) -> list[Path]:
        return [
            path
            for table in _TABLES
            for path in sorted(
                (self._folder(table) / f"billing_month={month}").glob("*.parquet")
            )
        ]

    def _files_of(self, month: str) -> dict[str, int]:
        """Return the sizes [bytes] of a month's files by table and name."""
        return {
            f"{path.parents[1].name}/{path.name}": path.stat().st_size
            for path in self._parts_of(month)
        }

    def _can_be_read(self, month: str) -> bool:
        try:
            for path in self._parts_of(month):
                pq.read_metadata(path)
        except (OSError, pa.ArrowInvalid):
            return False
        return True

    def _columns_of(self, table: str) -> str:
        """Return the columns as SQL: a table without rows has no file to tell them."""
        fields = self.session.table(f"{self.schema}.{table}").schema.fields
        return ", ".join(
            f"{identifier(field.name)} {field.dataType.simpleString()}"
            for field in fields
        )

    def _adopt(self, table: str, columns: str) -> None:
        name, folder = f"{self.schema}.{table}", text_literal(str(self._folder(table)))
        self.session.sql(
            f"CREATE TABLE {name} ({columns}) USING parquet"
            f" PARTITIONED BY (billing_month) LOCATION {folder}"
        )
        self.session.sql(f"MSCK REPAIR TABLE {name}")


@dataclass(frozen=True, slots=True)
class MonthsOnServer:
    """The tables in the catalogue of a server; two small ones tell of them."""

    schemas: Schemas

    @property
    def session(self) -> SparkSession:
        """Where the server is asked."""
        return self.schemas.session

    @property
    def schema(self) -> str:
        """What the schema of the tables is called there."""
        return self.schemas.name(KEPT_SCHEMA)

    def state(self) -> BuiltState:
        """Return what the two small tables say."""
        rows = self.session.sql(f"SHOW TABLES IN {self.schema}").collect()
        if not {*_TABLES, *_STATE_TABLES} <= {row["tableName"] for row in rows}:
            return _NOTHING
        recipes = self._rows("recipe_hash", "built_recipe")
        months = self._rows("billing_month, signature", "built_months")
        return BuiltState(recipes[0][0], has_tables=True, signatures=dict(months))

    def forget_all(self) -> None:
        """Remove the tables and what is known of them, which goes first.

        A server that was lost with its catalogue knows of no table, and would write
        none into the folders that are left. With the schema they go, too.
        """
        for table in _STATE_TABLES:
            self.session.sql(f"DROP TABLE IF EXISTS {self.schema}.{table}")
        self.schemas.empty(KEPT_SCHEMA)

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months; a server that cannot is to build the tables as a whole."""
        from pyspark.errors import PySparkException  # noqa: PLC0415

        try:
            for table in _TABLES:
                _drop_partitions(self.session, f"{self.schema}.{table}", months)
        except PySparkException as error:
            if "unsupported" not in str(error).lower():
                raise
            return False
        return True

    def remember(self, plan: BuildPlan) -> None:
        """Write down the months, and last the recipe that all of them follow."""
        for table in _STATE_TABLES:
            self.session.sql(f"DROP TABLE IF EXISTS {self.schema}.{table}")
        months = plan.signatures.items()
        self._write("built_months", ("billing_month", "signature"), months)
        self._write("built_recipe", ("recipe_hash",), [(plan.recipe_hash,)])

    def _rows(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM {self.schema}.{table}"
        return [tuple(row) for row in self.session.sql(query).collect()]

    def _write(
        self, table: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]
    ) -> None:
        listed = list(rows)
        of_text = pa.table(
            {
                name: pa.array([row[position] for row in listed], pa.string())
                for position, name in enumerate(columns)
            }
        )
        types = dict.fromkeys(columns, "VARCHAR")
        create_table(self.session, f"{self.schema}.{table}", types, of_text)


def _drop_partitions(session: SparkSession, table: str, months: Sequence[str]) -> None:
    """Remove the partitions of months, with files that no catalogue knows of.

    A server that is lost while it commits a partition leaves files beside which the
    next one would write its own. Known to the catalogue, they are removed with it.
    """
    if not months:
        return
    listed = [f"PARTITION (billing_month = {text_literal(month)})" for month in months]
    session.sql(f"ALTER TABLE {table} ADD IF NOT EXISTS {' '.join(listed)}")
    session.sql(f"ALTER TABLE {table} DROP IF EXISTS {', '.join(listed)}")


__all__ = ["KeptMonths", "MonthsInFolder", "MonthsOnServer"]
