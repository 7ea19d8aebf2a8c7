"""Expected split of each pool, from the meters alone.

Amounts are worked out in double precision and are right to a millionth; the pipeline
works in decimals and must come as near as that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.ledger import HOURLY_POOLS, MIXED_POOL
from ingest.sample_company.metering import MEMORY_WEIGHT, MILLI
from ingest.sample_company.mixed_gpus import mixed_gpu_weights
from ingest.sample_company.money import UNITS
from ingest.sample_company.slices import POOL as SLICED_POOL
from ingest.sample_company.token_kinds import TokenSplit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.sample_company.ledger import Ledger, PoolInflow
    from ingest.sample_company.metering import Meters, UsageSeries
    from ingest.sample_company.timeline import Timeline

    Weights = dict[str, NDArray[np.float64]]

#: Percentages of the pool that is divided by agreement.
FIXED_PERCENTAGES: Final = {
    "maintenance-vision": 35,
    "driver-camera": 30,
    "route-planner": 15,
    "care-assistant": 12,
    "invoice-reader": 8,
}
DRIVERS: Final = {
    "gpu-cluster": "gpu_hours",
    "gpu-batch": "gpu_hours",
    "gpu-hybrid": "gpu_hours",
    "gpu-slices": "gpu_hours",
    MIXED_POOL: "gpu_hours",
    "kubernetes": "cpu_memory_hours",
    "llm-gateway": "tokens",
    "openai-key": "tokens",
    "vector-database": "requests",
    "observability": "even",
    "support-plan": "direct_cost",
    "shared-network": "fixed",
}


_IDLE: Final = "idle"


@dataclass(slots=True)
class PoolMonth:
    """A pool in a billing month, in EUR.

    ``weights`` sums the driver over the moments at which money came in. ``kinds`` has
    the effective cost of each kind of line by model, and of idle time as ``idle``.
    """

    billed: int = 0
    effective: int = 0
    idle_billed: float = 0.0
    idle_effective: float = 0.0
    weights: dict[str, float] = field(default_factory=dict)
    model_billed: dict[str, float] = field(default_factory=dict)
    model_effective: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, dict[str, float]] = field(default_factory=dict)


def split_pools(
    ledger: Ledger, meters: Meters, timeline: Timeline
) -> dict[str, dict[str, PoolMonth]]:
    """Divide the inflow of every pool and billing month among the models."""
    answer: dict[str, dict[str, PoolMonth]] = {pool: {} for pool in DRIVERS}
    weights: dict[tuple[str, str], tuple[Weights, NDArray[np.float64]]] = {}
    for (pool, month, kind), inflow in sorted(ledger.pools.items()):
        if (pool, kind) not in weights:
            weights[pool, kind] = _weights(pool, kind, ledger, meters, timeline)
        part = answer[pool].setdefault(month, PoolMonth())
        _divide_kind(part, kind, inflow, weights[pool, kind], timeline)
    return answer


def _divide_kind(
    result: PoolMonth,
    kind: str,
    inflow: PoolInflow,
    weights: tuple[Weights, NDArray[np.float64]],
    timeline: Timeline,
) -> None:
    """Add the inflow of a kind to a pool's month, and keep its parts apart."""
    before = {**result.model_effective, _IDLE: result.idle_effective}
    _divide(result, inflow, weights, timeline)
    after = {**result.model_effective, _IDLE: result.idle_effective}
    result.kinds[kind] = {
        name: amount - before.get(name, 0.0) for name, amount in after.items()
    }


def _divide(
    result: PoolMonth,
    inflow: PoolInflow,
    weights: tuple[Weights, NDArray[np.float64]],
    timeline: Timeline,
) -> None:
    """Add the inflow of a kind to a pool's month."""
    by_model, capacity = weights
    for interval, billed in inflow.billed.items():
        effective = inflow.effective[interval]
        result.billed += int(billed.sum())
        result.effective += int(effective.sum())
        used = by_model
        if interval == "month":
            used = {m: _over_months(w, timeline) for m, w in by_model.items()}
        size = len(billed)
        held = {m: _padded(w, size) for m, w in used.items()}
        room = _padded(capacity, size)
        whole = np.maximum(sum(held.values(), np.zeros(size)), room)
        _share_out(result, held, whole, billed, effective)


