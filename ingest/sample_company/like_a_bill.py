"""Simulate requests, deployments and outcomes of a bill's models.

Seeded, so that the same models and days give the same bytes. The simulated data has
nothing to do with the organisation of the bill: it shows which pages a meter, a
pipeline and a business metric would fill.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

_UNITS = ("north", "south", "east", "west")
_REQUESTS_PER_UNIT_OF_COST = 400
_FEWEST_REQUESTS = 50.0
_WEEKEND_SHARE = 0.45
_DAYS_BETWEEN_DEPLOYMENTS = 9
_FAILING_SHARE = 0.12
_OUTCOME = "simulated_revenue"


@dataclass(frozen=True, slots=True)
class BilledModel:
    """A model as a bill knows it.

    Parameters
    ----------
    model_id : str
        Its id in the catalogue.
    feature_id : str or None
        The feature that it serves, where that is known.
    daily_cost : float
        Cost on a mean day; decides how much it is simulated to serve.
    """

    model_id: str
    feature_id: str | None
    daily_cost: float


def write_usage(
    path: Path, models: Sequence[BilledModel], days: Sequence[date], *, seed: int
) -> int:
    """Write requests and tokens of each model and day; return the number of rows."""
    generator = np.random.default_rng([seed, 1])
    header = ["day", "model_id", "requests", "successful_requests"]
    return _write(
        path,
        [*header, "input_tokens", "output_tokens"],
        (
            [day.isoformat(), model.model_id, *_served(generator, model, day)]
            for model in models
            for day in days
        ),
    )


def write_deployments(
    path: Path, models: Sequence[BilledModel], days: Sequence[date], *, seed: int
) -> int:
    """Write deployments of each model to production; return the number of rows."""
    generator = np.random.default_rng([seed, 2])
    rows = []
    for model in models:
        for day in days[::_DAYS_BETWEEN_DEPLOYMENTS]:
            start = datetime.combine(day, time(9), UTC)
            start += timedelta(minutes=int(generator.integers(0, 480)))
            end = start + timedelta(minutes=int(generator.integers(4, 40)))
            fails = generator.random() < _FAILING_SHARE
            rows.append(
                [
                    *(f"{model.model_id}-{day:%Y%m%d}", model.model_id),
                    *("failure" if fails else "success", "production"),
                    *(start.isoformat(), end.isoformat(), end.isoformat()),
                ]
            )
    names = ["deployment_id", "model_id", "status", "environment", "started_at"]
    return _write(path, [*names, "finished_at", "event_time"], rows)


def write_outcomes(
    path: Path,
    features: Sequence[str],
    days: Sequence[date],
    *,
    currency: str,
    seed: int,
) -> int:
    """Write a business metric of each feature, region and day; return the rows."""
    generator = np.random.default_rng([seed, 3])
    rows = []
    for feature in features:
        for unit in _UNITS:
            level = generator.uniform(800, 2_400)
            for day in days:
                value = level * _weekday(day) * generator.normal(1, 0.06)
                metric = f"{_OUTCOME}_of_{feature}"
                rows.append([day.isoformat(), metric, unit, f"{value:.2f}", feature])
    names = ["outcome_date", "metric", "unit", "value", "feature_id"]
    measured = ([*row, currency, currency] for row in rows)
    return _write(path, [*names, "unit_of_measure", "currency"], measured)


def _served(
    generator: np.random.Generator, model: BilledModel, day: date
) -> Iterable[int]:
    mean = max(model.daily_cost * _REQUESTS_PER_UNIT_OF_COST, _FEWEST_REQUESTS)
    requests = int(generator.poisson(mean * _weekday(day)))
    successful = int(generator.binomial(requests, 0.985))
    tokens = generator.normal([900, 260], [60, 20])
    return requests, successful, *(int(requests * each) for each in tokens)


def _weekday(day: date) -> float:
    return _WEEKEND_SHARE if day.weekday() >= 5 else 1.0  # noqa: PLR2004  (Saturday)


def _write(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        written = [writer.writerow(row) for row in rows]
    return len(written)
