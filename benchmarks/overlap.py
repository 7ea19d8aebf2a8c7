"""``python -m benchmarks.overlap``: what it costs to find charges that count already.

A month of line items is taken in as Parquet and as CSV: alone, next to the same month
of another billing account or of another source, and next to an export of itself. Only
the last is compared charge by charge, and it is refused. Other bills of as many rows
come next to another source: seats and nodes at one price, half of all for nothing,
many resources. What comparing takes, with the outline that each landing makes
for it, is printed as a part of the rest of landing; see
``ingest/engine/overlapping_loads.py``.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from benchmarks.generate import generate
from benchmarks.measure import machine_line
from ingest.connector import LandingOptions, Window
from ingest.engine import charge_sketches
from ingest.engine.delivery_landing import EngineLimits
from ingest.engine.lake import ALL_STREAMS, places_of
from ingest.engine.parquet_at_rest import ParquetAtRest, parquet
from ingest.engine.projection import project
from ingest.engine.runner import IngestRunner
from ingest.sources.tables.focus_files import FocusFiles, FocusFilesConfig
from triptych.core.progress import SilentProgress
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.streams import Stream

#: What telling loads apart may cost, as a part of landing them.
BAR: Final = 0.05
_REPEATS: Final = 9
_OTHERS: Final = (
    "SELECT * REPLACE ('another' AS BillingAccountId,"
    " CAST(BilledCost * 2 AS DECIMAL(28, 10)) AS BilledCost)"
)
#: What is there already when a month comes: its source, and SQL over its line items.
NEIGHBOURS: Final = {
    "alone": None,
    "next to another account": ("bills", _OTHERS),
    "next to another source": ("others", _OTHERS),
    "next to an export of itself": ("bills", "SELECT *"),
}
_BESIDE: Final = "next to another source"
_NUMBERED: Final = (
    "FROM (SELECT *, row_number() OVER () AS n FROM {bill}) SELECT * EXCLUDE (n)"
)
_ONE_PRICE: Final = (
    f"{_NUMBERED} REPLACE (CAST(if({{which}}, 20, BilledCost) AS DECIMAL(28, 10)) AS"
    " BilledCost, if({which}, {began}, ChargePeriodStart) AS ChargePeriodStart,"
    " if({which}, {began} + to_hours(1), ChargePeriodEnd) AS ChargePeriodEnd,"
    " if({which}, 1, ConsumedQuantity) AS ConsumedQuantity,"
    " if({which}, '{kind}-' || {number}, ResourceId) AS ResourceId)"
)
#: Bills that differ from the generated one, as SQL over it.
OTHER_BILLS: Final = {
    "six of ten rows are seats": _ONE_PRICE.format(
        bill="{bill}",
        which="n % 10 < 6",
        began="BillingPeriodStart + to_hours(n // 1200 % 720)",
        kind="seat",
        number="n % 1200",
    ),
    "all rows are nodes by the hour": _ONE_PRICE.format(
        bill="{bill}",
        which="true",
        began="BillingPeriodStart + to_hours(n % 720)",
        kind="node",
        number="n // 720",
    ),
    "half of the rows cost nothing": (
        f"{_NUMBERED} REPLACE (if(n % 2 = 0, BilledCost, 0) AS BilledCost)"
    ),
    "33,334 resources in no order": (
        f"{_NUMBERED} REPLACE ('arn:aws:ec2:eu-central-1:123456789012:instance/i-'"
        " || md5(CAST(n % 33334 AS VARCHAR)) AS ResourceId)"
    ),
}


@dataclass(frozen=True, slots=True)
class Landing:
    """Processor time [s] of taking a month in, and what of it went into comparing."""

    seconds: float
    comparing_seconds: float

    @property
    def part(self) -> float:
        """Return what comparing costs as a part of everything else."""
        return self.comparing_seconds / (self.seconds - self.comparing_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what comparing costs; return 0 whatever it is."""
    options = _parser().parse_args(arguments)
    print(f"machine: {machine_line()}\n")
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), rows=options.rows, month_count=1)
        [bill] = (Path(folder) / "bills").glob("*.parquet")
        for form in options.forms.split(","):
            print(f"{options.rows:,} line items as {form}")
            for number, name in enumerate(NEIGHBOURS):
                root = Path(folder) / f"{form}-{number}"
                print(line(name, measured(bill, root, form=form, neighbour=name)))
            for number, (name, query) in enumerate(OTHER_BILLS.items()):
                root = Path(folder) / f"{form}-other-{number}"
                other = Path(folder) / f"other-{number}.parquet"
                _write(query.format(bill=f"'{bill}'"), other)
                print(line(name, measured(other, root, form=form, neighbour=_BESIDE)))
    return 0


