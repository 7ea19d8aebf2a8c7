"""What the large engine costs beside the embedded one, from the same run.

Time and memory of a build on Apache Spark ``local[2]`` as ratios to DuckDB's, and the
work that each further line item is from one size to the next. Work is processor time:
unlike wall-clock time it says the same on a machine that does other things besides.
"""

from __future__ import annotations

import importlib.util
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import SizeResult, Step

ON_DUCKDB: Final = "triptych build alone"
ON_SPARK: Final = "triptych build on Spark, local[2]"
#: What a build on Spark may take, JVM and all.
_LIMIT_BYTES: Final = 8 * 2**30
_MIB: Final = 2**20


def is_spark_here() -> bool:
    """Tell whether Apache Spark can be started."""
    has_client = importlib.util.find_spec("pyspark") is not None
    return has_client and shutil.which("java") is not None


def ratios(result: SizeResult) -> list[str]:
    """Return a line that compares both engines at one size."""
    on_duckdb, on_spark = result.step(ON_DUCKDB), result.step(ON_SPARK)
    if on_duckdb is None or on_spark is None:
        return []
    peak = on_spark.peak_rss_bytes
    verdict = "within" if peak <= _LIMIT_BYTES else "OVER"
    return [
        f"  build on Spark: {on_spark.seconds / on_duckdb.seconds:.2f} x the time,"
        f" {on_spark.cpu_seconds / on_duckdb.cpu_seconds:.2f} x the processor time and"
        f" {peak / on_duckdb.peak_rss_bytes:.1f} x the memory of DuckDB's",
        f"  peak memory on Spark: {peak / _MIB:,.0f} MiB, {verdict} 8,192 MiB",
    ]


def growth(results: Sequence[SizeResult]) -> str:
    """Return what each further million line items costs, from size to size."""
    lines = []
    for name in (ON_DUCKDB, ON_SPARK):
        measured = [(r, step) for r in results if (step := r.step(name)) is not None]
        slopes = [_slope(smaller, larger) for smaller, larger in pairwise(measured)]
        lines += [
            f"  {smaller.size:>5} to {larger.size:>4}: {name}, {slope:.2f} s of"
            " processor time per further million line items"
            for ((smaller, _), (larger, _)), slope in zip(
                pairwise(measured), slopes, strict=True
            )
        ]
        lines += [
            f"  {name}: the work per further row is {after / before:.2f} x what it was"
            for before, after in pairwise(slopes)
        ]
    return "\n".join(["growth", *lines, ""]) if lines else ""


def _slope(smaller: tuple[SizeResult, Step], larger: tuple[SizeResult, Step]) -> float:
    rows = larger[0].rows - smaller[0].rows
    return (larger[1].cpu_seconds - smaller[1].cpu_seconds) / rows * 1e6
