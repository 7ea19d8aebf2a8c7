from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.__main__ import limits, table
from benchmarks.harness import SizeResult, Step, row_count

GIB = 2**30


def _result(*, full_seconds: float, restated_seconds: float = 5.0) -> SizeResult:
    steps = [
        Step("bare query, effective cost", 4.0, 8.0, GIB // 8, Decimal("10.00")),
        Step("triptych run, fresh workspace", full_seconds, 50.0, GIB),
        Step("triptych run, one month restated", restated_seconds, 9.0, GIB),
        Step("pandas, plain", 60.0, 60.0, 9 * GIB),
    ]
    return SizeResult("50m", 50_000_000, GIB, steps)


@pytest.mark.parametrize(
    ("size", "rows"), [("500k", 500_000), ("10m", 10_000_000), ("50M", 50_000_000)]
)
def test_a_size_is_a_number_and_a_unit(size: str, rows: int) -> None:
    assert row_count(size) == rows


@pytest.mark.parametrize("size", ["", "10", "m", "10g"])
def test_another_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="not a number followed by"):
        row_count(size)


def test_a_full_run_may_take_four_bare_queries_and_fifteen_seconds() -> None:
    assert "30.9 s, met 31.0 s" in limits(_result(full_seconds=30.9))[1]
    assert "31.1 s, OVER 31.0 s" in limits(_result(full_seconds=31.1))[1]


def test_a_restated_month_of_fifty_million_lines_may_take_eleven_seconds() -> None:
    met = limits(_result(full_seconds=200.0, restated_seconds=11.0))
    over = limits(_result(full_seconds=200.0, restated_seconds=11.2))
    assert "11.0 s, met 11.0 s" in met[0]
    assert "11.2 s, OVER 11.0 s" in over[0]


def test_packed_text_has_a_bar_per_million_and_small_files_one_of_their_own() -> None:
    result = _result(full_seconds=30.0)
    result.month_rows = 2_000_000
    result.steps += [
        Step("ingest of one month as CSV.gz", 9.0, 12.0, GIB),
        Step("ingest of 5,000 small files", 91.0, 120.0, GIB),
        Step("ingest of 5,000 small files, again", 3.0, 3.0, GIB),
    ]
    packed, first, again = limits(result)[3:6]
    assert "CSV.gz: 6.0 CPU s, OVER 5.5 CPU s (per million line items)" in packed
    assert "91.0 s, OVER 90.0 s" in first
    assert "3.0 s, met 3.0 s" in again


def test_pandas_is_set_beside_the_full_run() -> None:
    (line,) = limits(_result(full_seconds=30.0))[3:]
    assert "2.00 x the time and 9.0 x the memory" in line


def test_the_table_says_where_a_total_differs_and_what_failed() -> None:
    result = _result(full_seconds=30.0)
    result.steps += [
        Step("polars, streaming", 6.0, 12.0, GIB, Decimal("9.5"), Decimal("0.5")),
        Step("triptych build alone", 1.0, 1.0, GIB, problem="exit 4: a test failed"),
    ]
    text = table(result)
    assert "50,000,000 line items" in text
    assert "DIFFERS by up to 0.5" in text
    assert "triptych build alone                   failed: exit 4" in text
