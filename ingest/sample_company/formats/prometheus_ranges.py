"""Recorded answers of Prometheus' ``query_range``: vector queries, and latency by app.

A counter starts again at zero when its pod does, two months share the sample of the
turn between them, and a single series is no counter at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.sample_company.charges import HOUR_SECONDS
from ingest.sample_company.formats.answers import write_json
from ingest.sample_company.latency import latency_counters
from ingest.sample_company.timeline import HOURS_PER_DAY, epoch_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.sample_company.metering import Meters, UsageSeries
    from ingest.sample_company.timeline import Timeline

METRIC: Final = "vector_queries_total"
LATENCY_METRIC: Final = "request_duration_seconds_bucket"
#: A day's requests by hour, in parts.
_BY_HOUR: Final = (
    1,
    1,
    1,
    1,
    2,
    3,
    5,
    8,
    10,
    10,
    9,
    8,
    8,
    9,
    9,
    8,
    7,
    5,
    4,
    3,
    3,
    2,
    2,
    1,
)
_HOURS_BETWEEN_RESTARTS: Final = 1_009


def write_prometheus(folder: Path, meters: Meters, timeline: Timeline) -> None:
    """Write an answer for each month."""
    counters = {one.model: _counter(one) for one in meters.of_pool("vector-database")}
    buckets = [
        (labels, by_hour, _restarting(by_hour))
        for labels, by_hour in latency_counters(meters, timeline)
    ]
    start = epoch_seconds(timeline.first_day)
    for month in timeline.months:
        first = timeline.day_offset(month) * HOURS_PER_DAY
        hours = range(first, first + month.hour_count + 1)
        result = [
            _series(model, [(start + h * HOUR_SECONDS, int(values[h])) for h in hours])
            for model, values in counters.items()
        ]
        result += [
            _series_of(
                {"__name__": LATENCY_METRIC, **labels},
                [(start + h * HOUR_SECONDS, int(values[h])) for h in hours],
            )
            for labels, by_hour, values in buckets
            # A model that is not in a pool has no series there.
            if by_hour[first : first + month.hour_count].any()
        ]
        if month.end == timeline.end:
            end = epoch_seconds(timeline.end)
            gauge = [(end - 2 * HOUR_SECONDS, 3), (end - HOUR_SECONDS, -5)]
            result.append(_series("balance-check", gauge))
        data = {"resultType": "matrix", "result": result}
        body = {"status": "success", "data": data}
        write_json(folder / f"{month.label}.json.gz", body)


def _counter(series: UsageSeries) -> NDArray[np.int64]:
    """Return the counter of a day's requests, spread over its hours."""
    assert series.requests is not None  # noqa: S101
    parts = np.asarray(_BY_HOUR, dtype=np.int64)
    by_hour = series.requests[:, None] * parts // parts.sum()
    by_hour[:, HOURS_PER_DAY // 2] += series.requests - by_hour.sum(axis=1)
    return _restarting(by_hour.ravel())


def _restarting(by_hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a counter, at every full hour, of hourly counts."""
    counted = np.concatenate([[0], np.cumsum(by_hour)])
    # After a restart the first sample holds the count since.
    restarts = np.arange(len(counted)) // _HOURS_BETWEEN_RESTARTS
    before = counted[np.maximum(restarts * _HOURS_BETWEEN_RESTARTS - 1, 0)]
    return np.asarray(np.where(restarts > 0, counted - before, counted))


def _series(model: str, samples: list[tuple[int, int]]) -> dict[str, Any]:
    labels = {
        "__name__": METRIC,
        "app": model,
        "job": "vectors",
        "instance": "v-0:9100",
    }
    return _series_of(labels, samples)


def _series_of(
    labels: dict[str, str], samples: list[tuple[int, int]]
) -> dict[str, Any]:
    return {"metric": labels, "values": [[at, str(value)] for at, value in samples]}
