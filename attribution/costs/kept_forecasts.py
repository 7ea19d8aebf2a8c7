"""Forecasts of single series, kept for as long as no day of theirs differs.

A series is forecast for itself before all are reconciled, so its forecast holds
regardless of others. Where its days differ, but not those that a method was estimated
on, the estimate is kept: a restated month is carried forward, not fitted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.costs.forecasting.forecast import (
    Quality,
    SeriesForecast,
    forecast_series,
)
from attribution.costs.forecasting.intervals import Widths
from attribution.costs.forecasting.landing_bands import Band
from attribution.costs.forecasting.past_sums import PastLandings
from attribution.estimates import store as estimate_store
from attribution.estimates.fitting_processes import each
from attribution.estimates.library_versions import library_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from attribution.costs.forecasting.forecast import Asked
    from attribution.estimates.fitting_processes import ProcessAhead

    #: A currency and the name of a part; ``None`` is the total.
    Key = tuple[str, str | None]

#: Changes whenever the same days would be forecast in another way.
METHOD_VERSION = 7
_TABLE = "kept_forecasts"
_PAST = {
    "past_weeks": "weeks",
    "past_counts": "count",
    "past_errors": "error_ratio",
    "past_coverages": "coverage_ratio",
    "past_unwidened": "unwidened_ratio",
    "past_widenings": "widening",
}
#: About the time of a series with an estimate, and without.
_SECONDS = {True: 0.15, False: 0.01}


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: str
    training_digest: str
    forecast: SeriesForecast


def method_version() -> str:
    """Return the version of the method and of the libraries that compute."""
    return f"{METHOD_VERSION} ({library_versions()})"


def forecasts_of(
    connection: duckdb.DuckDBPyConnection,
    asked: Mapping[Key, Asked],
    *,
    ahead: ProcessAhead | None = None,
) -> dict[Key, SeriesForecast]:
    """Return the forecast of each series, and keep just these.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database with its estimates.
    asked : mapping of (str, str or None) to Asked
        Series by currency and name of the part, ``None`` for the total.
    ahead : ProcessAhead, optional
        Forecasts them, where it was started.
    """
    before = _read(connection)
    due = _due(asked, before)
    seconds = sum(_SECONDS[one.with_estimates] for one in due.values())
    jobs = list(due.values())
    made = dict(
        zip(due, each(forecast_series, jobs, seconds, ahead=ahead), strict=True)
    )
    rows = [
        _row(key, _digest(asked[key].digest), asked[key], forecast)
        for key, forecast in made.items()
    ]
    gone = before.keys() - asked.keys()
    estimate_store.keep(connection, _TABLE, rows, gone=gone)
    return {key: made[key] if key in made else before[key].forecast for key in asked}


def begin_forecasts(
    connection: duckdb.DuckDBPyConnection,
    asked: Mapping[Key, Asked],
    ahead: ProcessAhead,
) -> None:
    """Have a process forecast the series that :func:`forecasts_of` will be asked for.

    Nothing is written: the tables of estimates are not yet, or are those of before.
    """
    before = _read(connection) if estimate_store.is_prepared(connection, _TABLE) else {}
    ahead.begin(forecast_series, _due(asked, before).values())


def _due(asked: Mapping[Key, Asked], before: Mapping[Key, _Kept]) -> dict[Key, Asked]:
    """Return the series with changed days, with their valid estimates."""
    return {
        key: _with_what_stands(series, before.get(key))
        for key, series in asked.items()
        if key not in before or before[key].digest != _digest(series.digest)
    }


def _with_what_stands(asked: Asked, before: _Kept | None) -> Asked:
    if before is None or before.training_digest != _digest(asked.training_digest):
        return asked
    return replace(asked, parameters=before.forecast.parameters)


def _digest(content: str) -> str:
    return hashlib.sha256(f"{method_version()}|{content}".encode()).hexdigest()


def _row(
    key: Key, digest: str, asked: Asked, forecast: SeriesForecast
) -> dict[str, Any]:
    widths, band, quality = forecast.widths, forecast.band, forecast.quality
    return {
        "currency": key[0],
        "part": key[1],
        "digest": digest,
        "training_digest": _digest(asked.training_digest),
        "method": forecast.method,
        "days": forecast.days,
        "level": forecast.level,
        "daily_widths": None if widths is None else widths.daily,
        "band_low": None if band is None else band.low,
        "band_high": None if band is None else band.high,
        "largest": forecast.largest,
        "least": forecast.least,
        "at_most_when_back": forecast.at_most_when_back,
        "variance": forecast.variance,
        "origin_count": quality.origin_count,
        "error_ratio": quality.error_ratio,
        "naive_error_ratio": quality.naive_error_ratio,
        "coverage_ratio": quality.coverage_ratio,
        **{
            column: [getattr(landing, name) for landing in forecast.past_landings]
            for column, name in _PAST.items()
        },
        "parameters": list(forecast.parameters.items()),
    }


def _read(connection: duckdb.DuckDBPyConnection) -> dict[Key, _Kept]:
    found: dict[Key, _Kept] = {}
    for row in estimate_store.read(connection, _TABLE):
        forecast = SeriesForecast(
            row["method"],
            np.array(row["days"]),
            row["level"],
            _widths(row["daily_widths"]),
            row["variance"],
            Quality(
                row["origin_count"],
                row["error_ratio"],
                row["naive_error_ratio"],
                row["coverage_ratio"],
            ),
            _band(row["band_low"], row["band_high"]),
            row["largest"],
            row["least"],
            {name: np.array(values) for name, values in row["parameters"].items()},
            at_most_when_back=row["at_most_when_back"],
            past_landings=tuple(map(PastLandings, *(row[name] for name in _PAST))),
        )
        key = row["currency"], row["part"]
        found[key] = _Kept(row["digest"], row["training_digest"], forecast)
    return found


def _widths(daily: list[float] | None) -> Widths | None:
    return None if daily is None else Widths(np.array(daily))


def _band(low: list[float] | None, high: list[float] | None) -> Band | None:
    return None if low is None or high is None else Band(np.array(low), np.array(high))
