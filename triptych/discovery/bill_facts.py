"""Adds up a bill that was opened: money, months, services, tags."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_MOST_LISTED = 12
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class TagCoverage:
    """How much of a bill carries a tag key: of its lines, and of its money."""

    key: str
    line_share: float
    cost_share: float
    value_count: int
    examples: tuple[str, ...]


def costs(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Decimal]:
    """Return billed cost by currency, the most first."""
    rows = connection.execute(
        f"SELECT billing_currency, sum(billed_cost) FROM {table}"
        " GROUP BY billing_currency ORDER BY sum(abs(billed_cost)) DESC, 1"
    ).fetchall()
    return {str(code): Decimal(cost) for code, cost in rows}


def listed(
    connection: duckdb.DuckDBPyConnection, table: str, expression: str
) -> tuple[str, ...]:
    """Return the values of an expression, sorted."""
    rows = connection.execute(
        f"SELECT DISTINCT {expression} AS value FROM {table}"
        " WHERE value IS NOT NULL ORDER BY value"
    ).fetchall()
    return tuple(str(value) for (value,) in rows)


def top(
    connection: duckdb.DuckDBPyConnection, table: str, expression: str
) -> tuple[str, ...]:
    """Return the values that most money has."""
    rows = connection.execute(
        f"SELECT {expression} AS value, sum(abs(billed_cost)) AS money FROM {table}"
        " WHERE value IS NOT NULL GROUP BY value"
        f" ORDER BY money DESC, value LIMIT {_MOST_LISTED}"
    ).fetchall()
    return tuple(str(value) for value, _ in rows)


def tags_of(
    connection: duckdb.DuckDBPyConnection, table: str
) -> tuple[TagCoverage, ...]:
    """Return tag keys with their share of lines and money, from 0 to 1."""
    rows = connection.execute(
        "WITH entries AS (SELECT unnest(map_entries(tags)) AS entry,"
        f" abs(billed_cost) AS money FROM {table}),"
        " filled AS (SELECT entry.key AS key, entry.value AS value, money FROM entries"
        " WHERE entry.value <> ''),"
        " by_value AS (SELECT key, value, count(*) AS line_count, sum(money) AS money"
        " FROM filled GROUP BY key, value)"
        " SELECT key, sum(line_count), sum(money), count(*),"
        f" list(value ORDER BY money DESC, value)[:{_EXAMPLES}]"
        " FROM by_value GROUP BY key ORDER BY sum(money) DESC, key"
    ).fetchall()
    lines = number(connection, f"SELECT count(*) FROM {table}")
    money = connection.execute(f"SELECT sum(abs(billed_cost)) FROM {table}").fetchone()
    whole = float(money[0] or 0) if money else 0.0
    return tuple(
        TagCoverage(
            key,
            int(count) / lines,
            float(cost) / whole if whole else 0.0,
            values,
            tuple(examples),
        )
        for key, count, cost, values, examples in rows
    )


def number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Return the number that a query answers."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
