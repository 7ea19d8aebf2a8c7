"""How good forecasts and anomalies are, measured on the sample company.

The company is generated, goes through a whole run, and what was published is held
against what was planted (``sample/truth.yml``, which the pipeline never reads).
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import duckdb
import yaml

from attribution.costs.forecasting.forecast import NAIVE
from benchmarks.measure import run_measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_MONTHS_OF_QUARTER: Final = 3
_PERCENT: Final = 100.0

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ForecastFigures:
    """How wrong the forecasts of one company were on days that were held out.

    Attributes
    ----------
    series_count : int
        Series that were long enough for a back-test, and do not repeat last week.
    good_count : int
        Those whose error is at or below that of repeating last week, and whose
        method is not just that.
    coverage_ratio : float
        Part of the held-out days inside their 90 % interval, the mean of all series.
    """

    series_count: int
    good_count: int
    coverage_ratio: float


@dataclass(frozen=True, slots=True)
class AnomalyFigures:
    """What was found of what was planted, and what else was.

    Attributes
    ----------
    planted, missed : tuple of str
        Names of what was planted, and of what was not found.
    alarm_count : int
        Everything that was reported, of models and of services.
    false_alarms : tuple of str
        What was reported and not planted.
    planned_count : int
        How many of them begin on the first day of a phase of the company's migration:
        the cost really changed, but that was meant.
    model_quarter_count : float
        Models times quarters.
    known_driver_count, right_driver_count : int
        True alarms with a likely cause, and with the one that was planted.
    """

    planted: tuple[str, ...]
    missed: tuple[str, ...]
    alarm_count: int
    false_alarms: tuple[str, ...]
    planned_count: int
    model_quarter_count: float
    known_driver_count: int
    right_driver_count: int

    @property
    def recall(self) -> float:
        """Return the part of what was planted that was found."""
        return 1.0 - len(self.missed) / len(self.planted)

    @property
    def false_alarms_per_model_quarter(self) -> float:
        """Return false alarms by models and quarters, those of the migration too."""
        return len(self.false_alarms) / self.model_quarter_count


@dataclass(frozen=True, slots=True)
class EstimateFigures:
    """The figures of one company."""

    seed: int
    forecasts: ForecastFigures
    anomalies: AnomalyFigures


def bench_estimates(
    seed: int, *, build: Path, root: Path, say: Callable[[str], None]
) -> EstimateFigures:
    """Generate a company, run triptych on it, and measure what it estimates.

    Raises
    ------
    RuntimeError
        The company could not be written, or the run failed.
    """
    workspace = build / f"company-{seed}"
    shutil.rmtree(workspace, ignore_errors=True)
    say(f"estimates of the sample company, seed {seed}")
    write = (
        "import sys; from pathlib import Path;"
        " from ingest.sample_company.company import write_company;"
        " write_company(Path(sys.argv[1]), seed=int(sys.argv[2]))"
    )
    for command in (
        [sys.executable, "-c", write, str(workspace), str(seed)],
        [sys.executable, "-m", "triptych", "run", "--workspace", str(workspace)],
    ):
        measured = run_measured(command, cwd=root)
        if measured.exit_code != 0:
            raise RuntimeError(measured.errors.strip().splitlines()[-1])
    figures = measure_estimates(workspace, seed)
    shutil.rmtree(workspace)
    return figures


def measure_estimates(workspace: Path, seed: int) -> EstimateFigures:
    """Hold what a workspace published against what was planted in it."""
    truth = yaml.safe_load((workspace / "sample" / "truth.yml").read_text("utf-8"))
    pointer = (workspace / "warehouse" / "CURRENT").read_text("utf-8").strip()
    published = workspace / "warehouse" / pointer
    with duckdb.connect(str(published), read_only=True) as connection:
        quality = _rows(
            connection,
            "SELECT DISTINCT series, model_id, method, backtest_error_ratio,"
            " naive_error_ratio, coverage_ratio FROM cost.mart_cost_forecasts"
            " WHERE backtest_origin_count > 0",
        )
        rows = _rows(connection, "SELECT * FROM cost.mart_cost_anomalies")
        (models,) = _rows(
            connection,
            "SELECT count(DISTINCT model_id) AS count FROM cost.fct_daily_model_costs",
        )
    return EstimateFigures(
        seed, forecast_figures(quality), anomaly_figures(rows, truth, models["count"])
    )


def forecast_figures(quality: Sequence[_Row]) -> ForecastFigures:
    """Count the series whose method is no worse than repeating last week."""
    own = [row for row in quality if row["method"] != NAIVE]
    good = [
        row for row in own if row["backtest_error_ratio"] <= row["naive_error_ratio"]
    ]
    covered = sum(row["coverage_ratio"] for row in quality) / len(quality)
    return ForecastFigures(len(own), len(good), covered)


def anomaly_figures(
    rows: Sequence[_Row], truth: dict[str, Any], model_count: int
) -> AnomalyFigures:
    """Tell true alarms from false ones.

    Parameters
    ----------
    rows : sequence of dict
        Rows of ``cost.mart_cost_anomalies``.
    truth : dict
        What was planted, as in ``sample/truth.yml``.
    model_count : int
        Models of the company.
    """
    planted = truth["anomalies"]
    starts = {f"{phase['months'][0]}-01" for phase in truth["phases"].values()}
    hit: set[str] = set()
    false: list[_Row] = []
    known = right = 0
    for row in rows:
        if row["excess_cost"] < 0.0:
            # Nothing is planted that falls: what is at nothing is, beyond doubt.
            continue
        names = [name for name, one in planted.items() if _is_of(row, one)]
        hit.update(names)
        if not names:
            false.append(row)
        elif row["driver"] != "unknown":
            known += 1
            right += any(planted[name]["driver"] == row["driver"] for name in names)
    quarters = len(truth["organisation"]["months"]) / _MONTHS_OF_QUARTER
    return AnomalyFigures(
        planted=tuple(planted),
        missed=tuple(name for name in planted if name not in hit),
        alarm_count=len(rows),
        false_alarms=tuple(map(_described, false)),
        planned_count=sum(row["first_day"].isoformat() in starts for row in false),
        model_quarter_count=model_count * quarters,
        known_driver_count=known,
        right_driver_count=right,
    )


def _is_of(row: _Row, planted: _Row) -> bool:
    """Tell whether an alarm is about something planted, by its days and its place."""
    begins = date.fromisoformat(planted["first_day"])
    ends = date.fromisoformat(planted["last_day"])
    if row["first_day"] > ends or row["last_day"] < begins:
        return False
    if row["series"] == "service":
        where = (row["source"], row["service_name"])
        return where == (planted["source"], planted["service_name"])
    pool: str | None = planted["pool_id"]
    is_through_its_pool = pool is not None and row["driver_pool_id"] == pool
    if row["series"] == "model":
        return bool(row["model_id"] == planted["model_id"]) or is_through_its_pool
    is_nobodys = planted["model_id"] is None and planted["pool_id"] is None
    return is_nobodys or is_through_its_pool


def _described(row: _Row) -> str:
    name = row["model_id"] or row["service_name"] or row["series"]
    return f"{name} {row['first_day']} to {row['last_day']}"


def estimate_lines(figures: EstimateFigures) -> str:
    """Return the figures as text."""
    forecasts, anomalies = figures.forecasts, figures.anomalies
    good = _PERCENT * forecasts.good_count / forecasts.series_count
    lines = [
        f"estimates of the sample company, seed {figures.seed}",
        f"  forecasts: {forecasts.good_count} of {forecasts.series_count} series"
        f" ({good:.0f} %) at or below seasonal naive (60 % wanted);"
        f" 90 % intervals held {_PERCENT * forecasts.coverage_ratio:.1f} % of held-out"
        " days (85 to 95 % wanted)",
        f"  anomalies: {len(anomalies.planted) - len(anomalies.missed)} of"
        f" {len(anomalies.planted)} planted found ({_PERCENT * anomalies.recall:.0f} %,"
        " 90 % wanted);"
        f" {anomalies.false_alarms_per_model_quarter:.2f} false alarms per"
        " model-quarter (at most 1 wanted),"
        f" {anomalies.planned_count} of {len(anomalies.false_alarms)} on the days of"
        " the migration",
        f"  drivers: {anomalies.right_driver_count} of"
        f" {anomalies.known_driver_count} named causes right",
    ]
    if anomalies.missed:
        lines.append(f"  missed: {', '.join(anomalies.missed)}")
    return "\n".join([*lines, ""])


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[_Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
