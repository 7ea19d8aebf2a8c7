"""Store of estimates between the two halves of a build.

Tables of the schema ``estimates`` in the build database. dbt reads them as
``source('estimates', …)`` and joins the estimates with the built tables. They stay from
run to run: an estimate with unchanged days is not made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.estimates.delivery_tables import DELIVERY_TABLES
from attribution.estimates.derived_columns import DRIVER_COLUMNS, ELASTICITY_COLUMNS
from attribution.estimates.kept_tables import KEPT_KEYS, KEPT_TABLES
from attribution.estimates.study_tables import STUDY_TABLES
from triptych.core.lake.bulk_rows import with_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import duckdb
    import pyarrow as pa

_SERIES = {"series": "VARCHAR", "model_id": "VARCHAR", "currency": "VARCHAR"}
#: Table → column → type.
TABLES: Mapping[str, Mapping[str, str]] = {
    "cost_forecasts": {
        **_SERIES,
        "charge_date": "DATE",
        "forecast_cost": "DOUBLE",
        "forecast_cost_low": "DOUBLE",
        "forecast_cost_high": "DOUBLE",
    },
    "cost_landings": {
        **_SERIES,
        "landing": "VARCHAR",
        "period": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "last_complete_day": "DATE",
        "remaining_day_count": "INTEGER",
        "remaining_cost": "DOUBLE",
        "remaining_cost_low": "DOUBLE",
        "remaining_cost_high": "DOUBLE",
        "backtest_sum_count": "INTEGER",
        "backtest_error_ratio": "DOUBLE",
        "backtest_week_count": "INTEGER",
        "backtest_coverage_ratio": "DOUBLE",
        "unwidened_coverage_ratio": "DOUBLE",
        "interval_widening_ratio": "DOUBLE",
    },
    "cost_forecast_quality": {
        **_SERIES,
        "method": "VARCHAR",
        "last_complete_day": "DATE",
        "backtest_origin_count": "INTEGER",
        "backtest_error_ratio": "DOUBLE",
        "naive_error_ratio": "DOUBLE",
        "coverage_ratio": "DOUBLE",
    },
    "cost_anomalies": {
        **_SERIES,
        "source": "VARCHAR",
        "service_name": "VARCHAR",
        "first_day": "DATE",
        "last_day": "DATE",
        "day_count": "INTEGER",
        "expected_cost": "DOUBLE",
        "expected_cost_high": "DOUBLE",
        "excess_cost": "DOUBLE",
        "status": "VARCHAR",
        **DRIVER_COLUMNS,
    },
    "platform_elasticities": ELASTICITY_COLUMNS,
    **DELIVERY_TABLES,
    **STUDY_TABLES,
}
#: Before the name of a study among the subjects of digests.
_STUDY_SUBJECT = "study "
_DIGESTS = {"subject": "VARCHAR", "digest": "VARCHAR"}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables; an earlier form of any discards all estimates.

    Estimates of the same subject are spread over several tables: kept in some and lost
    in others, they would be added a second time.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS estimates")
    known = _known_columns(connection)
    tables = {**TABLES, "digests": _DIGESTS}
    if any(known.get(name) != list(of.items()) for name, of in tables.items()):
        for table, columns in tables.items():
            _create(connection, table, columns)
    for table, columns in KEPT_TABLES.items():
        if known.get(table) != list(columns.items()):
            _create(connection, table, columns)


def is_prepared(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether a table is there, in the form it has now."""
    columns = list({**TABLES, **KEPT_TABLES}[table].items())
    return _known_columns(connection).get(table) == columns


def _known_columns(
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, list[tuple[str, str]]]:
    """Return table → its columns with types, in order, by a single query."""
    known_columns: dict[str, list[tuple[str, str]]] = {}
    for table, *column in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = 'estimates' ORDER BY table_name, column_index"
    ).fetchall():
        known_columns.setdefault(table, []).append((column[0], column[1]))
    return known_columns


def is_current(
    connection: duckdb.DuckDBPyConnection, subject: str, digest: str
) -> bool:
    """Return True if the stored result was estimated from just these days."""
    found = connection.execute(
        "SELECT digest FROM estimates.digests WHERE subject = ?", [subject]
    ).fetchall()
    return found == [(digest,)]


