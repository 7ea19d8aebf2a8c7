"""Write a year of FOCUS 1.2 line items, and the meter of their GPU pool.

``python -m benchmarks.generate --rows 10_000_000 --out build/bench/10m`` writes::

    bills/YYYY-MM.parquet   zstd Parquet, one file per billing month
    usage.csv               stream model_usage: day, model, gpu_seconds, requests, …
    usage.parquet           the same rows
    about.json              what was asked for, and the totals

Every value is a function of the seed and of the row's number, so the same arguments
give the same rows. Months are written one after another, which keeps memory bounded
whatever the size. All names are made up.

The shape: 200 models, 501 SKUs, 5,000 resources at three providers. A resource
either carries a model tag (about 90 %), or belongs to a shared GPU cluster (tag
``cluster=gpu`` and no model, 8 %), or carries neither (2 %). A few rows in ten
thousand are tax, credits, purchases and unused commitment.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.generated_rows import (
    LINE_ITEMS,
    LINE_ITEMS_BY_KIND,
    RESOURCE_COUNT,
    RESOURCES,
    SERVICES,
    SKU_COUNT,
    SKUS,
    USAGE,
    USAGE_BY_KIND,
)

MODEL_COUNT: Final = 200
MONTH_COUNT: Final = 12
FIRST_MONTH: Final = date(2025, 10, 1)
POOL_ID: Final = "gpu-cluster"

#: Part of each billing month in a year's rows; they add up to one.
_MONTH_WEIGHTS: Final = (70, 72, 75, 78, 80, 82, 85, 88, 90, 92, 94, 94)


@dataclass(frozen=True, slots=True)
class Month:
    """One billing month and how many rows it gets."""

    first_day: date
    next_first_day: date
    row_count: int
    first_row: int

    @property
    def name(self) -> str:
        """Return the month as ``YYYY-MM``."""
        return f"{self.first_day:%Y-%m}"


def plan_months(
    row_count: int,
    *,
    first_month: date = FIRST_MONTH,
    month_count: int = MONTH_COUNT,
) -> list[Month]:
    """Divide ``row_count`` rows over the months; the parts add up exactly."""
    weights = [_MONTH_WEIGHTS[index % 12] for index in range(month_count)]
    months: list[Month] = []
    first_row = 0
    for index, weight in enumerate(weights):
        is_last = index == month_count - 1
        size = row_count * weight // sum(weights)
        size = row_count - first_row if is_last else size
        start = _add_months(first_month, index)
        months.append(Month(start, _add_months(start, 1), size, first_row))
        first_row += size
    return months


def generate(
    out: Path,
    *,
    rows: int,
    seed: int = 0,
    first_month: date = FIRST_MONTH,
    month_count: int = MONTH_COUNT,
    model_count: int = MODEL_COUNT,
    memory_limit: str = "1500MB",
) -> None:
    """Write the line items, the usage and ``about.json`` below ``out``.

    Parameters
    ----------
    out : Path
        Folder to write to; files of the same names are replaced.
    rows : int
        Line items over all months.
    seed : int
        Another seed gives other amounts, tags and times.
    first_month : date
        First day of the first billing month.
    month_count : int
        Number of billing months, at most 12 are different in weight.
    model_count : int
        How many models the tags name.
    memory_limit : str
        DuckDB's limit while writing.
    """
    bills = out / "bills"
    bills.mkdir(parents=True, exist_ok=True)
    months = plan_months(rows, first_month=first_month, month_count=month_count)
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"SET memory_limit = '{memory_limit}'")
        connection.execute("SET TimeZone = 'UTC'")
        _create_dimensions(connection, seed=seed, model_count=model_count)
        for month in months:
            write_month(connection, month, bills / f"{month.name}.parquet", seed=seed)
        _write_usage(connection, out, months, seed=seed, model_count=model_count)
        _write_about(connection, out, rows=rows, seed=seed)


def generate_tokens(out: Path, *, rows: int, seed: int = 0) -> None:
    """Write a bill of tokens by the hour, and the daily meter of six models.

    Parameters
    ----------
    out : Path
        Folder to write ``bills/tokens.parquet`` and ``usage.csv`` to.
    rows : int
        Line items, at least forty an hour, and of less than a year.
    seed : int
        Another seed gives other quantities.
    """
    bills = out / "bills"
    bills.mkdir(parents=True, exist_ok=True)
    given = {
        "seed": seed,
        "rows": rows,
        "start": FIRST_MONTH,
        "lines_per_hour": max(40, rows // (360 * 24)),
    }
    with duckdb.connect(":memory:") as connection:
        for sql, file, form in (
            (LINE_ITEMS_BY_KIND, bills / "tokens.parquet", "parquet, COMPRESSION zstd"),
            (USAGE_BY_KIND, out / "usage.csv", "csv, HEADER"),
        ):
            connection.execute(
                f"COPY ({sql.format(**given)}) TO '{file}' (FORMAT {form})"
            )


def restate_month(out: Path, *, month: str, target: Path) -> None:
    """Write a corrected version of one month's file to ``target``.

    Every 50th line item of the month costs one per cent more; the rest is as it was.
    """
    source = out / "bills" / f"{month}.parquet"
    factor = "CASE WHEN rn % 50 = 0 THEN 1.01 ELSE 1.00 END"
    columns = ", ".join(
        f"CAST({name} * {factor} AS DECIMAL(28, 10)) AS {name}"
        for name in ("BilledCost", "EffectiveCost")
    )
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET memory_limit = '1500MB'")
        connection.execute(
            f"COPY (SELECT * EXCLUDE (rn) REPLACE ({columns})"
            " FROM (SELECT *, file_row_number AS rn FROM read_parquet("
            f"'{source}', file_row_number = true))"
            ") TO '" + str(target) + "' (FORMAT parquet, COMPRESSION zstd)"
        )


def write_month(
    connection: duckdb.DuckDBPyConnection, month: Month, target: Path, *, seed: int
) -> None:
    """Write one month's line items as one Parquet file."""
    query = LINE_ITEMS.format(
        seed=seed,
        first_row=month.first_row,
        last_row=month.first_row + month.row_count,
        start=month.first_day,
        end=month.next_first_day,
        days=(month.next_first_day - month.first_day).days,
        month=month.name,
    )
    connection.execute(
        f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _add_months(day: date, count: int) -> date:
    index = day.year * 12 + day.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def _create_dimensions(
    connection: duckdb.DuckDBPyConnection, *, seed: int, model_count: int
) -> None:
    connection.execute(SERVICES)
    connection.execute(SKUS.format(seed=seed, count=SKU_COUNT))
    connection.execute(
        RESOURCES.format(seed=seed, count=RESOURCE_COUNT, models=model_count)
    )


def _write_usage(
    connection: duckdb.DuckDBPyConnection,
    out: Path,
    months: list[Month],
    *,
    seed: int,
    model_count: int,
) -> None:
    connection.execute(
        USAGE.format(
            seed=seed,
            models=model_count,
            pool=POOL_ID,
            start=months[0].first_day,
            end=months[-1].next_first_day,
        )
    )
    connection.execute(f"COPY usage TO '{out / 'usage.parquet'}' (FORMAT parquet)")
    connection.execute(f"COPY usage TO '{out / 'usage.csv'}' (FORMAT csv, HEADER)")


def _write_about(
    connection: duckdb.DuckDBPyConnection, out: Path, *, rows: int, seed: int
) -> None:
    files = sorted((out / "bills").glob("*.parquet"))
    totals = connection.execute(
        "SELECT count(*), sum(BilledCost), sum(EffectiveCost) FROM read_parquet(?)",
        [[str(file) for file in files]],
    ).fetchone()
    assert totals is not None  # noqa: S101  (an aggregate always has one row)
    about = {
        "rows": totals[0],
        "seed": seed,
        "billed_cost": str(totals[1]),
        "effective_cost": str(totals[2]),
        "bytes": sum(file.stat().st_size for file in files),
        "files": len(files),
    }
    if totals[0] != rows:
        raise RuntimeError(f"{totals[0]} rows were written, {rows} were asked for.")
    (out / "about.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")


def main() -> None:
    """Run as ``python -m benchmarks.generate``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.perf_counter()
    generate(arguments.out, rows=arguments.rows, seed=arguments.seed)
    print(f"{arguments.rows:,} rows in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
