"""GPU hours that workloads requested and used, of whole, cut and shared GPUs.

**MIG.** OpenCost counts a MIG instance as a device. Here it weighs its compute slices
by the slices of the whole GPU; a GPU model without known slices is refused.

**Shared GPUs.** Pods that take turns on a GPU each count as a whole device, too. The
hours of the GPU they share are divided by their activity where each has a reading, else
evenly by how long they ran; ``gpu_basis`` names the basis.

Source: NVIDIA Multi-Instance GPU User Guide.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.reading.gpu_slices import max_slices, profile_slices
from ingest.sources.kubernetes.exact_shares import divided_up_to, exact
from ingest.sources.kubernetes.workload_readings import DeclaredGpus, NodeHour, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sources.kubernetes.opencost_answers import Allocation, GpuUse

#: Activity is a part of the time; more than this is another unit, such as percent.
HIGHEST_RATIO = Decimal("1.01")
_ZERO = Decimal(0)


def own_reading(allocation: Allocation, declared: DeclaredGpus) -> Reading:
    """Return an allocation's own reading, as if it shared no GPU."""
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
    is_negative = min(filter(None, quantities), default=_ZERO) < 0
    return "negative_quantity" if is_negative else ""


def _holds_gpu(gpu: GpuUse) -> bool:
    return bool((gpu.hours or 0) > 0 or (gpu.usage_ratio or 0) > 0)


def _gpu_refusal(reading: Reading) -> str:
    if (reading.allocation.gpu.usage_ratio or _ZERO) > HIGHEST_RATIO:
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
    # A pod may use a GPU that it never requested: then it used 1.
    busy = held or (None if hours is None else hours * (gpu.count or 1))
    ratio = gpu.usage_ratio
    return replace(
        reading,
        requested_gpu_hours=None if held is None else exact(held * part),
        used_gpu_hours=(
            None if ratio is None or busy is None else exact(busy * ratio * part)
        ),
    )


def _part_of_gpu(reading: Reading) -> Decimal:
    if reading.mig_slices is None or not reading.max_slices:
        return Decimal(1)
    return Decimal(reading.mig_slices) / reading.max_slices


def share_gpus(
    readings: list[Reading], declared: Callable[[Allocation], DeclaredGpus]
) -> None:
    """Divide the hours of each GPU that several pods take turns on."""
    for positions in _with_gpu_by_node_hour(readings):
        devices: dict[str, list[int]] = defaultdict(list)
        for position in positions:
            reading = readings[position]
            if reading.gpu_basis == "whole_gpu" and reading.device_hours > 0:
                devices[reading.allocation.gpu.device].append(position)
        for device, holders in devices.items():
            if sharing := _taking_turns(readings, device, holders):
                members = [readings[position] for position in sharing]
                others = [readings[p] for p in positions if p not in sharing]
                gpus = _gpus_shared(members, others, declared(members[0].allocation))
                _divide(readings, sharing, gpus)


def _taking_turns(
    readings: Sequence[Reading], device: str, holders: list[int]
) -> list[int]:
    """Return sharing holders of a device, by their own report or number."""
    sharing = [p for p in holders if readings[p].allocation.gpu.is_shared]
    if not sharing and device and _is_overbooked(readings, holders):
        return holders
    return sharing


def _with_gpu_by_node_hour(readings: Sequence[Reading]) -> list[list[int]]:
    groups: dict[NodeHour, list[int]] = defaultdict(list)
    by_name = sorted(enumerate(readings), key=lambda each: each[1].allocation.name)
    for position, reading in by_name:
        if reading.has_gpu and not reading.refusal:
            groups[reading.node_hour].append(position)
    return list(groups.values())


def _is_overbooked(readings: Sequence[Reading], holders: Sequence[int]) -> bool:
    """Return True if a device was held for longer than its hour lasted.

    For a workload with several devices only a single device is named, so it proves
    nothing.
    """
    window = readings[holders[0]].allocation.window_hours
    if any((readings[p].allocation.gpu.count or 1) > 1 for p in holders):
        return False
    held = sum((readings[position].device_hours for position in holders), _ZERO)
    is_longer = window is not None and held > window * HIGHEST_RATIO
    return len(holders) > 1 and is_longer


def _gpus_shared(
    members: Sequence[Reading], others: Sequence[Reading], declared: DeclaredGpus
) -> Decimal:
    """Return the GPUs that pods share: at least the largest pod's request."""
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
    held = sum((member.device_hours for member in members), _ZERO)
    total = held if window is None else min(gpus * window, held)
    basis, weights = _weights(members)
    parts = divided_up_to(total, weights, [member.device_hours for member in members])
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
