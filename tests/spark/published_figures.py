"""Compares what two runs published, table by table, to the last stored digit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.warehouse.publish import PUBLIC_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What differs between any two runs, whatever built them.
OF_THE_RUN = frozenset({"run_id", "started_at"})
#: What differs between two workspaces that loaded the same, each in its own time.
OF_THE_LOADS = frozenset(
    {"load_id", "loaded_at", "label", "last_loaded_at", "newest_evidence_at"}
    | {"evidence_as_of", "first_seen_at", "last_seen_at", "example"}
)
#: The moment of observation in the scope of a load.
_MOMENT = r"@[0-9-]{10}T[0-9:.]+Z$"
#: What is a digest of DOUBLE figures: a quotient that differs in its last bit gives
#: another one. The figures themselves are compared.
_OF_LAST_BITS = frozenset({"data_hash"})
#: A DOUBLE is a figure for display; engines divide to within its last bits.
_RELATIVE_TOLERANCE = 1e-14

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """The rows of one public mart, in an order that both runs share."""

    types: dict[str, str]
    exact: list[Row]
    approximate: list[Row]


def read_published(
    path: Path, *, but_for: frozenset[str] = frozenset()
) -> dict[str, PublishedTable]:
    """Return every public table of a published file by ``schema.table``.

    Columns named in ``but_for`` are left out; with some, moments in scopes are, too.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            f"{schema}.{table}": _read(
                connection, schema, table, but_for | _OF_LAST_BITS
            )
            for schema, table in _tables(connection)
        }


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    listed = ", ".join(f"'{schema}'" for schema in PUBLIC_SCHEMAS)
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        f" WHERE schema_name IN ({listed}) ORDER BY ALL"
    ).fetchall()


def _read(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    but_for: frozenset[str],
) -> PublishedTable:
    types = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
            [schema, table],
        ).fetchall()
    )
    left_out = OF_THE_RUN | but_for
    exact = [n for n, t in types.items() if t != "DOUBLE" and n not in left_out]
    approximate = [name for name, type_ in types.items() if type_ == "DOUBLE"]
    asked = {name: f'"{name}"' for name in (*exact, *approximate)}
    if but_for & OF_THE_LOADS and "scope" in asked:
        asked["scope"] = f"regexp_replace(scope, '{_MOMENT}', '') AS scope"
    names = ", ".join(asked.values())
    order = ", ".join(f'"{name}" NULLS FIRST' for name in exact)
    rows = connection.execute(
        f'SELECT {names} FROM "{schema}"."{table}" ORDER BY {order}'
    ).fetchall()
    width = len(exact)
    return PublishedTable(
        types, [row[:width] for row in rows], [row[width:] for row in rows]
    )


def differences(
    expected: dict[str, PublishedTable], found: dict[str, PublishedTable]
) -> list[str]:
    """Return what differs, in words; nothing where both published the same."""
    problems = [
        f"{name} is published by one of them only"
        for name in sorted(expected.keys() ^ found.keys())
    ]
    for name in sorted(expected.keys() & found.keys()):
        problems += [
            f"{name}: {text}" for text in _compare(expected[name], found[name])
        ]
    return problems


def _compare(expected: PublishedTable, found: PublishedTable) -> Iterator[str]:
    if expected.types != found.types:
        yield f"the columns are {found.types} instead of {expected.types}"
        return
    if len(expected.exact) != len(found.exact):
        yield f"{len(found.exact)} rows instead of {len(expected.exact)}"
        return
    for one, other in zip(expected.exact, found.exact, strict=True):
        if one != other:
            yield f"{other} instead of {one}"
            return
    for one, other in zip(expected.approximate, found.approximate, strict=True):
        if not all(map(_is_close, one, other)):
            yield f"{other} instead of {one}"
            return


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_RELATIVE_TOLERANCE)
