"""Run triptych and its peers on the same data, one after another.

Everything is a process of its own, measured the same way from outside: wall clock
and the peak memory of the whole tree. Start-up therefore counts for all of them.
The data is read once beforehand, so that nobody pays for a cold disk.
"""

from __future__ import annotations

import csv
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.bars import (
    ADDED_RULE,
    FULL,
    OTHER_ASSUMPTION,
    OTHER_STAGE,
    RENAMED,
    RESTATED,
    SMALL_FILES,
    UNCHANGED,
)
from benchmarks.beside_spark import ON_DUCKDB, ON_SPARK
from benchmarks.generate import generate, restate_month
from benchmarks.measure import Measured, run_measured
from benchmarks.workspace import (
    add_rule,
    change_assumption,
    change_stage,
    lay_workspace,
    link_into,
    rename_team,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROOT = Path(__file__).resolve().parent.parent
_RESTATED_MONTH = "2026-03"
_BARE_REPEATS = 3
_SPARK = "warehouse: {engine: spark}\nspark: {master: 'local[2]'}\n"
#: pandas holds everything in memory; beyond this many rows it is left out.
_PANDAS_ROWS = 10_000_000


#: What is changed between two runs that read no new line item, in this order.
CHANGES = {
    RENAMED: rename_team,
    OTHER_ASSUMPTION: change_assumption,
    OTHER_STAGE: change_stage,
    ADDED_RULE: add_rule,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One measured command.

    ``total`` is the effective cost of all models it came to; ``deviation`` the
    largest difference to the bare query in any day and model.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    total: Decimal | None = None
    deviation: Decimal | None = None
    problem: str | None = None


@dataclass(slots=True)
class SizeResult:
    """All steps at one size of the data."""

    size: str
    rows: int
    data_bytes: int
    steps: list[Step] = field(default_factory=list)
    #: Line items of the month that lands as text.
    month_rows: int = 0

    def step(self, name: str) -> Step | None:
        """Return the step called ``name``, if it was run and succeeded."""
        return next(
            (s for s in self.steps if s.name == name and s.problem is None), None
        )

    def seconds(self, name: str) -> float | None:
        """Return the wall-clock time of a step [s], if it was run and succeeded."""
        step = self.step(name)
        return None if step is None else step.seconds


class SizeBench:
    """Runs every step at one size.

    Parameters
    ----------
    size : str
        Such as ``10m`` or ``500k``.
    build : Path
        Folder for the data and the workspaces.
    say : callable
        Told what is being done.
    """

    def __init__(self, size: str, *, build: Path, say: Callable[[str], None]) -> None:
        self._data = build / size
        self._scratch = build / f"{size}-work"
        self._say = say
        self._result = SizeResult(size, row_count(size), 0)

    def run(self, *, with_peers: bool, with_csv: bool, with_spark: bool) -> SizeResult:
        """Run all steps and remove what they left."""
        self._prepare()
        self._bare_query("effective")
        self._triptych_run()
        self._triptych_parts(with_spark=with_spark)
        if with_csv:
            self._csv_landing()
            self._small_files()
        if with_peers:
            self._peers()
        self._bare_query("billed")
        shutil.rmtree(self._scratch, ignore_errors=True)
        return self._result

    def run_engines(self, *, with_spark: bool) -> SizeResult:
        """Build with each engine beside the bare query, and nothing else."""
        self._prepare()
        self._bare_query("effective")
        self._triptych_parts(with_spark=with_spark)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return self._result

    def _prepare(self) -> None:
        if not (self._data / "about.json").is_file():
            self._say(f"generating {self._result.rows:,} rows")
            generate(self._data, rows=self._result.rows)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        for file in sorted((self._data / "bills").iterdir()):
            self._result.data_bytes += _read_through(file)

    def _bare_query(self, basis: str) -> None:
        out = self._rows(f"bare-{basis}")
        runs = [
            self._python("bare_query", "--basis", basis, "--out", str(out))
            for _ in range(_BARE_REPEATS)
        ]
        middle = statistics.median(run.seconds for run in runs)
        chosen = next(run for run in runs if run.seconds == middle)
        total = _total(out, basis=basis) if chosen.exit_code == 0 else None
        self._keep(f"bare query, {basis} cost", chosen, total=total)

    def _triptych_run(self) -> None:
        workspace = lay_workspace(self._data, self._scratch / "workspace")
        self._triptych(FULL, workspace, "run")
        self._triptych(UNCHANGED, workspace, "run")
        self._restate(workspace)
        expected = self._rows("bare-restated")
        self._python("bare_query", "--out", str(expected), data=workspace)
        self._triptych(RESTATED, workspace, "run", expected=expected)
        for name, change in CHANGES.items():
            change(workspace)
            self._triptych(name, workspace, "run", expected=expected)
        shutil.rmtree(workspace)

    def _restate(self, workspace: Path) -> None:
        restated = self._scratch / f"{_RESTATED_MONTH}.parquet"
        restate_month(self._data, month=_RESTATED_MONTH, target=restated)
        link_into(restated, workspace / "bills")

    def _triptych_parts(self, *, with_spark: bool) -> None:
        workspace = lay_workspace(self._data, self._scratch / "parts")
        self._triptych("triptych ingest alone", workspace, "ingest")
        self._triptych(ON_DUCKDB, workspace, "build")
        if with_spark:
            # The embedded engine has built this workspace: no month is left to read.
            settings = workspace / "triptych.yml"
            settings.write_text(settings.read_text("utf-8") + _SPARK, "utf-8")
            self._triptych(ON_SPARK, workspace, "build", "--full")
        shutil.rmtree(workspace)

    def _csv_landing(self) -> None:
        month = self._data / "bills" / f"{_RESTATED_MONTH}.parquet"
        self._result.month_rows = int(amount_of(f"SELECT count(*) FROM '{month}'"))
        for name, suffix in (("Parquet", "parquet"), ("CSV.gz", "csv.gz")):
            workspace = lay_workspace(self._data, self._scratch / f"one-{suffix}")
            for file in (workspace / "bills").iterdir():
                file.unlink()
            target = workspace / "bills" / f"{_RESTATED_MONTH}.{suffix}"
            if suffix == "parquet":
                link_into(month, workspace / "bills")
            else:
                write_csv_gz(month, target)
            title = f"ingest of one month as {name}"
            self._triptych(title, workspace, "ingest")
            self._triptych(f"{title}, again", workspace, "ingest")
            shutil.rmtree(workspace)

    def _small_files(self) -> None:
        workspace = lay_workspace(self._data, self._scratch / "small")
        month = self._data / "bills" / f"{_RESTATED_MONTH}.parquet"
        for file in (workspace / "bills").iterdir():
            file.unlink()
        write_small_files(month, workspace / "bills")
        self._triptych(SMALL_FILES, workspace, "ingest")
        self._triptych(f"{SMALL_FILES}, again", workspace, "ingest")
        shutil.rmtree(workspace)

    def _peers(self) -> None:
        self._peer("polars, streaming", "peers.with_polars")
        if self._result.rows <= _PANDAS_ROWS:
            self._peer("pandas, Arrow-backed", "peers.with_pandas", "--style", "arrow")
            self._peer("pandas, plain", "peers.with_pandas", "--style", "plain")

    def _peer(self, name: str, module: str, *arguments: str) -> None:
        out = self._rows("peer")
        measured = self._python(module, *arguments, "--out", str(out))
        self._keep_compared(name, measured, out, self._rows("bare-effective"))

    def _python(
        self, module: str, *arguments: str, data: Path | None = None
    ) -> Measured:
        folder = self._data if data is None else data
        command = [sys.executable, "-m", f"benchmarks.{module}", str(folder)]
        return self._measure([*command, *arguments])

    def _triptych(
        self,
        name: str,
        workspace: Path,
        verb: str,
        *options: str,
        expected: Path | None = None,
    ) -> None:
        command = [sys.executable, "-m", "triptych", verb, *options]
        command += ["--workspace", str(workspace)]
        measured = self._measure(command)
        if verb == "ingest" or measured.exit_code != 0:
            self._keep(name, measured)
            return
        out = self._rows("published")
        write_published_rows(workspace, out)
        expected = self._rows("bare-effective") if expected is None else expected
        self._keep_compared(name, measured, out, expected)

    def _keep_compared(
        self, name: str, measured: Measured, rows: Path, expected: Path
    ) -> None:
        if measured.exit_code != 0:
            self._keep(name, measured)
            return
        deviation = largest_deviation(rows, expected)
        self._keep(name, measured, total=_total(rows), deviation=deviation)

    def _measure(self, command: Sequence[str]) -> Measured:
        self._say(" ".join(Path(part).name for part in command[:4]))
        return run_measured(command, cwd=_ROOT)

    def _keep(
        self,
        name: str,
        measured: Measured,
        *,
        total: Decimal | None = None,
        deviation: Decimal | None = None,
    ) -> None:
        problem = None
        if measured.exit_code != 0:
            lines = measured.errors.strip().splitlines() or ["no message"]
            problem = f"exit {measured.exit_code}: {lines[-1]}"
        self._result.steps.append(
            Step(
                name,
                measured.seconds,
                measured.cpu_seconds,
                measured.peak_rss_bytes,
                total,
                deviation,
                problem,
            )
        )

    def _rows(self, name: str) -> Path:
        return self._scratch / f"{name}.parquet"


def row_count(size: str) -> int:
    """Return the number of rows that ``10m`` or ``500k`` stands for."""
    units = {"k": 1_000, "m": 1_000_000}
    number, unit = size[:-1], size[-1:].lower()
    if not number.isdigit() or unit not in units:
        raise ValueError(f"size {size!r} is not a number followed by k or m")
    return int(number) * units[unit]


def write_published_rows(workspace: Path, out: Path) -> None:
    """Write the published daily cost per model of a workspace as Parquet."""
    pointer = (workspace / "warehouse" / "CURRENT").read_text("utf-8").strip()
    path = workspace / "warehouse" / pointer
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{path}' AS published (READ_ONLY)")
        connection.execute(
            "COPY (SELECT charge_date, model_id, sum(effective_cost) AS effective_cost"
            " FROM published.cost.fct_daily_model_costs"
            f" WHERE model_id IS NOT NULL GROUP BY ALL) TO '{out}' (FORMAT parquet)"
        )


def largest_deviation(rows: Path, expected: Path) -> Decimal:
    """Return the largest absolute difference in any day and model.

    A day and model that only one side knows counts with its whole cost. Engines
    round a pool's parts in their own way, so the last of ten digits may differ.
    """
    cost = "coalesce({}.effective_cost, 0)"
    return amount_of(
        f"SELECT max(abs({cost.format('a')} - {cost.format('b')}))"
        f" FROM '{rows}' AS a FULL JOIN '{expected}' AS b"
        " ON a.charge_date = b.charge_date AND a.model_id = b.model_id"
    )


def write_csv_gz(parquet: Path, target: Path) -> None:
    """Write a Parquet file's rows as CSV.gz, tags as a JSON object."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET memory_limit = '1500MB'")
        connection.execute(
            "COPY (SELECT * REPLACE (to_json(Tags) AS Tags)"
            f" FROM read_parquet('{parquet}'))"
            f" TO '{target}' (FORMAT csv, HEADER, COMPRESSION gzip)"
        )


def write_small_files(
    parquet: Path, folder: Path, *, count: int = 5_000, rows: int = 20
) -> None:
    """Write the first rows of a Parquet file as many CSV files, tags as JSON."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "SELECT * REPLACE (to_json(Tags)::VARCHAR AS Tags)"
            f" FROM read_parquet('{parquet}') LIMIT {count * rows}"
        )
        names = [column[0] for column in connection.description or ()]
        for number in range(count):
            lines = connection.fetchmany(rows)
            with (folder / f"{number:05d}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(names)
                writer.writerows(lines)


def amount_of(query: str) -> Decimal:
    """Return the single amount of a query's answer; zero where it is NULL."""
    with duckdb.connect(":memory:") as connection:
        ((amount,),) = connection.execute(query).fetchall()
    return Decimal(amount or 0)


def _total(rows: Path, *, basis: str = "effective") -> Decimal:
    return amount_of(f"SELECT sum({basis}_cost) FROM '{rows}'")


def _read_through(file: Path) -> int:
    with file.open("rb") as stream:
        while stream.read(8 * 1024 * 1024):
            pass
    return file.stat().st_size
