"""Meter counts: GPU hours, processor hours, tokens, requests.

Every series covers the whole timeline, by hour for GPUs and by day for the rest, in
whole numbers. Meters do not depend on ``scale``: more lines do not mean more use.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.charges import DAY_SECONDS, HOUR_SECONDS, activity
from ingest.sample_company.slices import SlicedGpu, read_slices
from ingest.sample_company.spending import GPU_NODE_COUNT
from ingest.sample_company.timeline import HOURS_PER_DAY, epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ingest.sample_company.timeline import Timeline

    Whole = NDArray[np.int64]

GPUS_PER_NODE: Final = 4
#: GPU hours are counted in thousandths.
MILLI: Final = 1_000
#: A GiB-hour counts as this many core-hours.
MEMORY_WEIGHT: Final = 0.134
_HYBRID_NODE_COUNT: Final = 5
_MONTHLY_GROWTH: Final = 0.015
_SUCCESS: Final = (0.962, 0.981, 0.995)

#: Nodes of each GPU pool by phase.
_CAPACITY: Final = {
    "gpu-cluster": tuple(GPU_NODE_COUNT.values()),
    "gpu-batch": (1, 1, 1),
    "gpu-hybrid": (0, _HYBRID_NODE_COUNT, _HYBRID_NODE_COUNT),
}
#: Part of the capacity that a model requests, by phase.
_REQUESTED: Final = {
    ("gpu-cluster", "maintenance-vision"): (0.22, 0.17, 0.0),
    ("gpu-cluster", "maintenance-sensors"): (0.09, 0.07, 0.30),
    ("gpu-cluster", "driver-camera"): (0.14, 0.11, 0.22),
    ("gpu-hybrid", "maintenance-vision"): (0.0, 0.26, 0.38),
    ("gpu-hybrid", "maintenance-sensors"): (0.0, 0.10, 0.14),
    ("gpu-hybrid", "driver-camera"): (0.0, 0.14, 0.20),
    ("gpu-hybrid", "eta-v2"): (0.0, 0.08, 0.10),
}
#: Used part of the request.
_USED: Final = {"gpu-cluster": (0.44, 0.42, 0.55), "gpu-hybrid": (0.0, 0.80, 0.92)}

_DAILY_REQUESTS: Final = {
    "maintenance-vision": 60_000,
    "maintenance-sensors": 240_000,
    "driver-camera": 180_000,
    "eta-v1": 400_000,
    "eta-v2": 400_000,
    "route-planner": 30_000,
    "care-assistant": 9_000,
    "invoice-reader": 3_200,
}
#: Core-hours and GiB-hours a day on Kubernetes.
_PROCESSOR: Final = {
    "eta-v1": (520, 1_400),
    "eta-v2": (430, 1_250),
    "route-planner": (760, 1_900),
    "care-assistant": (180, 700),
    "invoice-reader": (140, 420),
}
#: Input, cached input and output tokens per request.
_TOKENS: Final = {
    "care-assistant": (1_850, 620, 410),
    "invoice-reader": (2_900, 300, 520),
}
#: Share of all tokens that passes the gateway on its way to each vendor.
_ROUTES: Final = {"llm-gateway": 0.65, "openai-key": 0.35}
#: Models with requests reported by Railway, once they have moved there.
COUNTED_BY_RAILWAY: Final = ("eta-v2", "route-planner")
_REQUESTS_AT_KUBERNETES: Final = ("eta-v1", "eta-v2", "route-planner")


@dataclass(frozen=True, slots=True)
class AcceleratorSeries:
    """Hours of a model in a GPU pool, or of the pool's capacity (no model)."""

    pool: str
    model: str | None
    requested: Whole
    used: Whole
    capacity: Whole

    @property
    def weight(self) -> Whole:
        """Return the model's holding: the larger of requested and used."""
        return np.maximum(self.requested, self.used)


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """Activity of a model in a pool; absent counts are ``None``.

    ``gpu_milli_hours``, ``core_milli_hours`` and ``memory_milli_hours`` are
    thousandths of hours.
    """

    pool: str
    model: str
    is_hourly: bool
    is_active: NDArray[np.bool_]
    requests: Whole | None = None
    successes: Whole | None = None
    input_tokens: Whole | None = None
    cached_tokens: Whole | None = None
    output_tokens: Whole | None = None
    gpu_milli_hours: Whole | None = None
    core_milli_hours: Whole | None = None
    memory_milli_hours: Whole | None = None


