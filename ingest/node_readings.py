"""From what OpenCost says to hours of GPUs, and to what each node had.

**MIG.** OpenCost counts a MIG instance as a device. Here it weighs its compute slices
by the slices of the whole GPU; a GPU model without known slices is refused.

**Shared GPUs.** Pods that take turns on one GPU each count as a whole device, too. The
hours of the GPU they share are divided by their activity where each has a reading, else
evenly by how long they ran; ``gpu_basis`` says which.

**Capacity.** What a node had in an hour is declared; or what its workloads held plus
what OpenCost calls idle. Idle comes as hours or, as OpenCost computes it, as a cost:
then at the price for which the same node's, or else cluster's, workloads had theirs.

Sources: NVIDIA Multi-Instance GPU User Guide; OpenCost specification, *Idle costs*.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.gpu_slices import max_slices, profile_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ingest.opencost_answers import Allocation, GpuUse

#: Activity is a part of the time; more than this is another unit, such as percent.
_HIGHEST_RATIO = Decimal("1.01")
#: How far from a whole number of GPUs a capacity worked out of costs may lie.
_WHOLE_GPU_TOLERANCE = Decimal("0.01")
_EXACT = Decimal(1).scaleb(-15)
_ZERO = Decimal(0)

NodeHour = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class DeclaredGpus:
    """What the configuration says about a node's GPUs, where the meter does not."""

    model: str = ""
    max_slices: int | None = None
    mig_profile: str = ""
    per_node: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a node had: core-hours, GiB-hours and GPU hours."""

    cpu_core_hours: Decimal | None = None
    memory_gibibyte_hours: Decimal | None = None
    gpu_hours: Decimal | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An allocation with what it comes to.

    Parameters
    ----------
    gpu_basis : str
        ``whole_gpu``, ``mig_slices``, ``shared_by_activity`` or ``shared_evenly``;
        empty without GPUs.
    mig_slices, max_slices : int, optional
        Of the instance and of the whole GPU.
    capacity : Capacity
        Of the whole node, on one row of its hour.
    """

    allocation: Allocation
    refusal: str = ""
    requested_gpu_hours: Decimal | None = None
    used_gpu_hours: Decimal | None = None
    gpu_basis: str = ""
    gpu_model: str = ""
    mig_profile: str = ""
    mig_slices: int | None = None
    max_slices: int | None = None
    capacity: Capacity = Capacity()

    @property
    def has_gpu(self) -> bool:
        """Tell whether it held or used a GPU."""
        return bool(self.gpu_basis)


def readings_of(
    allocations: Sequence[Allocation],
    declared: Callable[[Allocation], DeclaredGpus],
) -> list[Reading]:
    """Return a reading for each allocation, in their order.

    Parameters
    ----------
    allocations : sequence of Allocation
        Everything that one delivery holds: prices are looked up among them.
    declared : callable
        What is declared about the node of an allocation.
    """
    readings = [_own_reading(each, declared(each)) for each in allocations]
    _share_gpus(readings, declared)
    _add_capacity(readings, declared)
    return readings


def _own_reading(allocation: Allocation, declared: DeclaredGpus) -> Reading:
    gpu = allocation.gpu
    refusal = allocation.refusal or _negative(allocation)
    if refusal or not allocation.is_workload or not _holds_gpu(gpu):
        return Reading(allocation, refusal=refusal)
    model = gpu.model or declared.model
    profile = gpu.mig_profile or declared.mig_profile
    reading = Reading(
        allocation,
        gpu_basis="mig_slices" if profile else "whole_gpu",
        gpu_model=model,
        mig_profile=profile,
        mig_slices=profile_slices(profile) if profile else None,
        max_slices=declared.max_slices or max_slices(model),
    )
    refusal = _gpu_refusal(reading)
    if refusal:
        return replace(reading, refusal=refusal)
    return _with_hours(reading)


def _negative(allocation: Allocation) -> str:
    quantities = (
        allocation.minutes,
        *(allocation.cpu.hours, allocation.cpu.requested, allocation.cpu.used),
        *(allocation.memory.hours, allocation.memory.requested, allocation.memory.used),
        *(allocation.gpu.count, allocation.gpu.hours, allocation.gpu.usage_ratio),
    )
    is_negative = any(each is not None and each < 0 for each in quantities)
    return "negative_quantity" if is_negative else ""


def _holds_gpu(gpu: GpuUse) -> bool:
    return bool((gpu.hours or 0) > 0 or (gpu.usage_ratio or 0) > 0)


def _gpu_refusal(reading: Reading) -> str:
    if (reading.allocation.gpu.usage_ratio or _ZERO) > _HIGHEST_RATIO:
        return "gpu_usage_is_no_ratio"
    if not reading.mig_profile:
        return ""
    if reading.max_slices is None:
        return "unknown_gpu_model_with_mig"
    if reading.mig_slices is None or reading.mig_slices > reading.max_slices:
        return "unknown_mig_profile"
    return ""


