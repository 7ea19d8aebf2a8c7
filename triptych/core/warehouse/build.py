"""Build database of a run, and its control inputs.

``warehouse/build.duckdb`` is private to the run: no reader opens it, so a crash in
the middle of it harms nobody.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import RunLockedError
from triptych.core.lake.catalogue_file import is_held_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_LOCK_WAIT_SECONDS = 15.0
_ROWS_PER_STATEMENT = 200


@dataclass(frozen=True, slots=True)
class ControlTable:
    """A small table that dbt reads as ``source('control', name)``.

    ``columns`` maps column name to DuckDB type; ``rows`` are tuples in that order. One
    that is kept is filled while models are built, and lasts until that is done again.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[Any]]
    is_kept: bool = False

    @classmethod
    def of_texts(
        cls, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> ControlTable:
        """Return a table in which all columns are text."""
        return cls(name, dict.fromkeys(columns, "VARCHAR"), rows)


def hash_of(recipe: Mapping[str, object]) -> str:
    """Return a text that differs whenever the recipe does."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_control_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[ControlTable]
) -> None:
    """Replace tables of the schema ``control``, in a single transaction."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS control")
    connection.execute("BEGIN")
    for table in tables:
        columns = ", ".join(f"{name} {of}" for name, of in table.columns.items())
        if table.is_kept:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS control.{table.name} ({columns})"
            )
            continue
        connection.execute(f"CREATE OR REPLACE TABLE control.{table.name} ({columns})")
        if table.rows:
            of_row = f"({', '.join('?' for _ in table.columns)})"
            # A statement for each row would take longer than the rows.
            for start in range(0, len(table.rows), _ROWS_PER_STATEMENT):
                rows = table.rows[start : start + _ROWS_PER_STATEMENT]
                connection.execute(
                    f"INSERT INTO control.{table.name} VALUES"
                    f" {', '.join([of_row] * len(rows))}",
                    [value for row in rows for value in row],
                )
    connection.execute("COMMIT")


def open_build(
    path: Path, config: Mapping[str, str | bool | int | float | list[str]] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the build database; recreate it if it can no longer be opened.

    Parameters
    ----------
    path : Path
        Path of the existing or future database.
    config : mapping, optional
        Settings of the engine, by DuckDB's names.

    Raises
    ------
    RunLockedError
        Another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = dict(config or {})
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            return duckdb.connect(str(path), config=options)
        except duckdb.IOException as error:
            if not is_held_elsewhere(error):
                break
            # The dbt of a run that was killed takes a moment to end.
            if time.monotonic() > deadline:
                raise RunLockedError(
                    "Another process has the build database open.",
                    where=str(path),
                    next_step="End that process and run again.",
                ) from error
            time.sleep(0.1)
        except duckdb.Error:
            break
    # Nothing in the build database is evidence: an unreadable database is rebuilt.
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    return duckdb.connect(str(path), config=options)
