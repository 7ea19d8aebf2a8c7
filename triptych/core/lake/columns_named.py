"""Delivered columns that rules name, which no stream declares.

They travel among the tags of their row, under their own names, so that every reader of
tags finds them: rules, line items, the published file. Only columns that rules name are
carried; a bill has hundreds of columns.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from triptych.core.file_names import literal, read_name
from triptych.core.lake.in_place import is_in_bucket

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import duckdb

    from triptych.core.lake.loads import StreamView

#: SQL of a column that a load does not have.
_ABSENT = "CAST(NULL"
_TAGS = "MAP(VARCHAR, VARCHAR)"


def named_columns(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Return the delivered columns that rules name."""
    rows = connection.execute("SELECT name FROM catalogue.named_columns ORDER BY name")
    return tuple(name for (name,) in rows.fetchall())


def keep_names(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
    """Keep which delivered columns rules name, as bills call them.

    ``column.key`` is an entry of a column of maps.
    """
    connection.execute("DELETE FROM catalogue.named_columns")
    for name in sorted(names):
        connection.execute("INSERT INTO catalogue.named_columns VALUES (?)", [name])


def with_named_columns(
    connection: duckdb.DuckDBPyConnection,
    view: StreamView,
    projection: str,
    file: str,
    names: Sequence[str],
) -> str:
    """Return a projection with the files' named columns added to its tags.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``.
    view : StreamView
        The stream.
    projection : str
        Canonical column → SQL over the files, as JSON.
    file : str
        A file of the load; all have the same columns.
    names : sequence of str
        Columns that rules name.
    """
    if not names or is_in_bucket(file):
        return projection
    items: dict[str, str] = json.loads(projection)
    delivered = {
        str(column).casefold(): str(column)
        for column, *_ in connection.execute(
            f"DESCRIBE SELECT * FROM read_parquet([{read_name(file)}])"
        ).fetchall()
    }
    types = dict(view.columns)
    found = {name: _expression(name, delivered, items, types) for name in names}
    entries = ", ".join(
        f"struct_pack(k := {literal(name)}, v := CAST({sql} AS VARCHAR))"
        for name, sql in found.items()
        if sql
    )
    if not entries:
        return projection
    tags = items.get(view.named_into, f"CAST(NULL AS {_TAGS})")
    items[view.named_into] = (
        f"map_concat(coalesce({tags}, CAST(MAP {{}} AS {_TAGS})),"
        f" map_from_entries(list_filter([{entries}],"
        " lambda entry: entry.v IS NOT NULL AND entry.v <> '')))"
    )
    return json.dumps(items)


def _expression(
    name: str,
    delivered: Mapping[str, str],
    items: Mapping[str, str],
    types: Mapping[str, str],
) -> str:
    """Return SQL of a column, or of an entry of one of maps or JSON, or nothing."""
    if column := delivered.get(name.casefold()):
        escaped = column.replace('"', '""')
        return f'"{escaped}"'
    column, _, key = name.partition(".")
    sql = items.get(column, _ABSENT)
    if not key or sql.startswith(_ABSENT):
        return ""
    if types.get(column, _TAGS).startswith("MAP"):
        return f"({sql})[{literal(key)}]"
    path = literal(f'$."{key}"')
    return f"CASE WHEN json_valid({sql}) THEN json_extract_string({sql}, {path}) END"