def _with_hours(reading: Reading) -> Reading:
    part = _part_of_gpu(reading)
    gpu, hours = reading.allocation.gpu, reading.allocation.hours
    held = gpu.hours
    # A pod may use a GPU that it never asked for: then it used one.
    busy = held or (None if hours is None else hours * (gpu.count or 1))
    ratio = gpu.usage_ratio
    return replace(
        reading,
        requested_gpu_hours=None if held is None else _exact(held * part),
        used_gpu_hours=(
            None if ratio is None or busy is None else _exact(busy * ratio * part)
        ),
    )


def _part_of_gpu(reading: Reading) -> Decimal:
    if reading.mig_slices is None or not reading.max_slices:
        return Decimal(1)
    return Decimal(reading.mig_slices) / reading.max_slices


def _share_gpus(
    readings: list[Reading], declared: Callable[[Allocation], DeclaredGpus]
) -> None:
    """Divide the hours of each GPU that several pods take turns on."""
    for positions in _with_gpu_by_node_hour(readings):
        devices: dict[str, list[int]] = defaultdict(list)
        for position in positions:
            reading = readings[position]
            if reading.gpu_basis == "whole_gpu" and _held(reading) > 0:
                devices[reading.allocation.gpu.device].append(position)
        for device, holders in devices.items():
            shared = [p for p in holders if readings[p].allocation.gpu.is_shared]
            if not shared and device and _is_overbooked(readings, holders):
                shared = holders
            if shared:
                others = [readings[p] for p in positions if p not in shared]
                first = readings[shared[0]].allocation
                members = [readings[p] for p in shared]
                gpus = _gpus_shared(members, others, declared(first))
                _divide(readings, shared, gpus)


def _with_gpu_by_node_hour(readings: Sequence[Reading]) -> list[list[int]]:
    groups: dict[NodeHour, list[int]] = defaultdict(list)
    by_name = sorted(enumerate(readings), key=lambda each: each[1].allocation.name)
    for position, reading in by_name:
        if reading.has_gpu and not reading.refusal:
            groups[_node_hour(reading)].append(position)
    return list(groups.values())


def _is_overbooked(readings: Sequence[Reading], holders: Sequence[int]) -> bool:
    """Tell whether one device was held for longer than its hour lasted."""
    window = readings[holders[0]].allocation.window_hours
    held = sum((_held(readings[position]) for position in holders), _ZERO)
    is_longer = window is not None and held > window * _HIGHEST_RATIO
    return len(holders) > 1 and is_longer


def _gpus_shared(
    members: Sequence[Reading], others: Sequence[Reading], declared: DeclaredGpus
) -> Decimal:
    """Return how many GPUs pods share: at least what the largest of them asked for."""
    first = members[0].allocation
    if first.gpu.device:
        return Decimal(1)
    if declared.per_node is not None and first.place.node and first.window_hours:
        held = sum((each.requested_gpu_hours or _ZERO for each in others), _ZERO)
        return max(declared.per_node - held / first.window_hours, _ZERO)
    return max(Decimal(member.allocation.gpu.count or 1) for member in members)


def _divide(readings: list[Reading], shared: Sequence[int], gpus: Decimal) -> None:
    members = [readings[position] for position in shared]
    window = members[0].allocation.window_hours
    held = sum((_held(member) for member in members), _ZERO)
    total = held if window is None else min(gpus * window, held)
    basis, weights = _weights(members)
    parts = divided_up_to(total, weights, [_held(member) for member in members])
    for position, part in zip(shared, parts, strict=True):
        readings[position] = replace(
            readings[position], requested_gpu_hours=part, gpu_basis=basis
        )


def _weights(members: Sequence[Reading]) -> tuple[str, list[Decimal]]:
    activity = [_activity(member) for member in members]
    known = [each for each in activity if each is not None]
    if len(known) == len(members) and sum(known, _ZERO) > 0:
        return "shared_by_activity", known
    return "shared_evenly", [member.allocation.hours or _ZERO for member in members]


def _activity(member: Reading) -> Decimal | None:
    ratio, hours = member.allocation.gpu.usage_ratio, member.allocation.hours
    return None if ratio is None or hours is None else ratio * hours


def _held(member: Reading) -> Decimal:
    return member.allocation.gpu.hours or _ZERO


