"""GPU hours of pools as published, beside the files that their meters wrote."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    Hours = dict[tuple[str, str], Decimal]


def hours_of_files(root: Path, quantity: str) -> Hours:
    """Return hours by pool and month; a row sent twice is one, one of no pool none."""
    files = ds.dataset(root / "meters" / "accelerator_usage", format="parquet")
    rows = {
        (row["pool_id"], row["period_start"], row["model_id"], row[quantity])
        for row in files.to_table().to_pylist()
        if row[quantity] is not None and row["pool_id"]
    }
    hours: Hours = defaultdict(Decimal)
    for pool, start, _, value in rows:
        hours[pool, f"{start:%Y-%m}"] += value
    return dict(hours)


def hours_published(root: Path, column: str) -> Hours:
    """Return the same as the mart of pools has it."""
    rows = (
        PublishedReader(root)
        .snapshot()
        .query(
            f"SELECT DISTINCT pool_id, billing_month, charge_date, {column} AS hours"
            " FROM delivery.mart_accelerator_efficiency"
            f" WHERE {column} IS NOT NULL"
        )
    )
    hours: Hours = defaultdict(Decimal)
    for row in rows.to_pylist():
        hours[row["pool_id"], row["billing_month"]] += row["hours"]
    return dict(hours)


def test_gpu_hours_are_those_of_the_files(sample_company: Path) -> None:
    for quantity, column in (
        ("capacity_gpu_hours", "capacity_gpu_hours"),
        ("requested_gpu_hours", "allocated_gpu_hours"),
    ):
        of_files = hours_of_files(sample_company, quantity)
        published = hours_published(sample_company, column)
        assert of_files
        assert {key: published[key] for key in of_files} == of_files
