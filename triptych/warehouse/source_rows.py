"""Which rows of evidence may be looked at, whatever asks for them.

Marts leave out what is not for somebody; the rows behind a figure must not bring it
back. Rows that tell of single people are shown to nobody: what can be said of people
stands in the marts, of groups of five or more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A row of these is somebody's answer, or hours that somebody booked.
STREAMS_OF_PEOPLE = frozenset({"survey_responses", "worklogs"})
#: The view over the charges of a run.
LINE_ITEMS = "line_items"


def tables_asked_for(cursor: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Return the tables and views that a query names, such as ``raw.evidence.focus``.

    Raises
    ------
    duckdb.Error
        It is no query of tables: it calls a function that reads something else.
    """
    row = cursor.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        # Not parsed, or no SELECT: the engine has the better words.
        raise duckdb.ParserException(str(tree.get("error_message", "no query")))
    nodes = list(_nodes(tree))
    if any(node.get("type") == "TABLE_FUNCTION" for node in nodes):
        raise duckdb.PermissionException("A query of line items reads tables only.")
    named = {
        entry["key"]
        for node in nodes
        if "cte_map" in node
        for entry in node["cte_map"]["map"]
    }
    return {name for node in nodes for name in _table(node)} - named


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  (parsed JSON)
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _table(node: dict[str, Any]) -> Iterator[str]:
    if node.get("type") == "BASE_TABLE":
        parts = (node["catalog_name"], node["schema_name"], node["table_name"])
        yield ".".join(part for part in parts if part)
