"""GPU cut into seven MIG slices: the slices held by each model, hourly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.timeline import HOURS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingest.sample_company.timeline import Timeline

POOL: Final = "gpu-slices"
SLICES_PER_GPU: Final = 7
#: A slice's part of a GPU hour weighs in eight decimals.
_WEIGHT_DECIMALS: Final = 8


@dataclass(frozen=True, slots=True)
class SliceSeries:
    """A workload on the sliced GPU; ``is_running`` has a value for every hour."""

    model: str
    profile: str
    slices: int
    is_running: NDArray[np.bool_]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Return its part of the GPU in each hour."""
        part = round(self.slices / SLICES_PER_GPU, _WEIGHT_DECIMALS)
        return np.where(self.is_running, part, 0.0)


@dataclass(frozen=True, slots=True)
class SlicedGpu:
    """The GPU and its workloads; ``is_there`` has a value for every hour."""

    is_there: NDArray[np.bool_]
    workloads: tuple[SliceSeries, ...]


def read_slices(timeline: Timeline) -> SlicedGpu:
    """Return the workloads: always, by day, at night, and on workdays."""
    hour = np.arange(timeline.day_count * HOURS_PER_DAY)
    is_there = hour >= HOURS_PER_DAY * timeline.day_offset(
        timeline.months[timeline.migration_index]
    )
    return SlicedGpu(is_there, tuple(_workloads(timeline, hour, is_there)))


def _workloads(
    timeline: Timeline, hour: NDArray[np.int64], is_there: NDArray[np.bool_]
) -> Iterator[SliceSeries]:
    clock = hour % HOURS_PER_DAY
    weekday = (timeline.first_day.weekday() + hour // HOURS_PER_DAY) % 7
    always = np.ones(len(hour), dtype=np.bool_)
    by_day = (clock >= 6) & (clock < 20)  # noqa: PLR2004  (office hours)
    for model, profile, slices, runs in (
        ("care-assistant", "1g.10gb", 1, always),
        ("invoice-reader", "2g.20gb", 2, by_day & (weekday < 5)),  # noqa: PLR2004
        ("eta-v2", "1g.10gb", 1, by_day),
        ("route-planner", "3g.40gb", 3, clock < 4),  # noqa: PLR2004  (planned at night)
    ):
        yield SliceSeries(model, profile, slices, runs & is_there)
