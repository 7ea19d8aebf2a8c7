from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import main
from benchmarks.beside_spark import ON_DUCKDB, ON_SPARK, growth, ratios
from benchmarks.harness import SizeBench, SizeResult, Step

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


def _result(
    size: str, rows: int, *, duckdb: float, spark: float, peak: int
) -> SizeResult:
    steps = [
        Step(ON_DUCKDB, 10.0, duckdb, GIB // 2),
        Step(ON_SPARK, 45.0, spark, peak),
    ]
    return SizeResult(size, rows, GIB, steps)


def test_spark_is_set_beside_duckdb_with_its_limit() -> None:
    result = _result("10m", 10_000_000, duckdb=20.0, spark=80.0, peak=4 * GIB)
    comparison, limit = ratios(result)
    assert "4.50 x the time, 4.00 x the processor time and 8.0 x the mem" in comparison
    assert limit == "  peak memory on Spark: 4,096 MiB, within 8,192 MiB"


def test_more_than_the_limit_is_said() -> None:
    result = _result("10m", 10_000_000, duckdb=20.0, spark=80.0, peak=9 * GIB)
    assert "9,216 MiB, OVER 8,192 MiB" in ratios(result)[1]


def test_a_size_without_spark_is_not_compared() -> None:
    steps = [Step(ON_DUCKDB, 1.0, 2.0, GIB)]
    smaller, larger = (
        SizeResult(f"{number}m", number * 1_000_000, GIB, steps) for number in (1, 2)
    )
    assert ratios(larger) == []
    assert "Spark" not in growth([smaller, larger])


def test_the_work_per_added_row_is_compared_from_size_to_size() -> None:
    text = growth(
        [
            _result("1m", 1_000_000, duckdb=11.0, spark=60.0, peak=GIB),
            _result("10m", 10_000_000, duckdb=20.0, spark=78.0, peak=GIB),
            _result("50m", 50_000_000, duckdb=60.0, spark=198.0, peak=GIB),
        ]
    )
    assert "1m to  10m: triptych build alone, 1.00 s" in text
    assert "10m to  50m: triptych build on Spark, local[2], 3.00 s" in text
    assert "build alone: the work per further row is 1.00 x what it was" in text
    assert "local[2]: the work per further row is 1.50 x what it was" in text


@pytest.mark.parametrize("count", [0, 1])
def test_one_size_has_no_growth(count: int) -> None:
    result = _result("1m", 1_000_000, duckdb=1.0, spark=1.0, peak=GIB)
    assert growth([result] * count) == ""


@pytest.mark.parametrize("engines_only", [True, False])
def test_without_the_large_engine_means_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engines_only: bool
) -> None:
    asked: list[bool] = []

    def remember(_: SizeBench, *, with_spark: bool, **__: bool) -> SizeResult:
        asked.append(with_spark)
        return SizeResult("1k", 1000, GIB, [Step(ON_DUCKDB, 1.0, 2.0, GIB)])

    monkeypatch.setattr(SizeBench, "run_engines", remember)
    monkeypatch.setattr(SizeBench, "run", remember)
    flags = ["--engines-only"] if engines_only else []
    arguments = ["--sizes", "1k", "--seeds=", "--build", str(tmp_path)]
    assert main([*flags, "--skip-spark", *arguments]) == 0
    assert asked == [False]
