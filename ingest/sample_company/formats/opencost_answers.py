"""Recorded answers of OpenCost ``/allocation``: cluster hours, container.

Figures are rounded to five decimals, and unmeasured figures are ``null``: DCGM gives no
activity for a MIG instance here. Idle comes as a cost, as OpenCost works it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.sample_company.charges import HOUR_SECONDS
from ingest.sample_company.formats.answers import moment, write_json
from ingest.sample_company.slices import POOL, SLICES_PER_GPU
from ingest.sample_company.timeline import HOURS_PER_DAY, epoch_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.slices import SlicedGpu, SliceSeries
    from ingest.sample_company.timeline import Month, Timeline

NODE: Final = "ip-10-0-7-21.eu-central-1.compute.internal"
_PROVIDER_ID: Final = "aws:///eu-central-1a/i-0a7s11ces0000001"
_GPU_MODEL: Final = "NVIDIA H100 80GB HBM3"
_CPU_PRICE, _GIBIBYTE_PRICE, _GPU_PRICE = 0.031611, 0.004237, 3.9
_CORES: Final = 16
_GIBIBYTE: Final = 2**30

_Entry = dict[str, Any]


def write_opencost(folder: Path, gpu: SlicedGpu, timeline: Timeline, seed: int) -> None:
    """Write an answer for each month in which the cluster is there."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(6,)))
    busy = rng.uniform(0.4, 0.9, timeline.day_count * HOURS_PER_DAY)
    for month in timeline.months:
        hours = _hours(month, timeline)
        steps = [
            _step(gpu, hour, float(busy[hour]), timeline)
            for hour in hours
            if gpu.is_there[hour]
        ]
        if not steps:
            continue
        if month.end == timeline.end:
            name, entry = next(iter(steps[-1].items()))
            hostile: dict[str, Any] = {**entry, "name": f"{name}-2", "gpuHours": -1}
            steps[-1][hostile["name"]] = hostile
        body = {"code": 200, "status": "success", "data": steps}
        write_json(folder / f"{month.label}.json.gz", body)


def _hours(month: Month, timeline: Timeline) -> range:
    first = timeline.day_offset(month) * HOURS_PER_DAY
    return range(first, first + month.hour_count)


def _step(
    gpu: SlicedGpu, hour: int, busy: float, timeline: Timeline
) -> dict[str, _Entry]:
    start = epoch_seconds(timeline.first_day) + hour * HOUR_SECONDS
    running = [workload for workload in gpu.workloads if workload.is_running[hour]]
    entries = [
        *(_workload(workload, start, busy) for workload in running),
        _idle(running, start),
    ]
    return {entry["name"]: entry for entry in entries}


def _workload(series: SliceSeries, start: int, busy: float) -> _Entry:
    name = f"{POOL}/{NODE}/serving/{series.model}-0/main"
    cores, gibibytes = 1.0 * series.slices, 6.0 * series.slices
    return _totalled(
        _entry(name, start)
        | {
            "properties": {
                "cluster": POOL,
                "node": NODE,
                "namespace": "serving",
                "controller": series.model,
                "controllerKind": "statefulset",
                "pod": f"{series.model}-0",
                "container": "main",
                "providerID": _PROVIDER_ID,
                "labels": {"model": series.model},
            },
            "cpuCoreRequestAverage": cores,
            "cpuCoreUsageAverage": round(cores * busy, 5),
            "cpuCoreHours": cores,
            "cpuCost": round(cores * _CPU_PRICE, 5),
            "ramByteRequestAverage": gibibytes * _GIBIBYTE,
            "ramByteUsageAverage": gibibytes * _GIBIBYTE * 0.7,
            "ramByteHours": gibibytes * _GIBIBYTE,
            "ramCost": round(gibibytes * _GIBIBYTE_PRICE, 5),
            "gpuCount": 1,
            "gpuHours": 1,
            "gpuCost": round(_GPU_PRICE * series.slices / SLICES_PER_GPU, 5),
            "gpuAllocation": {
                "gpuDevice": "nvidia0",
                "gpuModel": _GPU_MODEL,
                "migProfile": series.profile,
                "isGPUShared": False,
                "gpuUsageAverage": None,
                "gpuRequestAverage": 1,
            },
        }
    )


def _idle(running: list[SliceSeries], start: int) -> _Entry:
    name = f"{POOL}/{NODE}/__idle__"
    held = sum(series.slices for series in running)
    free = SLICES_PER_GPU - held
    place = {"cluster": POOL, "node": NODE, "providerID": _PROVIDER_ID}
    return _totalled(
        _entry(name, start)
        | {
            "properties": place,
            "cpuCost": round((_CORES - held) * _CPU_PRICE, 5),
            "ramCost": round(6 * (_CORES - held) * _GIBIBYTE_PRICE, 5),
            "gpuCost": round(_GPU_PRICE * free / SLICES_PER_GPU, 5),
        }
    )


def _entry(name: str, start: int) -> _Entry:
    begin, end = moment(start), moment(start + HOUR_SECONDS)
    return {
        "name": name,
        "window": {"start": begin, "end": end},
        "start": begin,
        "end": end,
        "minutes": 60,
        "cpuCoreHours": 0,
        "cpuCostAdjustment": 0,
        "gpuCount": 0,
        "gpuHours": 0,
        "gpuCostAdjustment": 0,
        "ramByteHours": 0,
        "ramCostAdjustment": 0,
        "pvs": None,
        "totalEfficiency": None,
    }


def _totalled(entry: _Entry) -> _Entry:
    total = entry["cpuCost"] + entry["ramCost"] + entry["gpuCost"]
    return {**entry, "totalCost": round(total, 5)}