def divided(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Divide a quantity by weights, so that the parts sum to it exactly.

    Examples
    --------
    >>> [str(part) for part in divided(Decimal(1), [Decimal(1)] * 3)]
    ['0.333333333333334', '0.333333333333333', '0.333333333333333']
    """
    weight = sum(weights, _ZERO)
    if weight <= 0:
        weights, weight = [Decimal(1)] * len(weights), Decimal(len(weights))
    parts = [_exact(total * each / weight) for each in weights]
    largest = max(range(len(parts)), key=lambda position: weights[position])
    parts[largest] += total - sum(parts, _ZERO)
    return parts


def divided_up_to(
    total: Decimal, weights: Sequence[Decimal], limits: Sequence[Decimal]
) -> list[Decimal]:
    """Divide by weights, and give to others what would exceed a part's limit.

    The limits hold the total together; ties go in the order given.

    Examples
    --------
    >>> one, half = Decimal(1), Decimal("0.5")
    >>> [float(part) for part in divided_up_to(one, [one, _ZERO], [half, one])]
    [0.5, 0.5]
    """
    parts = [_ZERO] * len(weights)
    open_ = list(range(len(weights)))
    left = total
    while open_:
        tried = divided(left, [weights[position] for position in open_])
        full = [p for p, part in zip(open_, tried, strict=True) if part >= limits[p]]
        if not full:
            for position, part in zip(open_, tried, strict=True):
                parts[position] = part
            break
        for position in full:
            parts[position] = min(limits[position], left)
            left -= parts[position]
        open_ = [position for position in open_ if position not in full]
    return parts


def _add_capacity(
    readings: list[Reading], declared: Callable[[Allocation], DeclaredGpus]
) -> None:
    """Put what each node had on one row of its hour: the idle one, where there is."""
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
            # Each node says it for itself.
            capacity = replace(capacity, gpu_hours=None, basis="")
        readings[carrier] = replace(readings[carrier], capacity=capacity)


def _carrying_order(reading: Reading) -> tuple[bool, str]:
    return reading.allocation.kind != "idle", reading.allocation.name


def _by_node_hour(readings: Sequence[Reading]) -> dict[NodeHour, list[int]]:
    groups: dict[NodeHour, list[int]] = defaultdict(list)
    for position, reading in enumerate(readings):
        is_node = reading.allocation.is_workload or reading.allocation.kind == "idle"
        if is_node and not reading.refusal:
            groups[_node_hour(reading)].append(position)
    return groups


def _is_within(reading: Reading, cluster: str, start: str | None) -> bool:
    """Tell whether a workload ran in a cluster; no cluster is all of them."""
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
        return _exact(declared.per_node * window), "declared"
    if not idle:
        return None, ""
    devices = sum((_held(each) for each in workloads), _ZERO)
    held = sum((each.requested_gpu_hours or _ZERO for each in workloads), _ZERO)
    part = held / devices if devices else _declared_part(declared)
    hours = sum((each.allocation.gpu.hours or _ZERO for each in idle), _ZERO)
    if hours > 0:
        return _exact(held + hours * part), "idle_hours"
    cost = sum((each.allocation.gpu.cost or _ZERO for each in idle), _ZERO)
    if cost <= 0:
        return (held, "allocated") if held else (None, "")
    price = prices.of("gpu", idle[0])
    if price is None:
        return None, ""
    return _whole_gpus(held + cost / price * part, window), "idle_cost"


def _declared_part(declared: DeclaredGpus) -> Decimal:
    slices = profile_slices(declared.mig_profile) if declared.mig_profile else None
    whole = declared.max_slices or max_slices(declared.model)
    return Decimal(slices) / whole if slices and whole else Decimal(1)


def _whole_gpus(hours: Decimal, window: Decimal | None) -> Decimal:
    """Return hours of a whole number of GPUs where rounded costs mean one."""
    if not window:
        return _exact(hours)
    count = hours / window
    whole = count.to_integral_value()
    if abs(count - whole) <= _WHOLE_GPU_TOLERANCE * whole:
        return _exact(whole * window)
    return _exact(hours)


def _total(
    resource: str,
    idle: Sequence[Reading],
    workloads: Sequence[Reading],
    prices: _Prices,
) -> Decimal | None:
    """Return the core-hours or GiB-hours that workloads held and that were idle."""
    if not idle:
        return None
    held = sum((_hours(resource, each) for each in workloads), _ZERO)
    hours = sum((_hours(resource, each) for each in idle), _ZERO)
    if hours > 0:
        return _exact(held + hours)
    cost = sum((_cost(resource, each) for each in idle), _ZERO)
    if cost <= 0:
        return _exact(held) if held else None
    price = prices.of(resource, idle[0])
    return None if price is None else _exact(held + cost / price)


class _Prices:
    """OpenCost's price of an hour: of the node then, the node, or its cluster."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._hours: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        self._costs: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        workloads = [r for r in readings if r.allocation.is_workload and not r.refusal]
        for reading, resource in itertools.product(workloads, ("cpu", "memory", "gpu")):
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
    allocation = reading.allocation
    hours: Mapping[str, Decimal | None] = {
        "cpu": allocation.cpu.hours,
        "memory": allocation.memory.hours,
        "gpu": allocation.gpu.hours,
    }
    return hours[resource] or _ZERO


def _cost(resource: str, reading: Reading) -> Decimal:
    allocation = reading.allocation
    costs: Mapping[str, Decimal | None] = {
        "cpu": allocation.cpu.cost,
        "memory": allocation.memory.cost,
        "gpu": allocation.gpu.cost,
    }
    return costs[resource] or _ZERO


def _node_hour(reading: Reading) -> NodeHour:
    allocation = reading.allocation
    return allocation.place.cluster, allocation.place.node, allocation.start


def _exact(hours: Decimal) -> Decimal:
    return hours.quantize(_EXACT)


__all__ = [
    "Capacity",
    "DeclaredGpus",
    "Reading",
    "divided",
    "divided_up_to",
    "readings_of",
]
