"""OpenCost's readings and prices as rows of their streams, each value as text.

The mapping of the source turns the place and the labels of a workload into a model and
a pool. A workload that no rule turns into a model has none: its part of a pool ends
unallocated, with its reason. A row for which rules name no pool belongs to the pool
that is named like its cluster, so it never counts for pools of others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from ingest.connector import RowsPart
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from decimal import Decimal

    import pyarrow as pa

    from ingest.reading.label_mapping import LabelMapping, Target
    from ingest.sources.kubernetes.opencost_answers import Allocation, Place
    from ingest.sources.kubernetes.workload_readings import Reading

METER_STREAM = "opencost_allocation"
COST_STREAM = "opencost_costs"
LABEL_PREFIX = "labels."

_ROWS_PER_BATCH = 5_000
_UNSANITISED = re.compile(r"[^a-zA-Z0-9_]")
_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode


Answer = TypeVar("Answer")


class WorkloadLabels(Mapping[str, "Sequence[str]"]):
    """Workload as rules see it; label names as in Kubernetes or OpenCost.

    Examples
    --------
    >>> labels = WorkloadLabels({"namespace": "ml"}, {"app_kubernetes_io_name": "eta"})
    >>> labels["namespace"], labels["labels.app.kubernetes.io/name"]
    (['ml'], ['eta'])
    """

    def __init__(self, place: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self._values = {name: [value] for name, value in place.items() if value}
        for name, value in labels.items():
            self._values[_sanitised(f"{LABEL_PREFIX}{name}")] = [value]

    def __getitem__(self, name: str) -> Sequence[str]:
        return self._values[_sanitised(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def once_per_workload(
    rules: Callable[[WorkloadLabels], Answer],
) -> Callable[[Allocation], Answer]:
    """Return rules cached per workload, which is the same in each hour."""

    @lru_cache(maxsize=1_024)
    def asked(place: Place, labels: tuple[tuple[str, str], ...]) -> Answer:
        return rules(WorkloadLabels(place.by_name, dict(labels)))

    return lambda allocation: asked(allocation.place, tuple(allocation.labels.items()))


@dataclass(frozen=True, slots=True)
class Prices:
    """Settings for reading OpenCost's own prices, for clusters with no bill."""

    currency: str
    provider: str


def meter_part(
    readings: Sequence[Reading], mapping: LabelMapping, *, source: str, uri: str
) -> RowsPart:
    """Return readings as rows of ``opencost_allocation``."""
    target_of = once_per_workload(mapping.target)
    rows = (
        _meter_row(reading, target_of(reading.allocation), source)
        for reading in readings
    )
    return _part(METER_STREAM, rows, uri)


def cost_part(readings: Sequence[Reading], prices: Prices, *, uri: str) -> RowsPart:
    """Return the costs that OpenCost works out as rows of ``opencost_costs``."""
    rows = (
        _cost_row(reading.allocation, prices)
        for reading in readings
        if reading.allocation.total_cost
    )
    return _part(COST_STREAM, rows, uri)


def export_part(
    rows: Iterable[Mapping[str, str]], prices: Prices, *, uri: str
) -> RowsPart:
    """Return rows of a CSV export as rows of ``opencost_costs``."""
    priced = {
        "billed_cost": "0",
        "currency": prices.currency,
        "provider": prices.provider,
    }
    by_key: dict[tuple[str, str], dict[str, str | None]] = {}
    for row in rows:
        # A day that is exported twice counts once, as it was exported last.
        by_key[row["allocation_name"], row["period_start"]] = {**row, **priced}
    return _part(COST_STREAM, iter(by_key.values()), uri)


