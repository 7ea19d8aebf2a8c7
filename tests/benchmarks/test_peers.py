"""The peers answer alike, or their times could not be compared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks.generate import generate

ROOT = Path(__file__).resolve().parents[2]
CENT = Decimal("0.01")
COMMANDS = {
    "bare query": ["bare_query"],
    "polars": ["peers.with_polars"],
    "pandas, Arrow": ["peers.with_pandas", "--style", "arrow"],
    "pandas, plain": ["peers.with_pandas", "--style", "plain"],
}

Costs = dict[tuple[object, str], Decimal]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generate(folder, rows=4_000, seed=3, month_count=2)
    return folder


@pytest.fixture(scope="module")
def expected(data: Path) -> Costs:
    """Cost per day and model, row by row in Python, pool divided by GPU seconds."""
    bills = (
        duckdb.connect()
        .execute(
            "SELECT CAST(ChargePeriodStart AS DATE), Tags['model'], Tags['cluster'],"
            f" EffectiveCost FROM read_parquet('{data}/bills/*.parquet')"
        )
        .fetchall()
    )
    usage = (
        duckdb.connect()
        .execute(
            f"SELECT usage_date, model_id, gpu_seconds FROM '{data}/usage.parquet'"
        )
        .fetchall()
    )
    costs: Costs = defaultdict(Decimal)
    pool: dict[object, Decimal] = defaultdict(Decimal)
    seconds: dict[object, Decimal] = defaultdict(Decimal)
    for day, model, cluster, cost in bills:
        if model is not None:
            costs[day, model] += cost
        elif cluster == "gpu":
            pool[day] += cost
    for day, _, gpu_seconds in usage:
        seconds[day] += gpu_seconds
    for day, model, gpu_seconds in usage:
        if day in pool:
            costs[day, model] += pool[day] * gpu_seconds / seconds[day]
    return costs


@pytest.mark.parametrize("name", COMMANDS)
def test_a_peer_finds_the_cost_of_every_day_and_model(
    name: str, data: Path, expected: Costs, tmp_path: Path
) -> None:
    module, *options = COMMANDS[name]
    out = tmp_path / "rows.parquet"
    command = [sys.executable, "-m", f"benchmarks.{module}", str(data), *options]
    answer = json.loads(
        subprocess.run(
            [*command, "--out", str(out)],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    )
    rows = pq.read_table(out).to_pylist()
    found = {
        (row["charge_date"], row["model_id"]): row["effective_cost"] for row in rows
    }
    assert found.keys() == expected.keys()
    assert max(abs(found[key] - expected[key]) for key in found) < CENT / 1000
    assert Decimal(answer["total"]) == sum(found.values())
    assert abs(sum(found.values()) - sum(expected.values())) < CENT / 1000
    assert answer["rows"] == len(found)
    assert answer["peak_rss_bytes"] > 20 * 2**20
