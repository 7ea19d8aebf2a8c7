"""Digests of the inputs of explanations, by month.

Line items are not read for it. The loads that hold a month determine consumption and
its cost, and the daily costs its recipients by rules and keys. The views that make line
items of loads are the same for all months.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from attribution.costs.anomalies.line_items import attached

if TYPE_CHECKING:
    import duckdb

    from attribution.costs.anomalies.line_items import Evidence

_LOADS = """
SELECT billing_month, string_agg(DISTINCT load_id, ',' ORDER BY load_id)
FROM raw.catalogue.load_totals
INNER JOIN raw.catalogue.loads USING (load_id)
WHERE status = 'current'
GROUP BY billing_month
"""
#: The order of rows is not defined: their hashes are added.
_COSTS = """
SELECT strftime(charge_date, '%Y-%m'), count(*), sum(hash(costs)::HUGEINT % 1000000007)
FROM cost.{table} AS costs
GROUP BY ALL
"""
_VIEWS = """
SELECT md5(string_agg(sql, ';' ORDER BY view_name)) FROM duckdb_views()
WHERE schema_name IN ('staging', 'intermediate')
"""


def evidence_state(connection: duckdb.DuckDBPyConnection, evidence: Evidence) -> str:
    """Return a digest of all loads, and of the views that make line items of them.

    Its arguments are those of :func:`evidence_by_month`.
    """
    with attached(connection, evidence):
        loads = sorted(connection.execute(_LOADS).fetchall())
    views = connection.execute(_VIEWS).fetchone()
    return hashlib.sha256(repr((loads, views)).encode()).hexdigest()


def evidence_by_month(
    connection: duckdb.DuckDBPyConnection, evidence: Evidence
) -> dict[str, str]:
    """Return a digest of each month that has a load or a cost.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after the first half of a build.
    evidence : Evidence
        Sources that its views read.
    """
    parts: dict[str, list[object]] = defaultdict(list)
    with attached(connection, evidence):
        rows = connection.execute(_LOADS).fetchall()
    for table in ("fct_daily_model_costs", "fct_daily_service_costs"):
        rows += connection.execute(_COSTS.format(table=table)).fetchall()
    for month, *content in rows:
        parts[month].append(content)
    views = connection.execute(_VIEWS).fetchone()
    return {
        month: hashlib.sha256(f"{views}|{content}".encode()).hexdigest()
        for month, content in parts.items()
    }
