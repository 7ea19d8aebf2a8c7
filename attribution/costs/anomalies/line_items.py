"""Line items behind anomalies: consumption before and during.

Read from the evidence itself, through the views of the build, for the months of the
anomalies alone and all of them in a single pass.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from attribution.costs.anomalies.drivers import Item
from triptych.core.file_names import literal, search_path
from triptych.core.lake.bulk_rows import with_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Days before an anomaly that it is compared with: four of each weekday.
PRIOR_DAYS = 28


@dataclass(frozen=True, slots=True)
class Evidence:
    """Source of line items, and the memory for reading them.

    Attributes
    ----------
    raw_database : Path
        The catalogue that the build's views read.
    root : Path
        Base folder of the names of evidence files.
    memory_limit : str
        As DuckDB takes it, such as ``2GB``; no more than it may take already.
    """

    raw_database: Path
    root: Path
    memory_limit: str = "2GB"


@dataclass(frozen=True, slots=True)
class Scope:
    """Selection of line items and days.

    Exactly one of service (with its source), model and pool is meant; without any, the
    items that belong to no model, feature, team or pool.
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
        """Return the kind of the scope."""
        if self.source is not None:
            return "service"
        if self.model_id is not None:
            return "model"
        return "pool" if self.pool_id is not None else "unassigned"

    @property
    def months(self) -> set[str]:
        """Return billing months of the days and those before, plus another.

        Google's days begin in the morning: the first hours of a month are billed with
        the month before.
        """
        start = self.first_day - timedelta(days=PRIOR_DAYS + 1)
        count = (self.last_day - start).days + 1
        return {f"{start + timedelta(days=day):%Y-%m}" for day in range(count)}


_SCOPES = {
    "number": "INTEGER",
    **dict.fromkeys(("kind", "source", "service_name"), "VARCHAR"),
    **dict.fromkeys(("model_id", "pool_id", "currency"), "VARCHAR"),
    **dict.fromkeys(("prior_day", "first_day", "last_day"), "DATE"),
}
_LIMIT = """
SELECT least(
    parse_formatted_bytes(?),
    parse_formatted_bytes(current_setting('memory_limit'))
)
"""
#: A single pass, which carries no line item on: each is added up at once, by the parts
#: of scopes that its day is in. A part is a set of scopes, each with how often the day
#: counts: an earlier day counts as often as its weekday is in the anomaly, by weeks
#: before, and a day of the anomaly has no weight. Moments are compared as they are
#: delivered, so that months that nothing requests are not read. Rules are applied once
#: all is added up: a filter on them, pushed into them, is a hundred times slower. A SKU
#: goes by the description that cost most, for all its resources: some name a price, or
#: a fee of nothing.
_ITEMS = """
WITH scope_days AS (
    SELECT
        * EXCLUDE (first_day, last_day, prior_day),
        CASE WHEN charge_date < first_day THEN
            count(*) FILTER (WHERE charge_date >= first_day) OVER weekdays
            / count(*) FILTER (WHERE charge_date < first_day) OVER weekdays
        END AS weight
    FROM (
        SELECT
            *,
            CAST(unnest(generate_series(prior_day, last_day, INTERVAL 1 DAY)) AS DATE)
                AS charge_date
        FROM scopes
    )
    WINDOW weekdays AS (PARTITION BY number, weekday(charge_date))
),
days AS MATERIALIZED (
    SELECT *, dense_rank() OVER (ORDER BY counted) AS part
    FROM (
        SELECT
            * EXCLUDE (number, currency, weight),
            list(
                {'number': number, 'currency': currency, 'weight': weight}
                ORDER BY number
            ) AS counted
        FROM scope_days
        GROUP BY ALL
    )
),
calendar AS (
    SELECT DISTINCT charge_date, strftime(charge_date, '%Y-%m') AS charge_month
    FROM days
),
items AS MATERIALIZED (
    SELECT
        of_service.part AS service_part, of_model.part AS model_part,
        of_pool.part AS pool_part, of_none.part AS unassigned_part,
        is_ai_cost, billing_month, billing_currency,
        coalesce(sku_id, charge_description, items.service_name, '') AS sku,
        coalesce(charge_description, sku_id, items.service_name, '') AS description,
        coalesce(resource_id, resource_name) AS resource, consumed_unit,
        sum(effective_cost) AS cost, sum(consumed_quantity) AS quantity
    FROM intermediate.int_line_items AS items
    INNER JOIN calendar
        ON items.charge_date = calendar.charge_date
        AND items.billing_month <= calendar.charge_month
    LEFT JOIN (FROM days WHERE kind = 'service') AS of_service
        ON items.charge_date = of_service.charge_date
        AND items.source = of_service.source
        AND items.service_name IS NOT DISTINCT FROM of_service.service_name
    LEFT JOIN (FROM days WHERE kind = 'model') AS of_model
        ON items.charge_date = of_model.charge_date
        AND items.model_id = of_model.model_id
    LEFT JOIN (FROM days WHERE kind = 'pool') AS of_pool
        ON items.charge_date = of_pool.charge_date AND items.pool_id = of_pool.pool_id
    LEFT JOIN (FROM days WHERE kind = 'unassigned') AS of_none
        ON items.charge_date = of_none.charge_date
        AND items.model_id IS NULL AND items.pool_id IS NULL
    WHERE charge_period_start >= CAST($first AS TIMESTAMP)
        AND charge_period_start < CAST($last AS TIMESTAMP) + INTERVAL 1 DAY
        AND coalesce(service_part, model_part, pool_part, unassigned_part) IS NOT NULL
    GROUP BY ALL
),
parts AS (
    SELECT part, unnest(any_value(counted), recursive := true) FROM days GROUP BY part
),
matched AS (
    SELECT
        *, unnest([service_part, model_part, pool_part, unassigned_part]) AS part
    FROM items
    WHERE is_ai_cost
        AND billing_month IN (SELECT unnest($months))
),
of_sku AS MATERIALIZED (
    SELECT
        number, sku, description, consumed_unit, resource,
        sum(matched.cost) AS described_cost,
        sum(CAST(cost AS DOUBLE) * coalesce(CAST(rate AS DOUBLE), 1) * weight)
            AS prior_cost,
        sum(CAST(cost AS DOUBLE) * coalesce(CAST(rate AS DOUBLE), 1))
            FILTER (WHERE weight IS NULL) AS cost,
        sum(CAST(quantity AS DOUBLE) * weight) AS prior_quantity,
        sum(CAST(quantity AS DOUBLE)) FILTER (WHERE weight IS NULL) AS quantity
    FROM matched
    INNER JOIN parts ON matched.part = parts.part
    LEFT JOIN cost.mart_exchange_rates AS rates
        ON matched.billing_month = rates.billing_month
        AND matched.billing_currency = rates.from_currency
        AND parts.currency = rates.to_currency
    WHERE matched.billing_currency = parts.currency OR rate IS NOT NULL
    GROUP BY ALL
),
descriptions AS (
    SELECT
        number, sku, description, coalesce(sum(described_cost), 0) AS described_cost
    FROM of_sku
    GROUP BY ALL
),
names AS (
    SELECT number, sku, max((described_cost, description))[2] AS name
    FROM descriptions
    GROUP BY ALL
)
SELECT
    number, name, consumed_unit, resource,
    coalesce(sum(prior_cost), 0), coalesce(sum(cost), 0),
    sum(prior_quantity), sum(quantity)
FROM of_sku
INNER JOIN names USING (number, sku)
GROUP BY ALL
ORDER BY ALL
"""


