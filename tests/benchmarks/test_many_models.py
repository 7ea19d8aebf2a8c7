from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.bars import FULL, RESTATED, UNCHANGED
from benchmarks.many_models import Measures, Shape, write_bills

if TYPE_CHECKING:
    from pathlib import Path


def test_no_two_line_items_of_many_models_sum_into_one_daily_row(
    tmp_path: Path,
) -> None:
    files = write_bills(tmp_path, Shape(models=3, services=2, months=14))
    assert [file.stem for file in files[::13]] == ["2023-01", "2024-02"]
    row = (
        duckdb.connect()
        .execute(
            "SELECT count(*), count(DISTINCT (ChargePeriodStart, Tags['model'],"
            " ServiceName)), count(DISTINCT Tags['model']), min(EffectiveCost) > 0"
            " FROM read_parquet(?)",
            [[str(file) for file in files]],
        )
        .fetchone()
    )
    days = 365 + 31 + 29
    assert row == (days * 3 * 2, days * 3 * 2, 3, True)


@pytest.mark.full
def test_runs_of_many_models_come_to_what_the_bills_say(tmp_path: Path) -> None:
    measures = Measures(tmp_path, Shape(models=4, services=2, months=3))
    measures.run()
    published, billed = zip(
        *(measures.totals[name] for name in (FULL, UNCHANGED, RESTATED)), strict=True
    )
    assert published == billed
    first, same, restated = published
    assert first == same < restated < first * Decimal("1.001")
