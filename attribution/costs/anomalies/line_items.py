"""The line items behind anomalies: what was consumed, before and during.

Read from the evidence itself, through the views of the build, for the months of the
anomalies alone and all of them in one pass.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from attribution.costs.anomalies.drivers import Item
from triptych.core.file_names import literal, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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

    @property
    def months(self) -> set[str]:
        """Return the billing months of the days and of those before, and one more.

        Google's days begin in the morning: the first hours of a month are billed with
        the month before.
        """
        start = self.first_day - timedelta(days=PRIOR_DAYS + 1)
        count = (self.last_day - start).days + 1
        return {f"{start + timedelta(days=day):%Y-%m}" for day in range(count)}


_SCOPES = pa.schema(
    [
        ("number", pa.int32()),
        *((name, pa.string()) for name in ("kind", "source", "service_name")),
        *((name, pa.string()) for name in ("model_id", "pool_id", "currency")),
        *((name, pa.date32()) for name in ("prior_day", "first_day", "last_day")),
    ]
)
#: Rules are applied once and then filtered: a filter on what they say, pushed into
#: them, is a hundred times slower. Each kind of scope is joined by what it names and by
#: its days, so that the work grows with what is found and not with scopes times items.
#: What was before counts as often as its weekday is in the anomaly, by weeks before.
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
items AS (
    SELECT * FROM asked WHERE component NOT IN ('tax', 'credit', 'out_of_scope')
),
days AS MATERIALIZED (
    SELECT
        number, kind, source, service_name, model_id, pool_id, currency, first_day,
        CAST(unnest(generate_series(prior_day, last_day, INTERVAL 1 DAY)) AS DATE)
            AS charge_date
    FROM scopes
),
matched AS (
    SELECT days.number, days.currency, days.first_day, items.*
    FROM days
    INNER JOIN items
        ON days.charge_date = items.charge_date AND days.source = items.source
        AND days.service_name IS NOT DISTINCT FROM items.service_name
    WHERE days.kind = 'service'
    UNION ALL
    SELECT days.number, days.currency, days.first_day, items.*
    FROM days
    INNER JOIN items
        ON days.charge_date = items.charge_date AND days.model_id = items.model_id
    WHERE days.kind = 'model'
    UNION ALL
    SELECT days.number, days.currency, days.first_day, items.*
    FROM days
    INNER JOIN items
        ON days.charge_date = items.charge_date AND days.pool_id = items.pool_id
    WHERE days.kind = 'pool'
    UNION ALL
    SELECT days.number, days.currency, days.first_day, items.*
    FROM days
    INNER JOIN items ON days.charge_date = items.charge_date
    WHERE days.kind = 'unassigned' AND items.model_id IS NULL AND items.pool_id IS NULL
),
of_scope AS (
    SELECT
        matched.number, matched.sku, min(matched.description) AS description,
        matched.consumed_unit, matched.resource, matched.charge_date,
        matched.first_day,
        sum(matched.cost * coalesce(CAST(rates.rate AS DOUBLE), 1)) AS cost,
        sum(matched.quantity) AS quantity
    FROM matched
    LEFT JOIN cost.mart_exchange_rates AS rates
        ON matched.billing_month = rates.billing_month
        AND matched.billing_currency = rates.from_currency
        AND matched.currency = rates.to_currency
    GROUP BY ALL
),
weekdays AS (
    SELECT number, weekday(charge_date) AS weekday,
        count(*) FILTER (WHERE charge_date >= first_day) AS during,
        count(*) FILTER (WHERE charge_date < first_day) AS before
    FROM days
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
    try:
        with attached(connection, evidence):
            found = _query(connection, scopes)
    except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException):
        return None
    items: dict[Scope, list[Item]] = defaultdict(list)
    for number, *values in found:
        items[scopes[number]].append(Item(*values))
    return items


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection, evidence: Evidence
) -> Iterator[None]:
    """Let the views of a build read their evidence while a block runs."""
    raw = literal(str(evidence.raw_database))
    connection.execute(f"ATTACH {raw} AS raw (READ_ONLY)")
    connection.execute(f"SET file_search_path = {search_path(evidence.root)}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{evidence.memory_limit}'")
    try:
        yield
    finally:
        connection.execute("DETACH raw")


def _query(
    connection: duckdb.DuckDBPyConnection, scopes: Sequence[Scope]
) -> list[tuple[Any, ...]]:
    content = [
        {
            **asdict(one),
            "number": number,
            "kind": one.kind,
            "prior_day": one.first_day - timedelta(days=PRIOR_DAYS),
        }
        for number, one in enumerate(scopes)
    ]
    connection.register("scopes", pa.Table.from_pylist(content, _SCOPES))
    first = min(scope.first_day for scope in scopes) - timedelta(days=PRIOR_DAYS)
    last = max(scope.last_day for scope in scopes)
    months = sorted({month for scope in scopes for month in scope.months})
    asked = {"months": months, "first": first, "last": last}
    try:
        return connection.execute(_ITEMS, asked).fetchall()
    finally:
        connection.unregister("scopes")
