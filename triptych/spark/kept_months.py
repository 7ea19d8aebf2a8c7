"""The one table that Spark goes on with, and what is known of it.

The sums of line items by day are kept from one run to the next, so that a run reads
only the line items of months whose loads changed. What the table holds is written
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

from triptych.spark.tables import create_table
from triptych.warehouse.build import INCREMENTAL_TABLE, BuiltState
from triptych.warehouse.spark_sql import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from triptych.warehouse.build import BuildPlan

#: Schema of the kept table on Spark; the others are emptied by each run.
KEPT_SCHEMA = "kept"
TABLE = INCREMENTAL_TABLE[1]

_NOTHING = BuiltState(None, has_table=False, signatures={})
_STATE_FILE = "built.json"


class KeptMonths(Protocol):
    """Billing months of the kept table."""

    def state(self) -> BuiltState:
        """Return which months the table holds whole, of which loads."""

    def forget_all(self) -> None:
        """Remove the table; all months will be built."""

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months; tell whether this Spark can."""

    def remember(self, plan: BuildPlan) -> None:
        """Write down what the table holds now."""


@dataclass(frozen=True, slots=True)
class MonthsInFolder:
    """The table of a session that is started here, found again by its folder.

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
        whole = {
            month: entry["signature"]
            for month, entry in known.get("months", {}).items()
            if self._files_of(month) == entry["files"] and self._can_be_read(month)
        }
        for folder in self._table.glob("billing_month=*"):
            if folder.name.partition("=")[2] not in whole:
                shutil.rmtree(folder)
        has_table = any(self._table.glob("billing_month=*/*.parquet"))
        if has_table:
            self._adopt()
        return BuiltState(known.get("recipe_hash"), has_table, whole)

    def forget_all(self) -> None:
        """Remove the table and what is known of it."""
        self._state_file.unlink(missing_ok=True)
        self.session.sql(f"DROP TABLE IF EXISTS {self.schema}.{TABLE}")
        shutil.rmtree(self._table, ignore_errors=True)

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months from the catalogue and from the folder."""
        if months:
            _drop_partitions(self.session, f"{self.schema}.{TABLE}", months)
        for month in months:
            shutil.rmtree(self._table / f"billing_month={month}", ignore_errors=True)
        return True

    def remember(self, plan: BuildPlan) -> None:
        """Write down signature and files of each month, all at once."""
        content = {
            "recipe_hash": plan.recipe_hash,
            "months": {
                month: {"signature": signature, "files": self._files_of(month)}
                for month, signature in plan.signatures.items()
            },
        }
        fresh = self._state_file.with_suffix(".new")
        fresh.write_text(json.dumps(content, indent=2), encoding="utf-8")
        fresh.replace(self._state_file)

    @property
    def _table(self) -> Path:
        return self.tables_dir / f"{self.schema}.db" / TABLE

    @property
    def _state_file(self) -> Path:
        return self.tables_dir / _STATE_FILE

    def _read(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self._state_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known

    def _files_of(self, month: str) -> dict[str, int]:
        """Return the sizes [bytes] of a month's files by name."""
        folder = self._table / f"billing_month={month}"
        return {
            path.name: path.stat().st_size for path in sorted(folder.glob("*.parquet"))
        }

    def _can_be_read(self, month: str) -> bool:
        folder = self._table / f"billing_month={month}"
        try:
            for path in folder.glob("*.parquet"):
                pq.read_metadata(path)
        except (OSError, pa.ArrowInvalid):
            return False
        return True

    def _adopt(self) -> None:
        name, folder = f"{self.schema}.{TABLE}", text_literal(str(self._table))
        self.session.sql(f"CREATE TABLE {name} USING parquet LOCATION {folder}")
        self.session.sql(f"MSCK REPAIR TABLE {name}")


@dataclass(frozen=True, slots=True)
class MonthsOnServer:
    """The table in the catalogue of a server, with two small ones that tell of it."""

    session: SparkSession
    schema: str

    def state(self) -> BuiltState:
        """Return what the two small tables say."""
        rows = self.session.sql(f"SHOW TABLES IN {self.schema}").collect()
        if not {TABLE, *_STATE_TABLES} <= {row["tableName"] for row in rows}:
            return _NOTHING
        recipes = self._rows("recipe_hash", "built_recipe")
        months = self._rows("billing_month, signature", "built_months")
        signatures = dict(months)
        return BuiltState(recipes[0][0], has_table=True, signatures=signatures)

    def forget_all(self) -> None:
        """Remove the table and what is known of it; what is known goes first."""
        for table in (*_STATE_TABLES, TABLE):
            self.session.sql(f"DROP TABLE IF EXISTS {self.schema}.{table}")

    def forget(self, months: Sequence[str]) -> bool:
        """Remove months; a server that cannot is to build the table as a whole."""
        from pyspark.errors import PySparkException  # noqa: PLC0415

        if not months:
            return True
        try:
            _drop_partitions(self.session, f"{self.schema}.{TABLE}", months)
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


#: On a server: the loads of each month, and the recipe. Both are there or neither.
_STATE_TABLES = ("built_recipe", "built_months")


def _drop_partitions(session: SparkSession, table: str, months: Sequence[str]) -> None:
    """Remove the partitions of months, with files that no catalogue knows of.

    A server that is lost while it commits a partition leaves files beside which the
    next one would write its own. Known to the catalogue, they are removed with it.
    """
    listed = [f"PARTITION (billing_month = {text_literal(month)})" for month in months]
    session.sql(f"ALTER TABLE {table} ADD IF NOT EXISTS {' '.join(listed)}")
    session.sql(f"ALTER TABLE {table} DROP IF EXISTS {', '.join(listed)}")


__all__ = ["KEPT_SCHEMA", "KeptMonths", "MonthsInFolder", "MonthsOnServer"]