def line(neighbour: str, landing: Landing) -> str:
    """Return what a landing took, with the bar where nothing is compared."""
    bar = "both are hashed, and it is refused"
    if neighbour != "next to an export of itself":
        bar = f"bar {BAR:.0%}: {'met' if landing.part <= BAR else 'over'}"
    return (
        f"  {neighbour:30} {landing.seconds:6.2f} CPU s, of which comparing"
        f" {landing.comparing_seconds:.3f}: {landing.part:.1%}  ({bar})"
    )


def measured(bill: Path, root: Path, *, form: str, neighbour: str) -> Landing:
    """Take a month in by its neighbour, in a workspace of its own."""
    (root / "bills").mkdir(parents=True)
    there = NEIGHBOURS[neighbour]
    if there is not None:
        source, query = there
        (root / source).mkdir(exist_ok=True)
        # Its own landing is not counted.
        _write(f"{query} FROM '{bill}'", root / source / "a.parquet")
        _take_in(root, source)
    _write(f"FROM '{bill}'", root / "bills" / f"b.{form}")
    with _timed_comparing() as comparing:
        seconds = _cpu_seconds(partial(_take_in, root, "bills"))
    return Landing(seconds, sum(comparing) + _outline_seconds(bill))


def _outline_seconds(bill: Path) -> float:
    """Return the processor time [s] of the outline in the scan that judges a bill."""
    stream = ALL_STREAMS["focus"]
    bare = replace(stream, identity_columns=(), outlined_columns=())
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        scans = [_assessing(connection, bill, each) for each in (stream, bare)]
        # In turn, so that what else the machine does is shared by both.
        rounds = [[_cpu_seconds(scan) for scan in scans] for _ in range(_REPEATS)]
    with_outline = min(seconds for seconds, _ in rounds)
    without = min(seconds for _, seconds in rounds)
    return max(with_outline - without, 0.0)


def _assessing(
    connection: duckdb.DuckDBPyConnection, bill: Path, stream: Stream
) -> Callable[[], object]:
    rest = ParquetAtRest(connection, stream)
    physical = rest.describe(f"SELECT * FROM {parquet(bill)}", bill.name)
    projection = project(stream, physical, LandingOptions())
    return partial(rest.assess, bill, projection, bill.name)


@contextmanager
def _timed_comparing() -> Iterator[list[float]]:
    """Have each comparison of a batch add its processor time [s]."""
    seconds: list[float] = []
    compare: Callable[..., Any] = charge_sketches.comparison

    def timed(*arguments: Any) -> Any:  # noqa: ANN401  (it passes them on)
        before = _used_seconds()
        result = compare(*arguments)
        seconds.append(_used_seconds() - before)
        return result

    vars(charge_sketches)["comparison"] = timed
    try:
        yield seconds
    finally:
        vars(charge_sketches)["comparison"] = compare


def _write(query: str, target: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT {target.suffix[1:]})")


def _take_in(root: Path, source: str) -> None:
    config = FocusFilesConfig(name=source, type="focus_files", path=source)
    IngestRunner(
        places_of(Workspace(root)),
        run_id=f"run-{time.time_ns()}",
        limits=EngineLimits(),
        progress=SilentProgress(),
    ).run([FocusFiles(config, root=root)], Window())


def _cpu_seconds(act: Callable[[], object]) -> float:
    before = _used_seconds()
    act()
    return _used_seconds() - before


def _used_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overlap")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--forms", default="parquet,csv")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
