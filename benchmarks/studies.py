"""``python -m benchmarks.studies``: a thousand studies in one command beside a hundred.

Writes the panel marts of small experiments (12 units, 12 days) and estimates them as a
build does, each with its checks and its sensitivity. Prints time, the part of all cores
that was used, and peak memory of all processes, which should not grow with the number
of studies. ``--fit`` is what is measured, in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from attribution.causal.plan import Plan
from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyRequest
from attribution.studies.updating import update_study_estimates
from benchmarks.measure import Measured, machine_line, run_measured
from triptych.core.progress import PlainProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

_START, _DAYS, _LAUNCH, _UNITS = date(2026, 1, 1), 12, 8, 12
_ROWS = f"""
SELECT 'study-' || printf('%05d', study) AS study_id, 'unit-' || unit AS unit,
    DATE '{_START}' + day::INTEGER AS panel_date,
    50 + unit % 5 + (hash(study, unit, day) % 1000) / 250.0
        + CASE WHEN unit % 2 = 1 AND day >= {_LAUNCH} THEN 3 ELSE 0 END AS outcome,
    'tickets' AS outcome_unit, false AS is_gap, day >= {_LAUNCH} AS is_post,
    (unit % 2)::DOUBLE AS arm
FROM range(?) AS studies(study), range({_UNITS}) AS units(unit),
    range({_DAYS}) AS days(day)
ORDER BY study, unit, day
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one command took for some studies."""

    count: int
    measured: Measured

    @property
    def cores_ratio(self) -> float:
        """Processor time by wall-clock time and cores."""
        return self.measured.cpu_seconds / self.measured.seconds / (cpu_count() or 1)


def plans(count: int) -> list[Plan]:
    """Return the plans of some experiments."""
    shared = {
        "feature": "pilot",
        "outcome": "resolved_tickets",
        "outcome_unit": "tickets",
        "launch": _START + timedelta(_LAUNCH),
        "window": {"start": _START, "end": _START + timedelta(_DAYS)},
        "assignment": {"column": "arm", "unit": "team"},
    }
    return [
        Plan.model_validate({"id": f"study-{number:05}", **shared})
        for number in range(count)
    ]


def write_marts(database: Path, count: int) -> None:
    """Write the marts that the studies read."""
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA outcomes")
        connection.execute(f"CREATE TEMP TABLE made AS {_ROWS}", [count])
        connection.execute(
            "CREATE TABLE outcomes.mart_attribution_panel AS"
            " SELECT * EXCLUDE (arm) FROM made"
        )
        connection.execute(
            "CREATE TABLE outcomes.mart_attribution_covariates AS SELECT study_id,"
            " unit, panel_date, 'arm' AS column_name, arm AS value FROM made"
        )


def fit(database: Path, count: int) -> None:
    """Estimate the studies, as the second half of a build does."""
    register = StudyRegister(database.with_name("register.jsonl"))
    request = StudyRequest(plans(count), register)
    report = update_study_estimates(database, request, PlainProgress())
    unanswered = sorted(set(report.statuses.values()) - {"estimated"})
    if unanswered or len(report.statuses) != count:
        raise SystemExit(f"not every study was estimated: {unanswered}")


def measure(count: int, build: Path, root: Path) -> Figures:
    """Estimate some studies in one command, and watch it."""
    database = build / f"studies-{count}.duckdb"
    write_marts(database, count)
    command = [sys.executable, "-m", "benchmarks.studies", "--fit", str(database)]
    measured = run_measured([*command, "--counts", str(count)], cwd=root)
    database.unlink(missing_ok=True)
    if measured.exit_code != 0:
        raise RuntimeError(measured.errors.strip().splitlines()[-1])
    return Figures(count, measured)


def table(figures: Sequence[Figures]) -> str:
    """Return what each number of studies took, and the last as ratios of the first."""
    lines = ["studies   seconds   of all cores   peak memory"]
    lines += [
        f"{figure.count:7,}  {figure.measured.seconds:8.1f}  {figure.cores_ratio:12.0%}"
        f"  {figure.measured.peak_rss_bytes / 2**20:8.0f} MiB"
        for figure in figures
    ]
    first, last = figures[0], figures[-1]
    memory = last.measured.peak_rss_bytes / first.measured.peak_rss_bytes
    seconds = last.measured.seconds / first.measured.seconds
    lines.append(
        f"{last.count / first.count:.0f} times the studies: {seconds:.1f} times the"
        f" time, {memory:.2f} times the memory"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or be measured."""
    options = _parser().parse_args(arguments)
    counts = [int(count) for count in options.counts.split(",")]
    if options.fit is not None:
        fit(options.fit, counts[0])
        return 0
    print(f"machine: {machine_line()}\n")
    root = Path(__file__).resolve().parent.parent
    print(table([measure(count, options.build, root) for count in counts]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="100,1000", help="Numbers of studies.")
    parser.add_argument("--fit", type=Path, help="Only estimate what is in this file.")
    parser.add_argument("--build", type=Path, default=Path("build/studies"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
