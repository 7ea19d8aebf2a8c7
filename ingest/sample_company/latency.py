"""Latency of models on GPUs: far too long at first, finally on target.

Of a hundred requests of any hour, the numbers in :data:`_WITHIN` end within each bound,
so a percentile of merged histograms is the planted percentile, to the last digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingest.sample_company.metering import Meters
    from ingest.sample_company.timeline import Phase, Timeline

#: Time that most requests should not exceed [s]; ``catalog.yml`` states it.
LATENCY_THRESHOLD_SECONDS: Final = {"maintenance-vision": 0.5, "driver-camera": 0.25}
#: Upper bounds of the buckets, as multiples of the threshold; halves have no remainder.
_BOUNDS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)
#: Of a hundred requests, those that end within each bound.
_WITHIN: Final[dict[Phase, tuple[int, ...]]] = {
    "managed_kubernetes": (5, 20, 48, 80, 95, 99),
    "migration": (12, 35, 65, 95, 98, 100),
    "hybrid": (40, 70, 96, 99, 100, 100),
}
_HUNDRED: Final = 100


def p95_to_threshold(phase: Phase) -> float:
    """Return the planted p95 of a phase by the threshold, linear inside its bucket."""
    bounds, counts = (0.0, *_BOUNDS), (0, *_WITHIN[phase])
    place = next(at for at, count in enumerate(counts) if count >= 95)  # noqa: PLR2004
    part = (95 - counts[place - 1]) / (counts[place] - counts[place - 1])
    return bounds[place - 1] + (bounds[place] - bounds[place - 1]) * part


def over_threshold_share(phase: Phase) -> float:
    """Return the planted share of requests that take longer than the threshold."""
    return 1 - _WITHIN[phase][_BOUNDS.index(1.0)] / _HUNDRED


def latency_counters(
    meters: Meters, timeline: Timeline
) -> Iterator[tuple[dict[str, str], NDArray[np.int64]]]:
    """Yield labels of each bucket, and the requests of every hour within it."""
    phases = [month.phase for month in timeline.months for _ in range(month.hour_count)]
    for model, threshold in LATENCY_THRESHOLD_SECONDS.items():
        for series in meters.usage:
            if series.model != model or series.requests is None:
                continue
            # Whole hundreds, so that each bound has a whole number of requests.
            hundreds = np.asarray(series.requests // _HUNDRED, dtype=np.int64)
            labels = {"app": model, "pool": series.pool, "job": "serving"}
            for place, bound in enumerate(_BOUNDS):
                within = np.array([_WITHIN[phase][place] for phase in phases])
                text = f"{bound * threshold:g}"
                yield {**labels, "le": text}, hundreds * within
            yield {**labels, "le": "+Inf"}, hundreds * _HUNDRED