def read_items(
    connection: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    scopes: Sequence[Scope],
) -> dict[Scope, list[Item]] | None:
    """Read the consumption in each scope.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database of this run, with its views.
    evidence : Evidence
        Sources that the views read.
    scopes : sequence of Scope
        Requested scopes; of two models that are dearer by the same pool, the same
        scope.

    Returns
    -------
    dict of Scope to list of Item, or None
        ``None`` where the evidence is out of reach from here: it was left in place in
        a bucket.
    """
    asked = list(dict.fromkeys(scopes))
    if not asked:
        return {}
    try:
        with attached(connection, evidence):
            found = _query(connection, asked)
    except (duckdb.IOException, duckdb.InvalidInputException):
        return None
    items: dict[Scope, list[Item]] = defaultdict(list)
    for number, *values in found:
        items[asked[number]].append(Item(*values))
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
    # Never more than there is: the engine may leave some to other processes by now.
    [[limit]] = connection.execute(_LIMIT, [evidence.memory_limit]).fetchall()
    connection.execute(f"SET memory_limit = '{limit}B'")
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
    columns = {name: [row[name] for row in content] for name in _SCOPES}
    statement = "CREATE OR REPLACE TEMP TABLE scopes AS {rows}"
    with_rows(connection, columns, statement, _SCOPES)
    first = min(scope.first_day for scope in scopes) - timedelta(days=PRIOR_DAYS)
    last = max(scope.last_day for scope in scopes)
    months = sorted({month for scope in scopes for month in scope.months})
    asked = {"months": months, "first": first, "last": last}
    try:
        return connection.execute(_ITEMS, asked).fetchall()
    finally:
        connection.execute("DROP TABLE scopes")