@dataclass(frozen=True, slots=True)
class Meters:
    """Every series."""

    accelerators: tuple[AcceleratorSeries, ...]
    usage: tuple[UsageSeries, ...]
    sliced: SlicedGpu

    def of_pool(self, pool: str) -> list[UsageSeries]:
        """Return the usage in a pool."""
        return [series for series in self.usage if series.pool == pool]


def read_meters(timeline: Timeline, seed: int) -> Meters:
    """Count everything over the whole timeline."""
    return _MeterReader(timeline, seed).read()


class _MeterReader:
    def __init__(self, timeline: Timeline, seed: int) -> None:
        self._timeline = timeline
        self._seed = seed
        first = epoch_seconds(timeline.first_day)
        hours = timeline.day_count * HOURS_PER_DAY
        self._activity = activity(first + HOUR_SECONDS * np.arange(hours))
        self._by_day = activity(first + DAY_SECONDS * np.arange(timeline.day_count))
        self._growth = self._per_day(
            [(1 + _MONTHLY_GROWTH) ** month.index for month in timeline.months]
        )

    def read(self) -> Meters:
        accelerators = tuple(self._accelerators())
        return Meters(
            accelerators,
            (
                *self._gpu_usage(accelerators),
                *self._kubernetes_usage(),
                *self._vector_usage(),
                *self._gateway_usage(),
            ),
            read_slices(self._timeline),
        )

    def _rng(self, *names: str) -> np.random.Generator:
        key = zlib.crc32("/".join(names).encode())
        return np.random.default_rng(
            np.random.SeedSequence(self._seed, spawn_key=(1, key))
        )

    def _per_day(self, values: Sequence[float]) -> NDArray[np.float64]:
        counts = [month.day_count for month in self._timeline.months]
        return np.repeat(np.asarray(values, dtype=np.float64), counts)

    def _phased(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Return values per phase as values per day."""
        phases = ("managed_kubernetes", "migration", "hybrid")
        by_month = [values[phases.index(m.phase)] for m in self._timeline.months]
        return self._per_day(by_month)

    def _accelerators(self) -> Iterator[AcceleratorSeries]:
        for pool, nodes in _CAPACITY.items():
            gpus = _hourly(self._phased(nodes)) * GPUS_PER_NODE * MILLI
            capacity = gpus.astype(np.int64)
            none = np.zeros_like(capacity)
            yield AcceleratorSeries(pool, None, none, none, capacity)
            for (in_pool, model), parts in _REQUESTED.items():
                if in_pool == pool:
                    yield self._workload(pool, model, parts, capacity)

    def _workload(
        self, pool: str, model: str, parts: Sequence[float], capacity: Whole
    ) -> AcceleratorSeries:
        rng = self._rng("accelerators", pool, model)
        noise = 1 + 0.05 * rng.uniform(-1, 1, len(capacity))
        requested = np.rint(_hourly(self._phased(parts)) * capacity * noise)
        used_part = _hourly(self._phased(_USED[pool])) * self._activity
        noise = 1 + 0.08 * rng.uniform(-1, 1, len(capacity))
        used = np.rint(requested * np.clip(used_part * noise, 0.02, 1.0))
        return AcceleratorSeries(
            pool,
            model,
            requested.astype(np.int64),
            used.astype(np.int64),
            np.zeros_like(capacity),
        )

    def _gpu_usage(
        self, accelerators: tuple[AcceleratorSeries, ...]
    ) -> Iterator[UsageSeries]:
        held: dict[str, Whole] = {}
        for series in accelerators:
            if series.model:
                held[series.model] = held.get(series.model, 0) + series.requested
        for series in accelerators:
            if series.model is None:
                continue
            requests = None
            if series.model not in _REQUESTS_AT_KUBERNETES:
                rng = self._rng("requests", series.pool, series.model)
                part = series.requested / np.maximum(held[series.model], 1)
                mean = _DAILY_REQUESTS[series.model] / HOURS_PER_DAY
                load = _hourly(self._growth) * self._activity * part
                requests = rng.poisson(mean * load).astype(np.int64)
            yield UsageSeries(
                series.pool,
                series.model,
                is_hourly=True,
                is_active=series.requested > 0,
                requests=requests,
                successes=self._successes(requests, is_hourly=True),
                gpu_milli_hours=series.used,
            )

    def _successes(self, requests: Whole | None, *, is_hourly: bool) -> Whole | None:
        if requests is None:
            return None
        rate = self._phased(_SUCCESS)
        rate = _hourly(rate) if is_hourly else rate
        return np.asarray(np.rint(requests * rate), dtype=np.int64)

    def _day_requests(self, model: str) -> Whole:
        rng = self._rng("requests", model)
        load = self._growth * self._by_day / self._by_day.mean()
        drawn = rng.poisson(_DAILY_REQUESTS[model] * load)
        return np.asarray(drawn, dtype=np.int64)

    def _alive(self, model: str) -> NDArray[np.bool_]:
        day = np.arange(self._timeline.day_count)
        first = self._timeline.first_day
        if model == "eta-v1":
            return day < (self._timeline.retired_on - first).days
        if model == "eta-v2":
            return day >= (self._timeline.renamed_on - first).days
        return np.ones(len(day), dtype=np.bool_)

    def _kubernetes_usage(self) -> Iterator[UsageSeries]:
        for model, (cores, memory) in _PROCESSOR.items():
            rng = self._rng("kubernetes", model)
            days = self._timeline.day_count
            busy = self._growth * self._by_day / self._by_day.mean()
            core = cores * busy * np.exp(rng.normal(0, 0.06, days))
            gibibyte = memory * np.exp(rng.normal(0, 0.03, days))
            has_requests = model in _REQUESTS_AT_KUBERNETES
            requests = self._day_requests(model) if has_requests else None
            yield UsageSeries(
                "kubernetes",
                model,
                is_hourly=False,
                is_active=self._alive(model),
                requests=requests,
                successes=self._successes(requests, is_hourly=False),
                core_milli_hours=np.rint(core * MILLI).astype(np.int64),
                memory_milli_hours=np.rint(gibibyte * MILLI).astype(np.int64),
            )

    def _vector_usage(self) -> Iterator[UsageSeries]:
        for model in _TOKENS:
            requests = self._day_requests(model)
            yield UsageSeries(
                "vector-database",
                model,
                is_hourly=False,
                is_active=self._alive(model),
                requests=requests,
                successes=self._successes(requests, is_hourly=False),
            )

    def _gateway_usage(self) -> Iterator[UsageSeries]:
        for pool, model in product(_ROUTES, _TOKENS):
            rng = self._rng("tokens", pool, model)
            requests = self._day_requests(model) * _ROUTES[pool]
            tokens = [
                np.rint(requests * mean * np.exp(rng.normal(0, 0.04, len(requests))))
                for mean in _TOKENS[model]
            ]
            yield UsageSeries(
                pool,
                model,
                is_hourly=False,
                is_active=self._alive(model),
                input_tokens=tokens[0].astype(np.int64),
                cached_tokens=tokens[1].astype(np.int64),
                output_tokens=tokens[2].astype(np.int64),
            )


def _hourly(by_day: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.repeat(by_day, HOURS_PER_DAY)