def _meter_row(reading: Reading, target: Target, source: str) -> dict[str, str | None]:
    allocation, capacity = reading.allocation, reading.capacity
    cpu, memory, gpu = allocation.cpu, allocation.memory, allocation.gpu
    return {
        "refusal": reading.refusal or None,
        **_identity(allocation),
        "labels": _AS_JSON(dict(allocation.labels)),
        "model_id": target.model_id if allocation.is_workload else None,
        "pool_id": target.pool_id or allocation.place.cluster or source,
        "minutes": _plain(allocation.minutes),
        "cpu_core_hours": _plain(cpu.hours),
        "requested_cpu_core_hours": _plain(cpu.requested),
        "used_cpu_core_hours": _plain(cpu.used),
        "capacity_cpu_core_hours": _plain(capacity.cpu_core_hours),
        "memory_gibibyte_hours": _plain(memory.hours),
        "requested_memory_gibibyte_hours": _plain(memory.requested),
        "used_memory_gibibyte_hours": _plain(memory.used),
        "capacity_memory_gibibyte_hours": _plain(capacity.memory_gibibyte_hours),
        "gpu_count": _plain(gpu.count),
        "gpu_hours": _plain(gpu.hours),
        "gpu_usage_ratio": _plain(gpu.usage_ratio),
        "mig_slices": None if reading.mig_slices is None else str(reading.mig_slices),
        "gpu_max_slices": None if not reading.max_slices else str(reading.max_slices),
        "requested_gpu_hours": _plain(_requested(reading)),
        "used_gpu_hours": _plain(reading.used_gpu_hours),
        "capacity_gpu_hours": _plain(capacity.gpu_hours),
        "gpu_model": reading.gpu_model or gpu.model or None,
        "gpu_device": gpu.device or None,
        "mig_profile": reading.mig_profile or None,
        "gpu_basis": reading.gpu_basis or None,
        "capacity_basis": capacity.basis or None,
        "is_gpu_shared": None if gpu.is_shared is None else str(gpu.is_shared).lower(),
        "cpu_cost": _plain(cpu.cost),
        "memory_cost": _plain(memory.cost),
        "gpu_cost": _plain(gpu.cost),
        "total_cost": _plain(allocation.total_cost),
        "raw": allocation.raw,
    }


def _requested(reading: Reading) -> Decimal | None:
    # A workload without a GPU asked for none, which is known where hours are.
    if reading.has_gpu or not reading.allocation.is_workload:
        return reading.requested_gpu_hours
    return reading.allocation.gpu.hours


def _cost_row(allocation: Allocation, prices: Prices) -> dict[str, str | None]:
    places = {k: v for k, v in allocation.place.by_name.items() if v}
    return {
        **_identity(allocation),
        "billed_cost": "0",
        "effective_cost": _plain(allocation.total_cost),
        "currency": prices.currency,
        "provider": prices.provider,
        "tags": _AS_JSON({**allocation.labels, **places}),
    }


def _identity(allocation: Allocation) -> dict[str, str | None]:
    return {
        "period_start": allocation.start,
        "period_end": allocation.end,
        "allocation_name": allocation.name,
        "kind": allocation.kind,
        **{name: value or None for name, value in allocation.place.by_name.items()},
    }


def _plain(quantity: Decimal | None) -> str | None:
    return None if quantity is None else _digits(quantity, quantity.is_signed())


@lru_cache(maxsize=4_096)
def _digits(quantity: Decimal, _is_signed: bool) -> str:  # noqa: FBT001  (a zero may be)
    return f"{quantity:.18f}".rstrip("0").rstrip(".")


def _sanitised(name: str) -> str:
    """Return the name of a label as Prometheus writes it, and any other as it is."""
    if not name.startswith(LABEL_PREFIX):
        return name
    label = name.removeprefix(LABEL_PREFIX)
    return LABEL_PREFIX + _UNSANITISED.sub("_", label)


def _part(stream: str, rows: Iterator[dict[str, str | None]], uri: str) -> RowsPart:
    import pyarrow as pa

    schema = pa.schema([(c.name, pa.string()) for c in STREAMS[stream].columns])
    return RowsPart(_batches(rows, schema), schema, uri)


def _batches(
    rows: Iterator[dict[str, str | None]], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    batch: list[dict[str, str | None]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _ROWS_PER_BATCH:
            yield pa.RecordBatch.from_pylist(batch, schema=schema)
            batch = []
    if batch:
        yield pa.RecordBatch.from_pylist(batch, schema=schema)
