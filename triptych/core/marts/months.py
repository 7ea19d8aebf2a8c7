"""Building some billing months of a model: its SQL over the same months of its inputs.

A model that is declared to be built by month (``config.meta.built_by: billing_month``)
reads, for the rows of a month, only the rows of that month of its inputs that are by
month. So its SQL over relations that are cut to some months gives just those months.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from triptych.core.marts.digests import MONTH, in_months

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from triptych.core.marts.recipe import Node

#: The macro ``in_months_to_build`` writes this outside of an incremental run of dbt.
_LIMIT = re.compile(
    r"/\* months to build: (?P<column>[\w.\"]+) \*/.*?/\* :months to build \*/",
    re.DOTALL,
)
_CUT = '"temp"."main"'


def reads_line_items(node: Node) -> bool:
    """Return whether a model limits the line items that it reads to months itself."""
    return _LIMIT.search(node.sql) is not None


def limited_to(sql: str, months: Sequence[str]) -> str:
    """Return SQL that reads line items of some months, by constants.

    The engine passes over the Parquet row groups of all other months.
    """

    def bounds(match: re.Match[str]) -> str:
        column = match["column"]
        parts = [
            f"({column} >= TIMESTAMP '{month}-01 00:00:00'"
            f" AND {column} < TIMESTAMP '{month}-01 00:00:00' + INTERVAL 1 MONTH)"
            for month in months
            if month
        ]
        return f"({' OR '.join(parts) or 'false'})"

    return _LIMIT.sub(bounds, sql)


class MonthCut:
    """The relations of a build, cut to some months, as temporary views.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build's.
    nodes : mapping of str to Node
        Models by unique id.
    tables_by_month : set of str
        Unique ids of tables that have a billing month in each row.
    months : sequence of str
        The months that are left of them.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        nodes: Mapping[str, Node],
        tables_by_month: set[str],
        months: Sequence[str],
    ) -> None:
        self._connection = connection
        self._nodes = nodes
        self._tables = tables_by_month
        self._months = months
        self._created: set[str] = set()

    def sql_of(self, node: Node) -> str:
        """Return the SQL of a model over cut relations, which are created first."""
        if reads_line_items(node):
            return limited_to(node.sql, self._months)
        sql = node.sql
        for parent in node.parents:
            known = self._nodes.get(parent)
            if known is not None and self._is_cut(known):
                sql = sql.replace(known.relation, self._cut(known))
        return sql

    def _is_cut(self, node: Node) -> bool:
        if node.is_view:
            return node.is_by_month
        return node.unique_id in self._tables

    def _cut(self, node: Node) -> str:
        name = f'{_CUT}."{node.table}"'
        if node.unique_id not in self._created:
            self._created.add(node.unique_id)
            if node.is_view:
                body = self.sql_of(node)
            else:
                limit = in_months(MONTH, self._months)
                body = f"SELECT * FROM {node.relation} WHERE {limit}"
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {body}")
        return name