def read(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table as they are stored."""
    names = list(TABLES.get(table) or KEPT_TABLES[table])
    found = connection.execute(f"SELECT * FROM estimates.{table}").fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def read_arrays(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    """Return the kept state of series, their lists as arrays."""
    return connection.sql(f"SELECT * FROM estimates.{table}").to_arrow_table()


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the number of rows of a table."""
    row = connection.execute(f"SELECT count(*) FROM estimates.{table}").fetchone()
    return int(row[0]) if row else 0


def replace(
    connection: duckdb.DuckDBPyConnection,
    subject: str,
    digest: str,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """Replace the rows of some tables, in a single transaction.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database, after :func:`prepare`.
    subject, digest : str
        Subject of the estimate, and digest of its days.
    rows : mapping of str to sequence of mapping
        Rows by table, each with every column of :data:`TABLES`, or of the kept tables.
    """
    connection.execute("BEGIN")
    for table, records in rows.items():
        connection.execute(f"DELETE FROM estimates.{table}")
        insert(connection, table, {**TABLES, **KEPT_TABLES}[table], records)
    connection.execute("DELETE FROM estimates.digests WHERE subject = ?", [subject])
    connection.execute("INSERT INTO estimates.digests VALUES (?, ?)", [subject, digest])
    connection.execute("COMMIT")


def keep(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    gone: Collection[tuple[str | None, ...]],
) -> None:
    """Replace the kept state of some series, and remove that of others.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database, after :func:`prepare`.
    table : str
        A key of :data:`~attribution.estimates.kept_tables.KEPT_TABLES`.
    rows : sequence of mapping
        Current state, each row with every column.
    gone : collection of tuple
        Keys of the series that there are no more.
    """
    if not rows and not gone:
        return
    keys = KEPT_KEYS[table]
    stale = [{key: row[key] for key in keys} for row in rows]
    stale += [dict(zip(keys, key, strict=True)) for key in gone]
    connection.execute("BEGIN")
    same = " AND ".join(f"kept.{key} IS NOT DISTINCT FROM stale.{key}" for key in keys)
    _with_rows(
        connection,
        f"DELETE FROM estimates.{table} AS kept USING {{rows}} AS stale WHERE {same}",
        dict.fromkeys(keys, "VARCHAR"),
        stale,
    )
    insert(connection, table, KEPT_TABLES[table], rows)
    connection.execute("COMMIT")


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Insert rows into a table of estimates; nothing where there is no row.

    Not as an Arrow table: the first that a process makes loads pandas.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database; the transaction is the caller's.
    table : str
        Of the schema ``estimates``.
    columns : mapping of str to str
        All columns of the table, in order, with their types.
    rows : sequence of mapping
        Each with every column.
    """
    if rows:
        statement = f"INSERT INTO estimates.{table} FROM {{rows}}"
        _with_rows(connection, statement, columns, rows)


def _with_rows(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Run a statement over rows, column by column: row by row takes far longer."""
    content = {
        name: [_plain(row[name], is_map=type_.startswith("MAP")) for row in rows]
        for name, type_ in columns.items()
    }
    with_rows(connection, content, statement, columns)


def _plain(value: Any, *, is_map: bool) -> Any:  # noqa: ANN401  (whatever a cell holds)
    """Return a value as the engine takes it: no array, and a map by its two lists."""
    if is_map:
        keys, values = zip(*value, strict=True) if value else ((), ())
        return {"key": list(keys), "value": [_plain(v, is_map=False) for v in values]}
    return value.tolist() if hasattr(value, "tolist") else value


def studies(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the studies with stored results, each with its digest.

    The digest of a failed study is empty: it is to be tried again.
    """
    found = connection.execute(
        "SELECT study_id, CASE WHEN status = 'failed' THEN '' ELSE digest END"
        " FROM estimates.attribution_studies"
        " LEFT JOIN estimates.digests ON subject = ? || study_id",
        [_STUDY_SUBJECT],
    ).fetchall()
    return {study_id: digest or "" for study_id, digest in found}


def locked(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the studies that were locked when they were estimated last, in order."""
    found = connection.execute(
        "SELECT study_id FROM estimates.attribution_studies"
        " WHERE registered_at IS NOT NULL ORDER BY study_id"
    ).fetchall()
    return [study_id for (study_id,) in found]


def replace_study(
    connection: duckdb.DuckDBPyConnection,
    study_id: str,
    digest: str,
    rows: Mapping[str, pa.Table],
) -> None:
    """Replace the stored results of a study, in a single transaction.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database, after :func:`prepare`.
    study_id, digest : str
        The study, and the digest of its inputs.
    rows : mapping of str to Table
        Rows by table, with its columns by name; no other study's. A table that is not
        named has none.
    """
    connection.execute("BEGIN")
    _remove(connection, study_id)
    for table, content in rows.items():
        names = ", ".join(STUDY_TABLES[table])
        connection.register("content", content)
        connection.execute(f"INSERT INTO estimates.{table} SELECT {names} FROM content")
        connection.unregister("content")
    connection.execute(
        "INSERT INTO estimates.digests VALUES (?, ?)",
        [_STUDY_SUBJECT + study_id, digest],
    )
    connection.execute("COMMIT")


def keep_study(
    connection: duckdb.DuckDBPyConnection, study_id: str, digest: str
) -> None:
    """Keep the stored results of a study for other inputs."""
    connection.execute(
        "UPDATE estimates.digests SET digest = ? WHERE subject = ?",
        [digest, _STUDY_SUBJECT + study_id],
    )


def remove_studies(
    connection: duckdb.DuckDBPyConnection, study_ids: Collection[str]
) -> None:
    """Remove the stored results of studies, such as those without a file."""
    connection.execute("BEGIN")
    for study_id in sorted(study_ids):
        _remove(connection, study_id)
    connection.execute("COMMIT")


def _remove(connection: duckdb.DuckDBPyConnection, study_id: str) -> None:
    known = connection.execute(
        "SELECT 1 FROM estimates.attribution_studies WHERE study_id = ?", [study_id]
    ).fetchone()
    # Every result has a row there; the other tables can be long.
    for table in STUDY_TABLES if known else ():
        connection.execute(
            f"DELETE FROM estimates.{table} WHERE study_id = ?", [study_id]
        )
    connection.execute(
        "DELETE FROM estimates.digests WHERE subject = ?", [_STUDY_SUBJECT + study_id]
    )


def _create(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> None:
    described = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE estimates.{table} ({described})")


def columns_of(
    connection: duckdb.DuckDBPyConnection, table: str
) -> list[tuple[str, str]]:
    """Return the columns of a table of estimates, with their types, in order."""
    return connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = 'estimates' AND table_name = ? ORDER BY column_index",
        [table],
    ).fetchall()
