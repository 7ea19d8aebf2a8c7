"""A DuckDB file: opened read-only, without access to anything outside it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.sources.tables.databases.bounds import within_bounds
from ingest.sources.tables.databases.failures import Asked
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.tables.databases.options import DuckdbOptions

_ROWS_PER_BATCH = 50_000


class DuckdbFile:
    """A DuckDB file of somebody else.

    Parameters
    ----------
    options : DuckdbOptions
        File, and the bounds.
    root : Path
        Workspace folder, where a relative path starts.
    where : str
        The source, as messages call it.
    """

    def __init__(self, options: DuckdbOptions, *, root: Path, where: str) -> None:
        self._options = options
        self._path = root / options.path
        self._asked = Asked(
            where,
            f"Let this account read {options.path}.",
            options.timeout_seconds,
        )

    def schema(self, sql: str) -> pa.Schema:
        """Return the columns that a query answers, without its rows."""
        with self._answer(f"SELECT * FROM ({sql}) AS asked LIMIT 0") as reader:
            return reader.schema

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query, never more than the options allow."""
        with self._answer(sql) as reader:
            yield from within_bounds(reader, self._options, self._asked)

    @contextmanager
    def _answer(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        import duckdb
        import pyarrow as pa

        if not self._path.is_file():
            raise FatalSourceError(
                f"There is no file {self._options.path}.",
                where=self._asked.where,
                next_step="Correct 'path' of 'database' in triptych.yml; it starts at"
                " the workspace.",
            )
        try:
            connection = duckdb.connect(
                str(self._path),
                read_only=True,
                config={"enable_external_access": "false"},
            )
        except duckdb.Error as error:
            raise self._asked.unreachable(error) from None
        # DuckDB has no built-in timeout.
        timer = threading.Timer(self._options.timeout_seconds, connection.interrupt)
        timer.start()
        try:
            with connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield connection.sql(sql).to_arrow_reader(_ROWS_PER_BATCH)
        except (duckdb.Error, pa.ArrowException) as error:
            raise self._asked.failed(error) from None
        finally:
            timer.cancel()
