"""The line items behind anomalies: what was consumed, before and during.

Read from the evidence itself, through the views of the build, for the months of the
anomalies alone and all of them in one pass.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from attribution.anomalies.drivers import Item

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Days before an anomaly that it is compared with: four of each weekday.
PRIOR_DAYS = 28


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where line items can be read from, and with how much memory.

    Attributes
    ----------
    raw_database : Path
        The catalogue that the build's views read.
    root : Path
        What names of evidence files are relative to.
    memory_limit : str
        As DuckDB takes it, such as ``2GB``.
    """

    raw_database: Path
    root: Path
    memory_limit: str = "2GB"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which line items, of which days.

    Exactly one of service (with its source), model and pool is meant; without any, what
    belongs to no model, feature, team or pool.
    """

    first_day: date
    last_day: date
    currency: str
    source: str | None = None
    service_name: str | None = None
    model_id: str | None = None
    pool_id: str | None = None

    @property
    def kind(self) -> str:
        """Return what is meant."""
        if self.source is not None:
            return "service"
        if self.model_id is not None:
            return "model"
        return "pool" if self.pool_id is not None else "unassigned"


_SCOPES = """
CREATE OR REPLACE TEMP TABLE scopes (
    number INTEGER, kind VARCHAR, source VARCHAR, service_name VARCHAR,
    model_id VARCHAR, pool_id VARCHAR, currency VARCHAR,
    prior_day DATE, first_day DATE, last_day DATE
)
"""
#: Rules are applied once and then filtered: a filter on what they say, pushed into
#: them, is a hundred times slower. What was before counts as often as its weekday is in
#: the anomaly, by the weeks before.
_ITEMS = """
WITH asked AS MATERIALIZED (
    SELECT
        source, service_name, model_id, pool_id, component, charge_date,
        billing_month, coalesce(sku_id, charge_description, service_name, '') AS sku,
        coalesce(charge_description, sku_id, service_name, '') AS description,
        coalesce(resource_id, resource_name) AS resource, consumed_unit,
        upper(billing_currency) AS billing_currency,
        CAST(sum(effective_cost) AS DOUBLE) AS cost,
        CAST(sum(consumed_quantity) AS DOUBLE) AS quantity
    FROM intermediate.int_line_items
    WHERE billing_month IN (SELECT unnest($months))
        AND charge_date BETWEEN $first AND $last
        AND billing_month <= strftime(charge_date, '%Y-%m')
    GROUP BY ALL
),
of_scope AS (
    SELECT
        scopes.number, asked.sku, min(asked.description) AS description,
        asked.consumed_unit, asked.resource, asked.charge_date, scopes.first_day,
        scopes.last_day,
        sum(asked.cost * coalesce(CAST(rates.rate AS DOUBLE), 1)) AS cost,
        sum(asked.quantity) AS quantity
    FROM scopes
    INNER JOIN asked
        ON asked.charge_date BETWEEN scopes.prior_day AND scopes.last_day
        AND CASE scopes.kind
            WHEN 'service' THEN asked.source = scopes.source
                AND asked.service_name IS NOT DISTINCT FROM scopes.service_name
            WHEN 'model' THEN asked.model_id = scopes.model_id
            WHEN 'pool' THEN asked.pool_id = scopes.pool_id
            ELSE asked.model_id IS NULL AND asked.pool_id IS NULL
        END
        AND asked.component NOT IN ('tax', 'credit', 'out_of_scope')
    LEFT JOIN cost.mart_exchange_rates AS rates
        ON asked.billing_month = rates.billing_month
        AND asked.billing_currency = rates.from_currency
        AND scopes.currency = rates.to_currency
    GROUP BY ALL
),
weekdays AS (
    SELECT number, weekday(day) AS weekday,
        count(*) FILTER (WHERE day >= first_day) AS during,
        count(*) FILTER (WHERE day < first_day) AS before
    FROM (
        SELECT number, first_day,
            unnest(generate_series(prior_day, last_day, INTERVAL 1 DAY)) AS day
        FROM scopes
    )
    GROUP BY ALL
)
SELECT
    of_scope.number, of_scope.description AS sku, consumed_unit, resource,
    sum(CASE WHEN charge_date < first_day THEN cost * during / before ELSE 0 END),
    sum(CASE WHEN charge_date >= first_day THEN cost ELSE 0 END),
    sum(CASE WHEN charge_date < first_day THEN quantity * during / before END),
    sum(CASE WHEN charge_date >= first_day THEN quantity END)
FROM of_scope
INNER JOIN weekdays
    ON of_scope.number = weekdays.number
    AND weekday(of_scope.charge_date) = weekdays.weekday
GROUP BY ALL
ORDER BY ALL
"""


def read_items(
    connection: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    scopes: Sequence[Scope],
) -> dict[Scope, list[Item]] | None:
    """Read what was consumed in each scope.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database of this run, with its views.
    evidence : Evidence
        What the views read.
    scopes : sequence of Scope
        What is asked for.

    Returns
    -------
    dict of Scope to list of Item, or None
        ``None`` where the evidence is out of reach from here: it was left in place in
        a bucket.
    """
    if not scopes:
        return {}
    _attach(connection, evidence)
    try:
        found = _query(connection, scopes)
    except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException):
        return None
    finally:
        connection.execute("DETACH raw")
    items: dict[Scope, list[Item]] = defaultdict(list)
    for number, *values in found:
        items[scopes[number]].append(Item(*values))
    return items


def _attach(connection: duckdb.DuckDBPyConnection, evidence: Evidence) -> None:
    raw = str(evidence.raw_database).replace("'", "''")
    root = str(evidence.root).replace("'", "''")
    connection.execute(f"ATTACH '{raw}' AS raw (READ_ONLY)")
    connection.execute(f"SET file_search_path = '{root}'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{evidence.memory_limit}'")


def _query(
    connection: duckdb.DuckDBPyConnection, scopes: Sequence[Scope]
) -> list[tuple[Any, ...]]:
    connection.execute(_SCOPES)
    connection.executemany(
        "INSERT INTO scopes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number, one.kind, one.source, one.service_name, one.model_id,
                one.pool_id, one.currency, one.first_day - timedelta(days=PRIOR_DAYS),
                one.first_day, one.last_day,
            )
            for number, one in enumerate(scopes)
        ],
    )  # fmt: skip
    first = min(one.first_day for one in scopes) - timedelta(days=PRIOR_DAYS)
    last = max(one.last_day for one in scopes)
    months = sorted({month for one in scopes for month in _months(one)})
    return connection.execute(
        _ITEMS, {"months": months, "first": first, "last": last}
    ).fetchall()


def _months(scope: Scope) -> set[str]:
    """Return the billing months of a scope's days, and the one before.

    Google's days begin in the morning: the first hours of a month are billed with the
    month before.
    """
    start = scope.first_day - timedelta(days=PRIOR_DAYS + 1)
    count = (scope.last_day - start).days + 1
    return {f"{start + timedelta(days=day):%Y-%m}" for day in range(count)}


__all__ = ["PRIOR_DAYS", "Evidence", "Scope", "read_items"]
