"""The bare DuckDB query: daily cost per model straight from the Parquet.

This is the least that any tool could do for the same answer: one scan, one
grouping, the GPU pool divided per day by GPU seconds, the rounding remainder given
to the largest share. Nothing is checked, kept, explained or published.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.measure import own_peak_rss_bytes

#: The two money columns of FOCUS that triptych carries side by side.
BASES = {"billed": "BilledCost", "effective": "EffectiveCost"}


def daily_model_cost_query(data: Path, *, basis: str) -> str:
    """Return the query for one basis (``billed`` or ``effective``)."""
    return _QUERY.format(
        bills=f"read_parquet('{data}/bills/*.parquet')",
        usage=f"read_csv('{data}/usage.csv')",
        cost=BASES[basis],
        name=f"{basis}_cost",
    )


_QUERY = """
WITH charges AS (
    SELECT
        CAST(ChargePeriodStart AS DATE) AS charge_date,
        Tags['model'] AS model_id,
        Tags['model'] IS NULL AND coalesce(Tags['cluster'] = 'gpu', false) AS is_pool,
        sum({cost}) AS cost
    FROM {bills}
    GROUP BY ALL
),
pool AS (
    SELECT charge_date, cost AS pool_cost FROM charges WHERE is_pool
),
shares AS (
    SELECT
        usage_date AS charge_date,
        model_id,
        sum(gpu_seconds) / sum(sum(gpu_seconds)) OVER (PARTITION BY usage_date)
            AS share
    FROM {usage}
    GROUP BY usage_date, model_id
),
parts AS (
    SELECT
        charge_date,
        model_id,
        pool_cost,
        CAST(pool_cost * share AS DECIMAL(28, 10)) AS part,
        row_number() OVER (
            PARTITION BY charge_date ORDER BY share DESC, model_id
        ) = 1 AS is_largest
    FROM shares
    INNER JOIN pool USING (charge_date)
),
shared AS (
    SELECT
        charge_date,
        model_id,
        part + CASE
            WHEN is_largest THEN pool_cost - sum(part) OVER (PARTITION BY charge_date)
            ELSE 0
        END AS cost
    FROM parts
)
SELECT charge_date, model_id, CAST(sum(cost) AS DECIMAL(28, 10)) AS {name}
FROM (
    SELECT charge_date, model_id, cost FROM charges WHERE model_id IS NOT NULL
    UNION ALL
    SELECT charge_date, model_id, cost FROM shared
)
GROUP BY charge_date, model_id
"""


def main() -> None:
    """Run as ``python -m benchmarks.bare_query DATA``; prints one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--basis", choices=sorted(BASES), default="effective")
    parser.add_argument("--out", type=Path, help="write the rows as Parquet")
    arguments = parser.parse_args()
    started = time.perf_counter()
    query = daily_model_cost_query(arguments.data, basis=arguments.basis)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET preserve_insertion_order = false")
        rows = connection.sql(query).to_arrow_table()
    seconds = time.perf_counter() - started
    if arguments.out is not None:
        pq.write_table(rows, arguments.out)
    total = sum(rows.column(f"{arguments.basis}_cost").to_pylist())
    answer = {
        "seconds": seconds,
        "peak_rss_bytes": own_peak_rss_bytes(),
        "total": str(total),
        "rows": rows.num_rows,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
