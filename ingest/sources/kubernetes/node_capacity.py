"""Capacity of nodes in an hour: declared, or held plus idle.

Idle comes as hours or, as OpenCost computes it, as a cost: then at the price for which
the same node's, or else cluster's, workloads had theirs. An idle cost of zero means
that nothing idled only where the held resources had a price: on a node without a GPU
label, OpenCost knows of no GPU and prices none. Capacity that is neither declared nor
reported is unknown, and then the readings divide the whole.

Source: OpenCost specification, *Idle costs*.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING

from ingest.reading.gpu_slices import max_slices, profile_slices
from ingest.sources.kubernetes.exact_shares import exact
from ingest.sources.kubernetes.workload_readings import (
    Capacity,
    DeclaredGpus,
    NodeHour,
    Reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ingest.sources.kubernetes.opencost_answers import Allocation, GpuUse, Use

#: Maximum distance from a whole number of GPUs of a capacity computed from costs.
_WHOLE_GPU_TOLERANCE = Decimal("0.01")
_ZERO = Decimal(0)
#: Resource → function that gives an allocation's hours and cost of it.
_USES: dict[str, Callable[[Allocation], Use | GpuUse]] = {
    name: attrgetter(name) for name in ("cpu", "memory", "gpu")
}


def add_capacity(
    readings: list[Reading], declared: Callable[[Allocation], DeclaredGpus]
) -> None:
    """Put a node's capacity on a row of its hour: the idle row if present."""
    prices = _Prices(readings)
    for (cluster, node, start), positions in _by_node_hour(readings).items():
        idle = [readings[p] for p in positions if readings[p].allocation.kind == "idle"]
        workloads = [
            r for r in (readings[p] for p in positions) if r.allocation.is_workload
        ]
        if idle and not node:
            workloads = [r for r in readings if _is_within(r, cluster, start)]
        carrier = min(positions, key=lambda p: _carrying_order(readings[p]))
        declaration = declared(readings[carrier].allocation) if node else DeclaredGpus()
        capacity = _capacity(idle, workloads, declaration, prices)
        if not node and any(declared(w.allocation).per_node for w in workloads):
            # Each node reports its own.
            capacity = replace(capacity, gpu_hours=None, basis="")
        readings[carrier] = replace(readings[carrier], capacity=capacity)


def _carrying_order(reading: Reading) -> tuple[bool, str]:
    return reading.allocation.kind != "idle", reading.allocation.name


def _by_node_hour(readings: Sequence[Reading]) -> dict[NodeHour, list[int]]:
    groups: dict[NodeHour, list[int]] = defaultdict(list)
    for position, reading in enumerate(readings):
        is_node = reading.allocation.is_workload or reading.allocation.kind == "idle"
        if is_node and not reading.refusal:
            groups[reading.node_hour].append(position)
    return groups


def _is_within(reading: Reading, cluster: str, start: str | None) -> bool:
    """Return True if a workload ran in a cluster; no cluster means all."""
    allocation = reading.allocation
    return (
        allocation.is_workload
        and not reading.refusal
        and allocation.start == start
        and cluster in {"", allocation.place.cluster}
    )


def _capacity(
    idle: Sequence[Reading],
    workloads: Sequence[Reading],
    declared: DeclaredGpus,
    prices: _Prices,
) -> Capacity:
    gpu_hours, basis = _gpu_capacity(idle, workloads, declared, prices)
    cpu, memory = (
        _total(resource, idle, workloads, prices) for resource in ("cpu", "memory")
    )
    return Capacity(cpu, memory, gpu_hours, basis)