def _share_out(
    result: PoolMonth,
    held: Weights,
    whole: NDArray[np.float64],
    billed: NDArray[np.int64],
    effective: NDArray[np.int64],
) -> None:
    has_money = (billed != 0) | (effective != 0)
    safe = np.where(whole > 0, whole, 1.0)
    free = (whole - sum(held.values(), np.zeros(len(whole)))) / safe
    result.idle_billed += float((billed * free).sum()) / UNITS
    result.idle_effective += float((effective * free).sum()) / UNITS
    for model, weight in held.items():
        share = weight / safe
        for sums, amounts in (
            (result.model_billed, billed),
            (result.model_effective, effective),
        ):
            part = float((amounts * share).sum()) / UNITS
            sums[model] = sums.get(model, 0.0) + part
        counted = float(weight[has_money].sum())
        result.weights[model] = result.weights.get(model, 0.0) + counted


def _weights(
    pool: str, kind: str, ledger: Ledger, meters: Meters, timeline: Timeline
) -> tuple[Weights, NDArray[np.float64]]:
    """Return weight by model and moment, and the capacity (zero if unlimited)."""
    nothing = np.zeros(timeline.day_count)
    if DRIVERS[pool] == "tokens":
        tokens = TokenSplit(pool, ledger, meters.of_pool(pool), timeline)
        return tokens.weights(kind), nothing
    if pool == SLICED_POOL:
        held = {workload.model: workload.weight for workload in meters.sliced.workloads}
        return held, meters.sliced.is_there.astype(np.float64)
    if pool == MIXED_POOL:
        return mixed_gpu_weights(kind, timeline)
    if pool in HOURLY_POOLS:
        return _gpu_weights(pool, meters)
    return _daily_weights(pool, ledger, meters, timeline), nothing


def _daily_weights(
    pool: str, ledger: Ledger, meters: Meters, timeline: Timeline
) -> Weights:
    if pool == "shared-network":
        nothing = np.zeros(timeline.day_count)
        return {m: nothing + p for m, p in FIXED_PERCENTAGES.items()}
    if pool == "support-plan":
        days = ledger.direct_days.items()
        return {m: np.maximum(d, 0.0) / UNITS for m, d in days}
    if pool == "observability":
        return _presence(meters, timeline)
    return {s.model: _daily_weight(s) for s in meters.of_pool(pool)}


def _gpu_weights(pool: str, meters: Meters) -> tuple[Weights, NDArray[np.float64]]:
    series = [s for s in meters.accelerators if s.pool == pool]
    held = {s.model: s.weight / MILLI for s in series if s.model is not None}
    return held, sum((s.capacity for s in series), np.zeros(1)) / MILLI


def _daily_weight(series: UsageSeries) -> NDArray[np.float64]:
    if series.core_milli_hours is not None and series.memory_milli_hours is not None:
        memory = MEMORY_WEIGHT * series.memory_milli_hours
        weight = (series.core_milli_hours + memory) / MILLI
    else:
        assert series.requests is not None  # noqa: S101
        weight = series.requests.astype(np.float64)
    return np.where(series.is_active, weight, 0.0)


def _presence(meters: Meters, timeline: Timeline) -> Weights:
    """Return 1 for every model and day with any reading."""
    present: Weights = {}
    for series in meters.usage:
        active = series.is_active
        by_day = active.reshape(timeline.day_count, -1).any(axis=1)
        before = present.get(series.model, np.zeros(timeline.day_count))
        present[series.model] = np.maximum(before, by_day)
    return present


def _over_months(
    by_day: NDArray[np.float64], timeline: Timeline
) -> NDArray[np.float64]:
    """Return monthly sums, each at the first day of its month."""
    sums = np.zeros(len(by_day))
    for month in timeline.months:
        start = timeline.day_offset(month)
        sums[start] = by_day[start : start + month.day_count].sum()
    return sums


def _padded(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.pad(values, (0, size - len(values)))
