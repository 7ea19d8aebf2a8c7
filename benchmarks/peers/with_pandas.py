"""The same job in pandas 3, in two ways that people write it.

``--style arrow`` reads only the columns it needs, keeps them in Arrow, takes the
tag out of the map with ``pyarrow.compute`` and sums Arrow decimals: what somebody
writes who knows both libraries well. ``--style plain`` is the usual notebook:
``read_parquet`` of the needed columns, the tag taken from each row's map with a
function, ``groupby``; money is then a ``Decimal`` object per row. Neither sums in
floating point, since such a bill does not tie to the cent.
"""

from __future__ import annotations

import argparse
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.bare_query import BASES
from benchmarks.measure import own_peak_rss_bytes

_KEY = ["charge_date", "model_id"]
_UNIT = Decimal("0.0000000001")


def daily_model_costs(data: Path, *, basis: str, style: str) -> pd.DataFrame:
    """Return one row per day and model; money is Decimal."""
    charges = (_arrow_charges if style == "arrow" else _plain_charges)(data, basis)
    direct = charges[charges["model_id"].notna()]
    pool = charges[charges["model_id"].isna() & charges["is_pool"]]
    shared = _divide(pool.groupby("charge_date")["cost"].sum(), data)
    both = pd.concat([direct[[*_KEY, "cost"]], shared], ignore_index=True)
    costs = both.groupby(_KEY, as_index=False).agg(cost=("cost", "sum"))
    return costs.rename(columns={"cost": f"{basis}_cost"})


def _arrow_charges(data: Path, basis: str) -> pd.DataFrame:
    table = pq.read_table(
        data / "bills", columns=["ChargePeriodStart", BASES[basis], "Tags"]
    )
    tags = table.column("Tags")
    model = pc.map_lookup(tags, query_key="model", occurrence="first")
    cluster = pc.map_lookup(tags, query_key="cluster", occurrence="first")
    frame = pd.DataFrame(
        {
            "charge_date": _arrow(table.column("ChargePeriodStart").cast(pa.date32())),
            "model_id": _arrow(model),
            "is_pool": _arrow(pc.fill_null(pc.equal(cluster, "gpu"), fill_value=False)),
            "cost": _arrow(table.column(BASES[basis])),
        }
    )
    del table, tags, cluster, model
    sums = frame.groupby(
        ["charge_date", "model_id", "is_pool"], dropna=False, as_index=False
    ).agg(cost=("cost", "sum"))
    return sums.astype(dict.fromkeys(("charge_date", "model_id", "cost"), "object"))


def _arrow(values: pa.ChunkedArray) -> pd.arrays.ArrowExtensionArray:
    return pd.arrays.ArrowExtensionArray(values)


def _plain_charges(data: Path, basis: str) -> pd.DataFrame:
    frame = pd.read_parquet(
        data / "bills", columns=["ChargePeriodStart", BASES[basis], "Tags"]
    )
    tags = [dict(row) for row in frame["Tags"]]
    frame["charge_date"] = frame["ChargePeriodStart"].dt.date
    frame["model_id"] = [row.get("model") for row in tags]
    frame["is_pool"] = [row.get("cluster") == "gpu" for row in tags]
    return frame.groupby(
        ["charge_date", "model_id", "is_pool"], dropna=False, as_index=False
    ).agg(cost=(BASES[basis], "sum"))


def _divide(pool: pd.Series[Any], data: Path) -> pd.DataFrame:
    """Round each part and give what is left of a day's pool to its largest part."""
    usage = pd.read_csv(data / "usage.csv", parse_dates=["usage_date"])
    usage["charge_date"] = usage["usage_date"].dt.date
    day_total = usage.groupby("charge_date")["gpu_seconds"].transform("sum")
    usage["share"] = usage["gpu_seconds"] / day_total
    parts = usage.merge(pool.rename("pool_cost"), on="charge_date")
    parts["cost"] = [
        (cost * Decimal(share)).quantize(_UNIT)
        for cost, share in zip(parts["pool_cost"], parts["share"], strict=True)
    ]
    parts = parts.sort_values(
        ["charge_date", "share", "model_id"], ascending=[True, False, True]
    ).reset_index(drop=True)
    given = parts.groupby("charge_date")["cost"].transform("sum")
    is_largest = ~parts.duplicated("charge_date")
    left = parts["pool_cost"] - given
    parts.loc[is_largest, "cost"] += left[is_largest]
    return parts[[*_KEY, "cost"]]


def main() -> None:
    """Run as ``-m benchmarks.peers.with_pandas``; prints JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--basis", choices=sorted(BASES), default="effective")
    parser.add_argument("--style", choices=["arrow", "plain"], default="arrow")
    parser.add_argument("--out", type=Path, help="write the rows as Parquet")
    arguments = parser.parse_args()
    started = time.perf_counter()
    rows = daily_model_costs(
        arguments.data, basis=arguments.basis, style=arguments.style
    )
    seconds = time.perf_counter() - started
    if arguments.out is not None:
        rows.to_parquet(arguments.out)
    answer = {
        "seconds": seconds,
        "peak_rss_bytes": own_peak_rss_bytes(),
        "total": str(rows[f"{arguments.basis}_cost"].sum()),
        "rows": len(rows),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
