"""Cost estimates between the two halves of a build.

Reads the marts that were just built and writes the schema ``estimates`` of the same
database; nothing is fitted anywhere else, least of all on a page.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from attribution.costs import cost_anomalies, kept_judgements
from attribution.costs.anomalies.evidence_months import evidence_state
from attribution.costs.anomalies.series import read_cost_series
from attribution.costs.cost_anomalies import update_cost_anomalies
from attribution.costs.cost_forecasts import forecast_rows, series_of
from attribution.costs.daily_costs import fiscal_year_start_month, read_daily_costs
from attribution.costs.kept_forecasts import (
    begin_forecasts,
    forecasts_of,
    method_version,
)
from attribution.costs.kept_judgements import begin_judgements
from attribution.estimates import store as estimate_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from attribution.costs.anomalies.line_items import Evidence
    from attribution.costs.daily_costs import DailyCosts
    from attribution.estimates.fitting_processes import ProcessAhead

_FORECASTS = "cost_forecasts"
_ALL = "costs"


@dataclass(frozen=True, slots=True)
class EstimateReport:
    """Report on the estimates made.

    Attributes
    ----------
    series_count : int
        Series with a forecast.
    anomaly_count : int
        Anomalies that are known.
    is_unchanged : bool
        No day's amount differed: the stored result is kept.
    """

    series_count: int
    anomaly_count: int
    is_unchanged: bool


def update_cost_estimates(
    build_database: Path,
    evidence: Evidence,
    *,
    daily_costs: Sequence[str],
    ahead: ProcessAhead | None = None,
) -> EstimateReport:
    """Forecast the daily cost, and find its anomalies.

    Neither is done again while no day's amount has changed, and no part of a series is
    while its days have not. No day is read while the tables are unchanged.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    evidence : Evidence
        Sources that its views read.
    daily_costs : sequence of str
        Digests of the tables of daily costs, of models and of services.
    ahead : ProcessAhead, optional
        Forecasts the series and judges them, where it was started.
    """
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        state = _state(connection, evidence, daily_costs)
        is_unchanged = estimate_store.is_current(connection, _ALL, state)
        if not is_unchanged:
            # Of neither until both are done: an intermediate state may come again.
            estimate_store.replace(connection, _ALL, "", {})
            is_unchanged = _update_both(connection, evidence, ahead)
            estimate_store.replace(connection, _ALL, state, {})
        return EstimateReport(
            estimate_store.count(connection, "cost_forecast_quality"),
            estimate_store.count(connection, "cost_anomalies"),
            is_unchanged,
        )


def _update_both(
    connection: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    ahead: ProcessAhead | None,
) -> bool:
    """Update forecasts and anomalies; return whether both stand as they were."""
    # Line items are read by the engine while series are computed here.
    with connection.cursor() as other, ThreadPoolExecutor(1) as thread:
        anomalies = thread.submit(update_cost_anomalies, other, evidence, ahead=ahead)
        is_unchanged = not _update_forecasts(connection, ahead)
        return anomalies.result() is None and is_unchanged


def _state(
    connection: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    daily_costs: Sequence[str],
) -> str:
    """Return a text that differs whenever an estimate may."""
    parts = (
        method_version(),
        kept_judgements.METHOD_VERSION,
        cost_anomalies.METHOD_VERSION,
        *daily_costs,
        fiscal_year_start_month(connection),
        evidence_state(connection, evidence),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def begin_estimates(connection: duckdb.DuckDBPyConnection, ahead: ProcessAhead) -> None:
    """Start a process on the work of :func:`update_cost_estimates`.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database with the daily costs of models and services as they are
        going to be.
    ahead : ProcessAhead
        A process that was started.
    """
    # Judgements come first: line items are read for the findings.
    begin_judgements(connection, read_cost_series(connection), ahead)
    begin_forecasts(connection, series_of(read_daily_costs(connection)), ahead)


def _update_forecasts(
    connection: duckdb.DuckDBPyConnection, ahead: ProcessAhead | None
) -> bool:
    """Forecast again where a day's amount differs; return True if any did."""
    costs = read_daily_costs(connection)
    digest = _digest(costs)
    if estimate_store.is_current(connection, _FORECASTS, digest):
        return False
    rows = forecast_rows(costs, partial(forecasts_of, connection, ahead=ahead))
    estimate_store.replace(connection, _FORECASTS, digest, rows)
    return True


def _digest(costs: list[DailyCosts]) -> str:
    parts = [method_version(), *sorted(each.digest for each in costs)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
