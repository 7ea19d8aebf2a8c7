"""The database that a run builds in, and what it is told before dbt starts.

``warehouse/build.duckdb`` is private to the run: no reader opens it, so a crash in
the middle of it harms nobody. Which months were built from which loads is written
down only after every model and test held; a run that was killed is therefore
simply done again for the same months.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.errors import RunLockedError
from triptych.warehouse.bills import BILL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_LOCK_WAIT_SECONDS = 15.0
_ROWS_PER_STATEMENT = 200

#: The tables that are kept between runs and replaced month by month.
INCREMENTAL_TABLES = (
    ("intermediate", "int_charges_summed"),
    ("intermediate", "int_charges_by_invoice"),
    ("intermediate", "stg_aws_data_exports__split_usage"),
)


@dataclass(frozen=True, slots=True)
class ControlTable:
    """A small table that dbt reads as ``source('control', name)``.

    ``columns`` maps column name to DuckDB type; ``rows`` are tuples in that order.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What a build has to do."""

    months_to_build: tuple[str, ...]
    is_full: bool
    signatures: Mapping[str, str]
    recipe_hash: str


@dataclass(frozen=True, slots=True)
class BuiltState:
    """What an engine holds from earlier builds: of which loads, by which recipe."""

    recipe_hash: str | None
    has_tables: bool
    signatures: Mapping[str, str]


def plan_build(
    build_database: Path, raw_database: Path, *, recipe: Mapping[str, object]
) -> BuildPlan:
    """Compare the current loads with what the build database was built from.

    Parameters
    ----------
    build_database : Path
        Created when absent; replaced when it cannot be opened any more.
    raw_database : Path
        The catalogue.
    recipe : mapping
        Everything besides evidence that decides the figures: rules, the dbt
        project's content. A changed recipe builds every month again.

    Returns
    -------
    BuildPlan
        Months whose set of current loads changed, or all of them.
    """
    signatures = month_signatures(raw_database)
    with open_build(build_database) as connection:
        _create_state(connection)
        state = BuiltState(
            recipe_hash=_built_recipe(connection),
            has_tables=_has_tables(connection),
            signatures=dict(
                connection.execute(
                    "SELECT billing_month, signature FROM control.built_months"
                ).fetchall()
            ),
        )
        plan = compare(state, signatures, recipe_hash=hash_of(recipe))
        if plan.is_full:
            for table in INCREMENTAL_TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {'.'.join(table)}")
            connection.execute("DELETE FROM control.built_months")
    return plan


def hash_of(recipe: Mapping[str, object]) -> str:
    """Return a text that differs whenever the recipe does."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def compare(
    state: BuiltState, signatures: Mapping[str, str], *, recipe_hash: str
) -> BuildPlan:
    """Compare what an engine holds with what it should hold.

    Parameters
    ----------
    state : BuiltState
        What the engine was left with.
    signatures : mapping of str to str
        Billing month → signature of its current loads.
    recipe_hash : str
        Of everything else that decides the figures; another one builds all anew.
    """
    is_full = state.recipe_hash != recipe_hash or not state.has_tables
    built = {} if is_full else state.signatures
    changed = {
        month
        for month in signatures.keys() | built.keys()
        if signatures.get(month) != built.get(month)
    }
    return BuildPlan(tuple(sorted(changed)), is_full, signatures, recipe_hash)


def write_control(
    build_database: Path, tables: Iterable[ControlTable], *, plan: BuildPlan
) -> None:
    """Write what dbt reads from the ``control`` schema, in one transaction."""
    months = ControlTable(
        "months_to_build",
        {"billing_month": "VARCHAR"},
        [(month,) for month in plan.months_to_build],
    )
    with open_build(build_database) as connection:
        write_control_tables(connection, (*tables, months))


def write_control_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[ControlTable]
) -> None:
    """Replace tables of the schema ``control``, in one transaction."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS control")
    connection.execute("BEGIN")
    for table in tables:
        columns = ", ".join(f"{name} {of}" for name, of in table.columns.items())
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


def mark_built(build_database: Path, plan: BuildPlan) -> None:
    """Write down from which loads the months are built; call after all tests held."""
    with open_build(build_database) as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM control.built_months")
        if plan.signatures:
            connection.executemany(
                "INSERT INTO control.built_months VALUES (?, ?)",
                [list(item) for item in plan.signatures.items()],
            )
        connection.execute("DELETE FROM control.built_recipe")
        connection.execute(
            "INSERT INTO control.built_recipe VALUES (?)", [plan.recipe_hash]
        )
        connection.execute("COMMIT")


def open_build(
    path: Path, config: Mapping[str, str | bool | int | float | list[str]] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the build database; it begins anew where it cannot be opened any more.

    Parameters
    ----------
    path : Path
        Where it is, or is to be.
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
            if "lock" not in str(error).lower():
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
    # Nothing in the build database is evidence: what cannot be opened is rebuilt.
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    return duckdb.connect(str(path), config=options)


def _create_state(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS control")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS control.built_months"
        " (billing_month VARCHAR, signature VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS control.built_recipe (recipe_hash VARCHAR)"
    )


def _built_recipe(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute("SELECT recipe_hash FROM control.built_recipe").fetchone()
    return None if row is None else str(row[0])


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    held = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
    ).fetchall()
    return set(INCREMENTAL_TABLES) <= set(held)


def month_signatures(raw_database: Path) -> dict[str, str]:
    """Return billing month → signature of the current loads that have charges in it."""
    streams = ", ".join(f"'{stream.name}'" for stream in BILL_STREAMS)
    with duckdb.connect(str(raw_database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT billing_month,"
            " md5(string_agg(DISTINCT load_id, ',' ORDER BY load_id))"
            " FROM catalogue.load_totals JOIN catalogue.loads USING (load_id)"
            f" WHERE status = 'current' AND stream IN ({streams})"
            " GROUP BY billing_month"
        ).fetchall()
    return dict(rows)


__all__ = [
    "INCREMENTAL_TABLES",
    "BuildPlan",
    "BuiltState",
    "ControlTable",
    "compare",
    "hash_of",
    "mark_built",
    "month_signatures",
    "open_build",
    "plan_build",
    "write_control",
    "write_control_tables",
]
