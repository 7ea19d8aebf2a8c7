"""A published run as somebody may see it who may not see all of it.

Users of a restricted snapshot find views in place of the marts: without the marts, the
columns and the rows that are not for them. A query unaware of that cannot get at more:
nothing else can be reached by a name that it knows.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.file_names import literal
from triptych.core.warehouse.published_file import ATTACHED_AS, answer, attach_published
from triptych.core.warehouse.reader import LineItemsOutOfReachError, Snapshot
from triptych.core.warehouse.source_rows import (
    LINE_ITEMS,
    ROW_FUNCTIONS,
    tables_asked_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from triptych.core.warehouse.published_file import Parameters


#: Tables on the making of a figure; the rest of ``lineage`` are inputs of a run, rates
#: of pay and the closer of a month among them.
_LINEAGE = frozenset(
    {
        *("models", "model_columns", "loads", "load_months", "inputs"),
        *("files_at_rest", "files_in_place"),
    }
)
#: The month that a row of delivery is of.
_MONTHS = ("month", "impact_month", "started_month")
#: Columns of rows that are of several months.
_SPANS_MONTHS = frozenset({"window_months", "first_month", "quarter"})


@dataclass(frozen=True, slots=True)
class Restriction:
    """Visible part of a run.

    Attributes
    ----------
    name : str
        Name of the view, for messages: ``viewer``.
    shown : tuple of str or None
        Marts that are there: ``cost.mart_run``, or ``delivery.*``; None for all.
    hidden : tuple of str
        Marts that are not there though ``shown`` has them.
    blank : tuple of (str, tuple of str)
        Columns of a mart that are NULL.
    cost_centers : tuple of str or None
        Only rows of these; None for all.
    whole : tuple of str
        Marts that ``cost_centers`` does not narrow, as they describe nobody's cost.
    has_line_items : bool
        True if line items and evidence can be read.
    streams : tuple of str or None
        Streams with rows that can be looked at, where line items can; None for all.
    """

    name: str
    shown: tuple[str, ...] | None = None
    hidden: tuple[str, ...] = ()
    blank: tuple[tuple[str, tuple[str, ...]], ...] = ()
    cost_centers: tuple[str, ...] | None = None
    whole: tuple[str, ...] = ()
    has_line_items: bool = True
    streams: tuple[str, ...] | None = None

    def shows(self, mart: str) -> bool:
        """Return True if a mart is there at all."""
        in_shown = self.shown is None or _is_among(mart, self.shown)
        return in_shown and not _is_among(mart, self.hidden)

    @property
    def key(self) -> str:
        """A text that two restrictions have in common only if they are equal."""
        narrowed = None if self.cost_centers is None else sorted(self.cost_centers)
        parts = [self.name, self.shown, self.hidden, self.blank, narrowed, self.whole]
        return json.dumps([*parts, self.has_line_items, self.streams])


def _is_among(mart: str, names: Iterable[str]) -> bool:
    schema = mart.partition(".")[0]
    return any(name in (mart, f"{schema}.*") for name in names)


@dataclass(frozen=True, slots=True)
class RestrictedSnapshot(Snapshot):
    """A snapshot that answers only queries within a restriction."""

    restriction: Restriction
    _behind: str
    _views: frozenset[str]

    @property
    def _whole(self) -> str:
        return self._behind

    def tables(self) -> tuple[str, ...]:
        """Return the marts that can be asked for, such as ``core.mart_run``."""
        return tuple(sorted(n for n in self._views if not n.startswith("lineage.")))

    @property
    def viewed_as(self) -> str:
        """Part of the key of anything cached from this snapshot."""
        return self.restriction.key

    @property
    def has_line_items(self) -> bool:
        """Return True if the user may query line items."""
        return self.restriction.has_line_items

    def query(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Answer a query over the visible part.

        Raises
        ------
        duckdb.Error
            The query is not valid, or asks for a mart that is not there.
        """
        self._refuse_others(sql)
        return answer(self._connection.cursor(), sql, parameters)

    def _refuse_others(self, sql: str) -> None:
        """Refuse a query that names anything but the views that this snapshot has.

        The whole run is attached under a name that can be looked up in the engine's own
        tables and functions; so these are no part of an answer either.
        """
        for name in _named_in(sql):
            if name.removeprefix("memory.") not in self._views:
                raise duckdb.CatalogException(f"Table {name} does not exist here.")

    def query_line_items(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Answer a query over line items, if they may be seen.

        Raises
        ------
        LineItemsOutOfReachError
            They may not, or cannot be read here.
        """
        if not self.restriction.has_line_items:
            raise LineItemsOutOfReachError(
                f"Line items and source rows are not shown to {self.restriction.name}.",
                next_step="Ask somebody in finance for them.",
            )
        # Not super(): a dataclass with slots is another class than the class written.
        return Snapshot.query_line_items(self, sql, parameters)

    def shows_rows_of(self, stream: str) -> bool:
        """Return True if rows of a stream of evidence may be viewed."""
        allowed = self.restriction
        is_for_role = allowed.streams is None or stream in allowed.streams
        is_for_anybody = Snapshot.shows_rows_of(self, stream)
        return allowed.has_line_items and is_for_role and is_for_anybody

    def _shows_beside_line_items(self, table: str) -> bool:
        if table == LINE_ITEMS:
            return True
        database, _, mart = table.partition(".")
        is_whole = mart not in dict(self.restriction.blank)
        return database == ATTACHED_AS and is_whole and self.restriction.shows(mart)

    def _to_whom(self) -> str:
        return f" to {self.restriction.name}"


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:")


@lru_cache(maxsize=2048)
def _named_in(sql: str) -> frozenset[str]:
    """Return the tables that a query names; a page repeats its queries."""
    names = tables_asked_for(_parser().cursor(), sql, functions=ROW_FUNCTIONS)
    return frozenset(name.lower() for name in names)


def restricted(
    snapshot: Snapshot, root: Path, restriction: Restriction
) -> RestrictedSnapshot:
    """Return a run as a restriction lets it be seen.

    Parameters
    ----------
    snapshot : Snapshot
        The whole run.
    root : Path
        Workspace folder.
    restriction : Restriction
        Visible part.
    """
    # A name that no query knows.
    behind = f"whole_{secrets.token_hex(8)}"
    connection = attach_published(snapshot.path, root, name=behind)
    views = []
    for schema, table, columns in _tables(connection, behind):
        mart = f"{schema}.{table}"
        is_told = schema != "lineage" or table in _LINEAGE
        if not (is_told and restriction.shows(mart)):
            continue
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS memory."{schema}"')
        shown = _columns(columns, dict(restriction.blank).get(mart, ()))
        connection.execute(
            f'CREATE VIEW memory."{schema}"."{table}" AS SELECT {shown}'
            f' FROM "{behind}"."{schema}"."{table}" AS seen'
            f" WHERE {_condition(mart, columns, restriction, behind)}"
        )
        views.append(mart)
    return RestrictedSnapshot(
        snapshot.run_id,
        snapshot.path,
        connection,
        snapshot._lineage,  # noqa: SLF001  (its narrower half)
        restriction,
        behind,
        frozenset(views),
    )


def _tables(
    connection: duckdb.DuckDBPyConnection, database: str
) -> list[tuple[str, str, dict[str, str]]]:
    """Return schema, name, and types of the columns of each table."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE database_name = ? ORDER BY ALL",
        [database],
    ).fetchall()
    for schema, table, column, kind in rows:
        found.setdefault((schema, table), {})[column] = kind
    return [(schema, table, columns) for (schema, table), columns in found.items()]


