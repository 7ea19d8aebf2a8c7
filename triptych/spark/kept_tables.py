"""The tables that a session started here keeps from one run to the next.

Such a session has its catalogue in memory, and Hive's embedded one limits a view to
32,700 characters, which a ledger of many loads exceeds. So the few tables that are
worth keeping are found again by their folders. A server has a catalogue of its own;
nothing here concerns it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.warehouse.build import INCREMENTAL_TABLES
from triptych.warehouse.spark_sql import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyspark.sql import SparkSession

#: Which billing months the incremental tables hold, of which loads, by which recipe.
STATE_TABLES = (("control", "built_months"), ("control", "built_recipe"))

_KEPT = (*INCREMENTAL_TABLES, *STATE_TABLES)


@dataclass(frozen=True, slots=True)
class KeptTables:
    """Folders of tables below ``warehouse_dir``, as Spark lays them out."""

    warehouse_dir: Path
    schema_prefix: str

    def sweep(self) -> None:
        """Remove the folders of all tables that no run goes on with."""
        kept = {self._folder(schema, table) for schema, table in _KEPT}
        for folder in self.warehouse_dir.glob("*.db/*"):
            if folder not in kept:
                shutil.rmtree(folder)

    def adopt(self, session: SparkSession) -> None:
        """Make the kept tables known to a new session."""
        for schema, table in _KEPT:
            folder = self._folder(schema, table)
            if not any(folder.glob("**/*.parquet")):
                self.forget(schema, table)
                continue
            name = f"{self.schema_prefix}{schema}.{table}"
            session.sql(f"CREATE SCHEMA IF NOT EXISTS {self.schema_prefix}{schema}")
            session.sql(
                f"CREATE TABLE {name} USING parquet"
                f" LOCATION {text_literal(str(folder))}"
            )
            if any(folder.glob("billing_month=*")):
                session.sql(f"MSCK REPAIR TABLE {name}")

    def forget(self, schema: str, table: str) -> None:
        """Remove the folder of one table; Spark drops only what it has made itself."""
        shutil.rmtree(self._folder(schema, table), ignore_errors=True)

    def forget_months(self, months: Iterable[str]) -> None:
        """Remove billing months from the incremental tables."""
        for month in months:
            for table in INCREMENTAL_TABLES:
                folder = self._folder(*table) / f"billing_month={month}"
                shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, schema: str, table: str) -> Path:
        return self.warehouse_dir / f"{self.schema_prefix}{schema}.db" / table


__all__ = ["STATE_TABLES", "KeptTables"]
