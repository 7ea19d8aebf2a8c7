"""The same job in polars, streaming: daily cost per model, exact in DECIMAL."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import polars as pl

from benchmarks.bare_query import BASES
from benchmarks.measure import own_peak_rss_bytes

_MONEY = pl.Decimal(38, 10)
_KEY = ["charge_date", "model_id"]


def daily_model_costs(data: Path, *, basis: str) -> pl.DataFrame:
    """Return one row per day and model, summing to the bill's model part exactly."""
    charges = _charges(data, basis=basis)
    direct = charges.filter(pl.col("model_id").is_not_null()).select(*_KEY, "cost")
    pool = charges.filter(pl.col("model_id").is_null() & pl.col("is_pool"))
    shared = _divide(pool.select("charge_date", pool_cost="cost"), _shares(data))
    costs = pl.concat([direct, shared]).group_by(_KEY).agg(pl.col("cost").sum())
    return costs.rename({"cost": f"{basis}_cost"}).sort(_KEY)


def _charges(data: Path, *, basis: str) -> pl.DataFrame:
    tags = pl.col("Tags")
    return (
        pl.scan_parquet(data / "bills" / "*.parquet")
        .select(
            charge_date=pl.col("ChargePeriodStart").dt.date(),
            model_id=tags.map.get(pl.lit("model")),
            is_pool=(tags.map.get(pl.lit("cluster")) == "gpu").fill_null(value=False),
            cost=pl.col(BASES[basis]).cast(_MONEY),
        )
        .group_by("charge_date", "model_id", "is_pool")
        .agg(pl.col("cost").sum())
        .collect(engine="streaming")
        .group_by("charge_date", "model_id", pl.col("is_pool"))
        .agg(pl.col("cost").sum())
    )


def _shares(data: Path) -> pl.DataFrame:
    usage = pl.read_csv(data / "usage.csv", try_parse_dates=True)
    seconds = pl.col("gpu_seconds")
    return usage.select(
        pl.col("usage_date").alias("charge_date"),
        "model_id",
        share=seconds / seconds.sum().over("usage_date"),
    )


def _divide(pool: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Round each part and give what is left of a day's pool to its largest part."""
    parts = (
        shares.join(pool, on="charge_date")
        .with_columns(
            cost=(pl.col("pool_cost").cast(pl.Float64) * pl.col("share")).cast(_MONEY)
        )
        .sort("charge_date", "share", "model_id", descending=[False, True, False])
    )
    is_largest = pl.int_range(pl.len()).over("charge_date") == 0
    left = pl.col("pool_cost") - pl.col("cost").sum().over("charge_date")
    zero = pl.lit(0).cast(_MONEY)
    return parts.select(
        *_KEY,
        cost=pl.col("cost") + pl.when(is_largest).then(left).otherwise(zero),
    )


def main() -> None:
    """Print one JSON object, as ``python -m benchmarks.peers.with_polars DATA``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--basis", choices=sorted(BASES), default="effective")
    parser.add_argument("--out", type=Path, help="write the rows as Parquet")
    arguments = parser.parse_args()
    started = time.perf_counter()
    rows = daily_model_costs(arguments.data, basis=arguments.basis)
    seconds = time.perf_counter() - started
    if arguments.out is not None:
        rows.write_parquet(arguments.out)
    answer = {
        "seconds": seconds,
        "peak_rss_bytes": own_peak_rss_bytes(),
        "total": str(rows.get_column(f"{arguments.basis}_cost").sum()),
        "rows": rows.height,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