def _columns(columns: dict[str, str], blank: tuple[str, ...]) -> str:
    replaced = [
        f'CAST(NULL AS {columns[name]}) AS "{name}"'
        for name in blank
        if name in columns
    ]
    return f"* REPLACE ({', '.join(replaced)})" if replaced else "*"


def _condition(
    mart: str, columns: dict[str, str], restriction: Restriction, behind: str
) -> str:
    """Return the condition of visible rows; none if no cost centre."""
    centers = restriction.cost_centers
    if centers is None or _is_among(mart, restriction.whole):
        return "true"
    listed = ", ".join(literal(center) for center in centers)
    if "cost_center" in columns:
        return f"cost_center IN ({listed})"
    for kind_column in ("scope_kind", "scope_type"):
        if {kind_column, "scope_id"} <= set(columns):
            return (
                f"({kind_column} = 'cost_center' AND scope_id IN ({listed})) OR"
                f" ({kind_column} = 'model'"
                f" AND {_is_own_model('scope_id', columns, listed, behind)}) OR"
                f" ({kind_column} = 'team'"
                f" AND {_is_own_team('scope_id', listed, behind)})"
            )
    by_owner = []
    if "model_id" in columns:
        by_owner.append(_is_own_model("model_id", columns, listed, behind))
    if "team_id" in columns:
        by_owner.append(_is_own_team("team_id", listed, behind))
    return " OR ".join(by_owner) or "false"


def _is_own_team(column: str, listed: str, behind: str) -> str:
    return (
        f'{column} IN (SELECT team_id FROM "{behind}".core.dim_teams'
        f" WHERE cost_center IN ({listed}))"
    )


def _is_own_model(
    column: str, columns: dict[str, str], listed: str, behind: str
) -> str:
    """Return whether a row is of a model of these cost centres.

    A model can move to another cost centre. A billing month of it is seen where all of
    its cost in that month is of these, another month where all of its owners in it are;
    rows that span months, or have none, where no other ever owned it. A quarter among
    billing months takes both: all cost is of these, and all owners are.
    """
    is_own = f"coalesce(owner.cost_center IN ({listed}), false)"
    always = f"bool_and({is_own})"
    if "billing_month" in columns and "prior_billing_month" not in columns:
        billed = (
            f' FROM "{behind}".cost.fct_daily_model_costs WHERE model_id IS NOT NULL'
            " GROUP BY ALL"
            f" HAVING bool_and(coalesce(cost_center IN ({listed}), false))"
        )
        of_month = (
            f"({column}, billing_month) IN (SELECT model_id, billing_month{billed})"
        )
        if "period_type" not in columns:
            return of_month
        return (
            f"({of_month} OR (billing_month IS NULL"
            f" AND {column} IN (SELECT model_id{billed})"
            f" AND {_is_owned(column, always, behind)}))"
        )
    month = next((name for name in _MONTHS if name in columns), None)
    if month is None or _SPANS_MONTHS & set(columns):
        then = always
    else:
        # In a month without an owner, those of all other months decide.
        in_month = (
            f"coalesce(strftime(owner.valid_from, '%Y-%m') <= seen.{month}, true)"
            " AND coalesce(strftime(owner.valid_to - INTERVAL 1 DAY, '%Y-%m')"
            f" >= seen.{month}, true)"
        )
        then = f"coalesce(bool_and(CASE WHEN {in_month} THEN {is_own} END), {always})"
    return _is_owned(column, then, behind)


def _is_owned(column: str, then: str, behind: str) -> str:
    """Return whether a condition holds of the owners of a model."""
    return (
        f'coalesce((SELECT {then} FROM "{behind}".core.dim_models AS owner'
        f" WHERE owner.model_id = seen.{column}), false)"
    )