def _gpu_capacity(
    idle: Sequence[Reading],
    workloads: Sequence[Reading],
    declared: DeclaredGpus,
    prices: _Prices,
) -> tuple[Decimal | None, str]:
    anyone = [*idle, *workloads][0].allocation
    window = anyone.window_hours
    if declared.per_node is not None and window is not None:
        return exact(declared.per_node * window), "declared"
    if not _tells("gpu", idle):
        return None, ""
    devices = sum((each.device_hours for each in workloads), _ZERO)
    held = sum((each.requested_gpu_hours or _ZERO for each in workloads), _ZERO)
    part = held / devices if devices else _declared_part(declared)
    hours = sum((_hours("gpu", each) for each in idle), _ZERO)
    if hours > 0:
        return exact(held + hours * part), "idle_hours"
    cost = sum((_cost("gpu", each) for each in idle), _ZERO)
    if cost <= 0:
        return (held, "allocated") if _had_a_price("gpu", workloads) else (None, "")
    price = prices.of("gpu", idle[0])
    if price is None:
        return None, ""
    return _whole_gpus(held + cost / price * part, window), "idle_cost"


def _declared_part(declared: DeclaredGpus) -> Decimal:
    slices = profile_slices(declared.mig_profile) if declared.mig_profile else None
    whole = declared.max_slices or max_slices(declared.model)
    return Decimal(slices) / whole if slices and whole else Decimal(1)


def _whole_gpus(hours: Decimal, window: Decimal | None) -> Decimal:
    """Return hours of a whole number of GPUs where rounded costs mean so."""
    if not window:
        return exact(hours)
    count = hours / window
    whole = count.to_integral_value()
    if abs(count - whole) <= _WHOLE_GPU_TOLERANCE * whole:
        return exact(whole * window)
    return exact(hours)


def _total(
    resource: str,
    idle: Sequence[Reading],
    workloads: Sequence[Reading],
    prices: _Prices,
) -> Decimal | None:
    """Return the core-hours or GiB-hours that workloads held and that were idle."""
    if not _tells(resource, idle):
        return None
    held = sum((_hours(resource, each) for each in workloads), _ZERO)
    hours = sum((_hours(resource, each) for each in idle), _ZERO)
    if hours > 0:
        return exact(held + hours)
    cost = sum((_cost(resource, each) for each in idle), _ZERO)
    if cost <= 0:
        return exact(held) if _had_a_price(resource, workloads) else None
    price = prices.of(resource, idle[0])
    return None if price is None else exact(held + cost / price)


def _tells(resource: str, idle: Sequence[Reading]) -> bool:
    """Return True if anything is known about the idle part of a resource."""
    uses = [_USES[resource](each.allocation) for each in idle]
    return any(use.hours is not None or use.cost is not None for use in uses)


def _had_a_price(resource: str, workloads: Sequence[Reading]) -> bool:
    """Return True if OpenCost prices the workloads' use of a resource."""
    return any(_hours(resource, w) > 0 and _cost(resource, w) > 0 for w in workloads)


class _Prices:
    """OpenCost's price of an hour: of the node then, the node, or its cluster."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._hours: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        self._costs: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        workloads = [r for r in readings if r.allocation.is_workload and not r.refusal]
        for reading, resource in itertools.product(workloads, _USES):
            hours, cost = _hours(resource, reading), _cost(resource, reading)
            if hours > 0 and cost > 0:
                for key in _price_keys(resource, reading):
                    self._hours[key] += hours
                    self._costs[key] += cost

    def of(self, resource: str, idle: Reading) -> Decimal | None:
        """Return the price that is nearest to an idle row."""
        for key in _price_keys(resource, idle):
            if key in self._hours:
                return self._costs[key] / self._hours[key]
        return None


def _price_keys(resource: str, reading: Reading) -> list[tuple[str, ...]]:
    place = reading.allocation.place
    node = (resource, place.cluster, place.node)
    return [(*node, reading.allocation.start or ""), node, (resource, place.cluster)]


def _hours(resource: str, reading: Reading) -> Decimal:
    return _USES[resource](reading.allocation).hours or _ZERO


def _cost(resource: str, reading: Reading) -> Decimal:
    return _USES[resource](reading.allocation).cost or _ZERO
