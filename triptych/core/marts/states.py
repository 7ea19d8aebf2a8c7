"""Inputs and contents of every node, kept in the build database.

The state of a node is written in the transaction that writes its rows, so a build that
is killed leaves nodes that are either as they were or as they are to be, and the next
build goes on from there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triptych.core.lake.bulk_rows import append_rows
from triptych.core.marts.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import duckdb

_SCHEMA = "build_state"
#: Schemas of the build database that hold no models.
_NOT_MODELS = f"('control', 'estimates', '{_SCHEMA}')"
_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {_SCHEMA};
CREATE TABLE IF NOT EXISTS {_SCHEMA}.nodes
  (node VARCHAR, input_digest VARCHAR, content_digest VARCHAR, has_months BOOLEAN,
   column_digests VARCHAR, status VARCHAR, failure_count BIGINT, shape VARCHAR);
CREATE TABLE IF NOT EXISTS {_SCHEMA}.months
  (node VARCHAR, billing_month VARCHAR, input_digest VARCHAR, content_digest VARCHAR);
"""
_NODE_COLUMNS = [
    *("node", "input_digest", "content_digest", "has_months", "column_digests"),
    *("status", "failure_count", "shape"),
]


@dataclass(frozen=True, slots=True)
class NodeState:
    """Inputs that a node was built from, and its contents since.

    Attributes
    ----------
    input_digest : str
        Of the SQL and everything it reads, whole.
    content : Digest
        Of its rows, or of its input where it is a view.
    month_inputs : mapping of str to str
        Billing month → digest of the inputs it was built from, for nodes built by
        month.
    status : str
        ``success`` of a model; ``pass`` or ``warn`` of a test that held.
    failure_count : int
        Rows that a test returned.
    shape : str
        Of the SQL of a view and the columns of its inputs; empty for others.
    """

    input_digest: str
    content: Digest
    month_inputs: Mapping[str, str] = field(default_factory=dict)
    status: str = "success"
    failure_count: int = 0
    shape: str = ""


def read_states(connection: duckdb.DuckDBPyConnection) -> dict[str, NodeState]:
    """Return node → state as the last build left it; creates the tables."""
    _create_tables(connection)
    inputs: dict[str, dict[str, str]] = {}
    contents: dict[str, dict[str, str]] = {}
    for node, month, of_input, of_content in connection.execute(
        f"FROM {_SCHEMA}.months"
    ).fetchall():
        if of_input is not None:
            inputs.setdefault(node, {})[month] = of_input
        if of_content is not None:
            contents.setdefault(node, {})[month] = of_content
    states = {}
    for node, of_input, whole, has_months, columns, *ended in connection.execute(
        f"FROM {_SCHEMA}.nodes"
    ).fetchall():
        months = contents.get(node, {}) if has_months else None
        content = Digest(whole, months, json.loads(columns))
        states[node] = NodeState(of_input, content, inputs.get(node, {}), *ended)
    return states


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables; states of an earlier form are forgotten."""
    columns = connection.execute(
        "SELECT list(column_name ORDER BY column_index) FROM duckdb_columns()"
        f" WHERE schema_name = '{_SCHEMA}' AND table_name = 'nodes'"
    ).fetchone()
    if columns and columns[0] and columns[0] != _NODE_COLUMNS:
        connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")
    connection.execute(_TABLES)


def write_states(
    connection: duckdb.DuckDBPyConnection, states: Mapping[str, NodeState]
) -> None:
    """Replace the states of some nodes, in the transaction that is under way."""
    if not states:
        return
    forget(connection, states)
    nodes = [
        (
            node,
            state.input_digest,
            state.content.whole,
            state.content.months is not None,
            json.dumps(dict(state.content.columns)),
            state.status,
            state.failure_count,
            state.shape,
        )
        for node, state in states.items()
    ]
    months = [
        (node, month, *digests)
        for node, state in states.items()
        for month, digests in sorted(_months(state).items())
    ]
    append_rows(connection, f"{_SCHEMA}.nodes", nodes)
    append_rows(connection, f"{_SCHEMA}.months", months)


def forget(connection: duckdb.DuckDBPyConnection, nodes: Iterable[str]) -> None:
    """Remove the states of nodes, so that they are built again."""
    names = list(nodes)
    for table in ("nodes", "months"):
        connection.execute(
            f"DELETE FROM {_SCHEMA}.{table} WHERE list_contains(?::VARCHAR[], node)",
            [names],
        )


def _months(state: NodeState) -> dict[str, tuple[str | None, str | None]]:
    contents = state.content.months or {}
    return {
        month: (state.month_inputs.get(month), contents.get(month))
        for month in state.month_inputs.keys() | contents.keys()
    }


def drop_unknown(
    connection: duckdb.DuckDBPyConnection, relations: Collection[str]
) -> None:
    """Remove relations of an earlier project version that are gone in this."""
    _create_tables(connection)
    known = connection.execute(
        "SELECT 'TABLE', schema_name, table_name FROM duckdb_tables()"
        f" WHERE database_name = 'build' AND schema_name NOT IN {_NOT_MODELS}"
        " UNION ALL SELECT 'VIEW', schema_name, view_name FROM duckdb_views()"
        f" WHERE database_name = 'build' AND NOT internal"
        f" AND schema_name NOT IN {_NOT_MODELS}"
    ).fetchall()
    for kind, schema, name in known:
        relation = f'"build"."{schema}"."{name}"'
        if relation not in relations:
            connection.execute(f"DROP {kind} {relation}")
