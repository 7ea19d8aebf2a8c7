"""Puts many rows into a table at once.

A row by itself costs DuckDB half a millisecond; as lists, a list for each column, two
hundred thousand of them cost a fifth of a second. As Arrow tables they cost more, and
making the first table of a process loads pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import duckdb

    #: Values by column, all of the same length.
    Columns = Mapping[str, Sequence[Any]]


def insert_columns(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Columns,
) -> None:
    """Insert rows that are given column by column; nothing where there is no row.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open for writing; the transaction is the caller's.
    table : str
        Destination table, with its schema.
    columns : mapping of str to sequence
        Values by column, all of the same length; columns that are not named stay NULL.
    """
    if not next(iter(columns.values()), ()):
        return
    with_rows(
        connection, columns, f"INSERT INTO {table} BY NAME SELECT * FROM {{rows}}"
    )


def append_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Insert whole rows, with values in the order of the table's columns."""
    if rows:
        columns = {str(at): of for at, of in enumerate(zip(*rows, strict=True))}
        with_rows(connection, columns, f"INSERT INTO {table} FROM {{rows}}")


def with_rows(
    connection: duckdb.DuckDBPyConnection,
    columns: Columns,
    statement: str,
    types: Mapping[str, str] | None = None,
) -> list[tuple[Any, ...]]:
    """Run a statement with ``{rows}`` replaced by rows given as columns.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The transaction is the caller's.
    columns : mapping of str to sequence
        Values by column, all of the same length.
    statement : str
        With ``{rows}`` where a subquery may stand.
    types : mapping of str to str, optional
        Types of columns by name; the engine derives those of the others.

    Returns
    -------
    list of tuple
        Result rows of the statement.
    """
    casts = {name: f"::{type_}[]" for name, type_ in (types or {}).items()}
    listed = ", ".join(
        f'unnest(${at}{casts.get(name, "")}) AS "{name}"'
        for at, name in enumerate(columns, start=1)
    )
    sql = statement.format(rows=f"(SELECT {listed})")
    return connection.execute(sql, list(columns.values())).fetchall()
