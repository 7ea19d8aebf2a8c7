"""Relations available to a build, and the columns of each.

Asked of the engine once; replacements by a build are followed here. Binding a view on
top of ten others takes as long as building a small table, so a view is not created
again while neither its SQL nor a column of its inputs has changed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import duckdb

from triptych.core.marts.digests import MONTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.marts.recipe import Node

#: Schemas of the build not made by models. They are read as sources are.
_NOT_MODELS = frozenset({"control", "build_state", "estimates"})
_COLUMNS = """
SELECT database_name, schema_name, table_name,
  list(column_name ORDER BY column_index), list(data_type ORDER BY column_index)
FROM duckdb_columns() WHERE NOT internal AND database_name IN ('build', 'raw')
GROUP BY ALL
"""
_OF_VIEW = """
SELECT column_name, data_type FROM duckdb_columns()
WHERE database_name = 'build' AND schema_name = ? AND table_name = ?
ORDER BY column_index
"""
_VIEWS = """
SELECT schema_name, view_name FROM duckdb_views()
WHERE database_name = 'build' AND NOT internal
"""


class Relations:
    """The relations of a build database and of the catalogue that is attached to it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        On the build database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        #: Relation of a model → column → type, in order.
        self._models: dict[str, dict[str, str]] = {}
        #: ``schema.table`` of any relation other than a model → the same.
        self._sources: dict[str, dict[str, str]] = {}
        for database, schema, table, *columns in connection.execute(
            _COLUMNS
        ).fetchall():
            types = dict(zip(*columns, strict=True))
            if database == "build" and schema not in _NOT_MODELS:
                self._models[_name(schema, table)] = types
            else:
                self._sources[f"{schema}.{table}"] = types
        self._views = {_name(*row) for row in connection.execute(_VIEWS).fetchall()}
        self._schemas: set[str] = set()

    def holds(self, node: Node) -> bool:
        """Return True if a model exists in its declared form, view or table."""
        is_view = node.relation in self._views
        return node.relation in self._models and is_view == node.is_view

    def columns(self, relation: str) -> list[str]:
        """Return the columns of a model's relation; none where it is not there."""
        return list(self._models.get(relation, ()))

    def shape(self, node: Node, known: Mapping[str, Node]) -> list[object]:
        """Return the basis of a view's columns: its SQL, and columns it may read.

        Parameters
        ----------
        node : Node
            The view.
        known : mapping of str to Node
            All models; any other relation is a source.
        """
        read = [
            list(self._models.get(known[parent].relation, {}).items())
            if parent in known
            else list(self._sources.get(parent.split(".", 2)[2], {}).items())
            for parent in node.parents
        ]
        return [node.sql, dict(node.contract), *read]

    def replace(self, node: Node, sql: str) -> None:
        """Recreate the relation of a model, replacing anything under its name.

        Rows of a month lie together: to replace a month that is spread over a table,
        all of the table is rewritten.

        Raises
        ------
        duckdb.InvalidInputException
            The query returns other types than the contract declares.
        """
        self._make_room(node)
        kind = "VIEW" if node.is_view else "TABLE"
        if node.contract:
            listed = ", ".join(f'"{name}"' for name in node.contract)
            sql = f"SELECT {listed} FROM ({sql})"
        if not node.is_view and (node.is_by_month or MONTH in node.contract):
            sql = f"FROM ({sql}) ORDER BY {MONTH}"
        self._connection.execute(f"CREATE OR REPLACE {kind} {node.relation} AS {sql}")
        self._models[node.relation] = types = self._types(node)
        _hold_to_contract(node, types)

    def _types(self, node: Node) -> dict[str, str]:
        """Return column → type of the relation created just now."""
        run = self._connection.execute
        if node.is_view:
            # To describe it, the engine would bind all its inputs once more.
            rows = run(_OF_VIEW, [node.schema, node.table]).fetchall()
        else:
            rows = run(f"DESCRIBE {node.relation}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def _make_room(self, node: Node) -> None:
        """Drop a relation with the name of a model but of the other kind."""
        if node.schema not in self._schemas:
            self._connection.execute(
                f'CREATE SCHEMA IF NOT EXISTS build."{node.schema}"'
            )
            self._schemas.add(node.schema)
        was_view = node.relation in self._views
        if node.relation in self._models and was_view != node.is_view:
            kind = "VIEW" if was_view else "TABLE"
            self._connection.execute(f"DROP {kind} {node.relation}")
        (self._views.add if node.is_view else self._views.discard)(node.relation)


def _name(schema: str, table: str) -> str:
    """Return a relation of the build as dbt writes it."""
    return f'"build"."{schema}"."{table}"'


def _hold_to_contract(node: Node, types: Mapping[str, str]) -> None:
    """Compare the types of a new table with those that its contract declares."""
    for name, declared in node.contract.items():
        if _spelling(declared) != types[name]:
            raise duckdb.InvalidInputException(
                f"The contract of {node.name} declares {name} as {declared};"
                f" the query returns {types[name]}."
            )


@cache
def _spelling(declared: str) -> str:
    """Return a type as the engine spells it: hundreds of columns share a few."""
    return str(duckdb.type(declared))
