"""Protocol common to all databases, and the module for each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ingest.sources.tables.databases.options import (
    BigqueryOptions,
    DatabricksOptions,
    DuckdbOptions,
    PostgresOptions,
)
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.tables.databases.options import DatabaseOptions, QueryOptions


class Database(Protocol):
    """A database that can be asked; each call opens a session and closes it."""

    def schema(self, sql: str) -> pa.Schema:
        """Return the columns that a query answers, without its rows."""

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query, never more than the options allow.

        Raises
        ------
        SourceError
            The database cannot be reached, denies access, fails, or answers more.
        """


def open_database(options: DatabaseOptions, *, root: Path, where: str) -> Database:
    """Return the database of these options; its driver is imported when it is asked.

    Parameters
    ----------
    options : DatabaseOptions
        Options of ``database:``.
    root : Path
        Workspace folder, where relative paths start.
    where : str
        The source, as messages call it.
    """
    if isinstance(options, DuckdbOptions):
        from ingest.sources.tables.databases.duckdb_file import DuckdbFile

        return DuckdbFile(options, root=root, where=where)
    if isinstance(options, BigqueryOptions):
        from ingest.sources.tables.databases.bigquery import Bigquery

        return Bigquery(options, where=where)
    if isinstance(options, DatabricksOptions):
        from ingest.sources.tables.databases.databricks import Databricks

        return Databricks(options, where=where)
    if isinstance(options, PostgresOptions):
        from ingest.sources.tables.databases.postgres import Postgres

        return Postgres(options, where=where)
    from ingest.sources.tables.databases.snowflake import Snowflake

    return Snowflake(options, where=where)


def not_installed(options: QueryOptions, package: str, where: str) -> FatalSourceError:
    """Return the error for a driver that is an extra and not there."""
    engine = str(getattr(options, "engine", ""))
    return FatalSourceError(
        f"Asking {engine} needs the package {package}, which is not installed.",
        where=where,
        next_step=f"Install it as triptych[{engine}]: the quick start says how.",
    )
