"""``python -m benchmarks``: triptych beside its peers, as ratios from one run.

Says how good forecasts and anomalies are on the sample company, prints one table per
size, and writes the same numbers to ``build/bench/results.json``; those of ten million
line items are the card of :mod:`benchmarks.bars`, too.
It fails when a command fails or a total differs by a cent; never because something
was slow. The limits that triptych sets itself are printed beside what was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bars import BARE, FULL, LINES, verdicts, write_card
from benchmarks.beside_spark import growth, is_spark_here, ratios
from benchmarks.estimates import EstimateFigures, bench_estimates, estimate_lines
from benchmarks.harness import SizeBench, SizeResult, Step
from benchmarks.measure import machine_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_CENT: Final = Decimal("0.01")
_MIB: Final = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 when a command failed or a total differs."""
    options = _parser().parse_args(arguments)
    machine = machine_line()
    print(f"machine: {machine}\n")
    estimates: list[EstimateFigures] = []
    for seed in filter(None, options.seeds.split(",")):
        root = Path(__file__).resolve().parent.parent
        found = bench_estimates(int(seed), build=options.build, root=root, say=_say)
        estimates.append(found)
        print(estimate_lines(found), flush=True)
    results: list[SizeResult] = []
    sizes = [size for size in options.sizes.split(",") if size]
    with_spark = not options.skip_spark and is_spark_here()
    for size in sizes:
        bench = SizeBench(size, build=options.build, say=_say)
        with_csv = size == sizes[:2][-1] and not options.skip_peers
        results.append(
            bench.run_engines(with_spark=with_spark)
            if options.engines_only
            else bench.run(
                with_peers=not options.skip_peers,
                with_csv=with_csv,
                with_spark=with_spark,
            )
        )
        print(table(results[-1]), flush=True)
        if results[-1].rows == LINES and not options.engines_only:
            write_card(results[-1], machine)
    print(growth(results), flush=True)
    _write_json(options.build / "results.json", machine, results, estimates)
    return int(any(_is_wrong(step) for result in results for step in result.steps))


def table(result: SizeResult) -> str:
    """Return the steps of one size as text, with ratios to the bare query."""
    bare = result.seconds(BARE)
    head = f"{'':38} {'wall':>8} {'x bare':>7} {'cpu':>8} {'peak':>10}  total"
    lines = [
        f"{result.rows:,} line items, {result.data_bytes / _MIB:,.0f} MiB of Parquet",
        head,
        "-" * len(head),
        *(_line(step, bare) for step in result.steps),
        *limits(result),
        *ratios(result),
        "",
    ]
    return "\n".join(lines)


def limits(result: SizeResult) -> list[str]:
    """Return the bars that triptych sets itself, each with whether it was met."""
    full = result.step(FULL)
    lines = [verdict.line() for verdict in verdicts(result)]
    return lines if full is None else [*lines, *_beside_pandas(result, full)]


def _beside_pandas(result: SizeResult, full: Step) -> list[str]:
    return [
        f"  {step.name}: {step.seconds / full.seconds:.2f} x the time and"
        f" {step.peak_rss_bytes / full.peak_rss_bytes:.1f} x the memory of the full run"
        for step in result.steps
        if step.name.startswith("pandas") and step.problem is None
    ]


def _line(step: Step, bare: float | None) -> str:
    if step.problem is not None:
        return f"{step.name:38} failed: {step.problem}"
    ratio = f"{step.seconds / bare:7.2f}" if bare else f"{'':7}"
    total = "" if step.total is None else f"  {step.total}"
    if _is_wrong(step):
        total += f"  DIFFERS by up to {step.deviation} in a day and model"
    return (
        f"{step.name:38} {step.seconds:6.2f} s {ratio} {step.cpu_seconds:6.1f} s"
        f" {step.peak_rss_bytes / _MIB:6,.0f} MiB{total}"
    )


def _is_wrong(step: Step) -> bool:
    is_different = step.deviation is not None and step.deviation >= _CENT
    return step.problem is not None or is_different


def _write_json(
    path: Path,
    machine: str,
    results: Sequence[SizeResult],
    estimates: Sequence[EstimateFigures],
) -> None:
    content: dict[str, Any] = {
        "machine": machine,
        "sizes": [asdict(result) for result in results],
        "bars": [
            {"size": result.size, **asdict(verdict), "is_met": verdict.is_met}
            for result in results
            for verdict in verdicts(result)
        ],
        "estimates": [asdict(figures) for figures in estimates],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", "utf-8")


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "--sizes", default="1m,10m,50m", help="comma-separated, such as 500k,10m,50m"
    )
    parser.add_argument(
        "--seeds",
        default="7",
        help="comma-separated; of each a sample company whose forecasts and anomalies"
        " are held against what was planted. Empty for none",
    )
    parser.add_argument(
        "--skip-peers",
        action="store_true",
        help="leave out polars, pandas and what CSV costs",
    )
    parser.add_argument(
        "--skip-spark", action="store_true", help="leave out the large engine"
    )
    parser.add_argument(
        "--engines-only",
        action="store_true",
        help="only the builds of both engines and the bare query",
    )
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build/bench"),
        help="folder for the data and the results",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
