"""``python -m benchmarks.many_models``: what history costs where nothing sums away.

A thousand models use thirty services each, every day of three years: 33 million line
items that stay as many daily rows, where the other benchmarks sum fifty lines into one.
Says what a first run, a run with nothing new and one restated month take, and fails
only where a total differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from benchmarks.bars import FULL, MANY_MODELS, RESTATED, UNCHANGED, Verdict
from benchmarks.generate import generate, restate_month
from benchmarks.harness import amount_of, write_published_rows
from benchmarks.measure import Measured, machine_line, run_measured
from benchmarks.workspace import lay_workspace, link_into

if TYPE_CHECKING:
    from decimal import Decimal

_FIRST_YEAR: Final = 2023
_MONTHS_OF_YEAR: Final = 12
_TEMPLATE_ROWS: Final = 10_000
_MIB: Final = 2**20

# One line item says what all of them have in common.
_ROWS: Final = """
SELECT template.* REPLACE (
    TIMESTAMP '{start}' AS BillingPeriodStart,
    TIMESTAMP '{end}' AS BillingPeriodEnd,
    day AS ChargePeriodStart,
    day + INTERVAL 1 DAY AS ChargePeriodEnd,
    CAST(0.5 + hash(day, model, service) % 1000000 / 1000000 AS DECIMAL(28, 10))
        AS BilledCost,
    CAST(0.5 + hash(day, model, service) % 1000000 / 1000000 AS DECIMAL(28, 10))
        AS EffectiveCost,
    'service-' || service AS ServiceName,
    'resource-' || model || '-' || service AS ResourceId,
    'sku-' || service AS SkuId,
    'invoice-{start}' AS InvoiceId,
    MAP {{'model': 'model-' || model, 'team': 'team-' || model % 20}} AS Tags
)
FROM template,
    range(TIMESTAMP '{start}', TIMESTAMP '{end}', INTERVAL 1 DAY) AS days (day),
    range({models}) AS models (model),
    range({services}) AS services (service)
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many models use how many services, for how many months."""

    models: int = 1_000
    services: int = 30
    months: int = 36


def write_bills(folder: Path, shape: Shape) -> list[Path]:
    """Write a Parquet file a month, and the meter of a pool that no line uses.

    Parameters
    ----------
    folder : Path
        Gets ``bills/`` and ``usage.csv``.
    shape : Shape
        Of the bills.

    Returns
    -------
    list of Path
        The files, oldest month first.
    """
    template = folder / "template"
    generate(template, rows=_TEMPLATE_ROWS)
    (folder / "bills").mkdir(parents=True, exist_ok=True)
    link_into(template / "usage.csv", folder)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET memory_limit = '1500MB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(
            "CREATE TABLE template AS SELECT * FROM read_parquet(?)"
            " WHERE ChargeCategory = 'Usage' AND Tags['model'] IS NOT NULL LIMIT 1",
            [f"{template}/bills/*.parquet"],
        )
        return [
            _write_month(connection, folder / "bills", number, shape)
            for number in range(shape.months)
        ]


def _write_month(
    connection: duckdb.DuckDBPyConnection, bills: Path, number: int, shape: Shape
) -> Path:
    start, end = _first_day(number), _first_day(number + 1)
    target = bills / f"{start:%Y-%m}.parquet"
    query = _ROWS.format(
        start=start, end=end, models=shape.models, services=shape.services
    )
    connection.execute(
        f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )
    return target


def _first_day(month_number: int) -> date:
    years, months = divmod(month_number, _MONTHS_OF_YEAR)
    return date(_FIRST_YEAR + years, 1 + months, 1)


class Measures:
    """Runs triptych on bills of a shape, and keeps what each run took.

    Parameters
    ----------
    folder : Path
        For the bills, which are kept, and the workspace, which is written anew.
    shape : Shape
        Of the bills.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._data = folder / f"{shape.models}x{shape.services}x{shape.months}"
        self._shape = shape
        self.steps: dict[str, Measured] = {}
        #: What was run → what is published, and what the bills say.
        self.totals: dict[str, tuple[Decimal, Decimal]] = {}

    def run(self) -> None:
        """Build from nothing, from nothing new, and from one month restated."""
        bills = self._data / "bills"
        files = sorted(bills.glob("*.parquet"))
        if len(files) != self._shape.months:
            files = write_bills(self._data, self._shape)
        workspace = lay_workspace(self._data, self._data / "workspace")
        self._triptych(FULL, workspace)
        self._triptych(UNCHANGED, workspace)
        restated = files[len(files) // 2]
        target = self._data / restated.name
        restate_month(self._data, month=restated.stem, target=target)
        link_into(target, workspace / "bills")
        self._triptych(RESTATED, workspace)
        shutil.rmtree(workspace)

    def _triptych(self, name: str, workspace: Path) -> None:
        command = [sys.executable, "-m", "triptych", "run", "--workspace"]
        measured = run_measured([*command, str(workspace)], cwd=Path.cwd())
        if measured.exit_code:
            raise RuntimeError(f"{name}: {measured.errors.strip()[-2000:]}")
        self.steps[name] = measured
        self.totals[name] = _published_total(workspace), _billed_total(workspace)


def _published_total(workspace: Path) -> Decimal:
    rows = workspace / "published.parquet"
    write_published_rows(workspace, rows)
    return amount_of(f"SELECT sum(effective_cost) FROM '{rows}'")


def _billed_total(workspace: Path) -> Decimal:
    return amount_of(f"SELECT sum(EffectiveCost) FROM '{workspace}/bills/*.parquet'")


def main() -> int:
    """Print what was measured; return 1 where a total differs."""
    options = _parser().parse_args()
    shape = Shape(options.models, options.services, options.months)
    print(f"machine: {machine_line()}\n{shape}", flush=True)
    measures = Measures(options.build, shape)
    measures.run()
    for name, step in measures.steps.items():
        published, billed = measures.totals[name]
        print(
            f"{name:38} {step.seconds:6.1f} s {step.cpu_seconds:6.1f} CPU s"
            f" {step.peak_rss_bytes / _MIB:6,.0f} MiB  {published}"
            + ("" if published == billed else f"  DIFFERS from {billed}")
        )
    for name, bar in MANY_MODELS.items():
        print(Verdict(name, measures.steps[name].seconds, bar, "s").line())
    report = {name: asdict(step) for name, step in measures.steps.items()}
    content = json.dumps({"shape": asdict(shape), "steps": report}, indent=2)
    (options.build / "many_models.json").write_text(content + "\n", "utf-8")
    return int(
        any(published != billed for published, billed in measures.totals.values())
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_models")
    parser.add_argument("--models", type=int, default=Shape().models)
    parser.add_argument("--services", type=int, default=Shape().services)
    parser.add_argument("--months", type=int, default=Shape().months)
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build/bench/many-models"),
        help="folder for the data and the results",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
