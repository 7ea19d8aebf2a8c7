"""A cluster as OpenCost answers for it: allocations in the true shape of its API.

Figures are rounded to five decimals, idle rows have costs and no hours, and what is not
measured is ``null``, as OpenCost writes it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable

Entry = dict[str, Any]
HOUR = timedelta(hours=1)
CPU_PRICE, GIBIBYTE_PRICE, GPU_PRICE = 0.031611, 0.004237, 3.0
GIBIBYTE = 2**30


def workload(  # noqa: PLR0913  (the keys of the API, by keyword)
    start: datetime,
    name: str,
    *,
    cluster: str = "gpu",
    node: str = "node-1",
    namespace: str = "serving",
    labels: dict[str, str] | None = None,
    minutes: float = 60,
    cores: tuple[float, float] = (2, 1),
    gibibytes: tuple[float, float] = (4, 2),
    gpus: float = 0,
    gpu: Entry | None = None,
    window: timedelta = HOUR,
) -> Entry:
    """Return a container's allocation; pairs are requested and used."""
    hours = minutes / 60
    core_hours, ram_hours = max(cores) * hours, max(gibibytes) * hours
    entry = _entry(start, f"{cluster}/{node}/{namespace}/{name}/main", window)
    entry["properties"] = {
        "cluster": cluster,
        "node": node,
        "namespace": namespace,
        "controller": name.rpartition("-")[0] or name,
        "controllerKind": "deployment",
        "pod": name,
        "container": "main",
        "providerID": f"i-{node}",
        "labels": labels or {},
    }
    entry |= {
        "minutes": minutes,
        "cpuCoreRequestAverage": cores[0],
        "cpuCoreUsageAverage": cores[1],
        "cpuCoreHours": _rounded(core_hours),
        "cpuCost": _rounded(core_hours * CPU_PRICE),
        "ramByteRequestAverage": gibibytes[0] * GIBIBYTE,
        "ramByteUsageAverage": gibibytes[1] * GIBIBYTE,
        "ramByteHours": _rounded(ram_hours * GIBIBYTE),
        "ramCost": _rounded(ram_hours * GIBIBYTE_PRICE),
        "gpuCount": gpus,
        "gpuHours": _rounded(gpus * hours),
        "gpuCost": _rounded(gpus * hours * GPU_PRICE),
        "gpuAllocation": gpu,
    }
    return _totalled(entry)


def idle(
    start: datetime,
    *,
    cluster: str = "gpu",
    node: str = "node-1",
    cores: float = 0,
    gibibytes: float = 0,
    gpus: float = 0,
    window: timedelta = HOUR,
) -> Entry:
    """Return the idle row of a node: costs, as OpenCost works them out."""
    hours = window / HOUR
    entry = _entry(start, f"{cluster}/{node}/__idle__", window)
    entry["properties"] = {
        "cluster": cluster,
        "node": node,
        "providerID": f"i-{node}",
    }
    entry |= {
        "cpuCost": _rounded(cores * hours * CPU_PRICE),
        "ramCost": _rounded(gibibytes * hours * GIBIBYTE_PRICE),
        "gpuCost": _rounded(gpus * hours * GPU_PRICE),
    }
    return _totalled(entry)


def mig(profile: str, model: str = "NVIDIA A100-SXM4-40GB") -> Entry:
    """Return the GPU block of a MIG instance."""
    return {
        "gpuDevice": "nvidia0",
        "gpuModel": model,
        "migProfile": profile,
        "isGPUShared": False,
        "gpuUsageAverage": None,
        "gpuRequestAverage": 1,
    }


def whole_gpu(usage: float | None, *, device: str = "", shared: bool = False) -> Entry:
    """Return the GPU block of whole devices, or of one that pods take turns on."""
    return {
        "gpuDevice": device,
        "gpuModel": "NVIDIA A100-SXM4-40GB",
        "isGPUShared": shared,
        "gpuUsageAverage": usage,
        "gpuRequestAverage": 1,
    }


def answer(steps: Iterable[Iterable[Entry]]) -> Entry:
    """Return the body of an answer, one map for each step."""
    data = [{entry["name"]: entry for entry in step} for step in steps]
    return {"code": 200, "status": "success", "data": data}


class OpencostCluster:
    """Answers ``/allocation`` for the entries it holds, by hour or summed by day.

    Attributes
    ----------
    entries : list
        What OpenCost has in its Prometheus; may be changed between requests.
    """

    def __init__(
        self, server: ScriptedServer, entries: list[Entry], *, path: str = "/allocation"
    ) -> None:
        self.entries = entries
        self.server = server
        server.route("GET", path, self._answer)

    def _answer(self, request: Request) -> Answer:
        start, _, end = (request.one("window") or "").partition(",")
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        length = timedelta(days=1) if request.one("step") == "1d" else HOUR
        steps = []
        while first < last:
            until = min(first + length, last)
            steps.append(self._step(request, first, until))
            first = until
        steps = self._misplaced(steps)
        return Answer({"code": 200, "status": "success", "data": steps})

    def _step(self, request: Request, start: datetime, until: datetime) -> Entry:
        inside = [e for e in self.entries if start <= _start_of(e) < until]
        if request.one("aggregate") != "cluster":
            return {entry["name"]: entry for entry in inside}
        sums: dict[str, float] = defaultdict(float)
        for entry in inside:
            is_idle = "__idle__" in entry["name"]
            cluster = entry["properties"]["cluster"]
            sums[f"{cluster}/__idle__" if is_idle else cluster] += _cost_of(entry)
        return {
            name: _entry(start, name, until - start) | {"totalCost": _rounded(cost)}
            for name, cost in sums.items()
        }

    def _misplaced(self, steps: list[Entry]) -> list[Entry]:
        if self.server.page_fault == "disorder":
            return list(reversed(steps))
        if self.server.page_fault == "duplicate":
            return [*steps, *steps]
        return steps


def _entry(start: datetime, name: str, window: timedelta) -> Entry:
    begin, end = _written(start), _written(start + window)
    return {
        "name": name,
        "properties": {"cluster": name.split("/", maxsplit=1)[0]},
        "window": {"start": begin, "end": end},
        "start": begin,
        "end": end,
        "minutes": window.total_seconds() / 60,
        "cpuCoreRequestAverage": 0,
        "cpuCoreUsageAverage": 0,
        "cpuCoreHours": 0,
        "cpuCostAdjustment": 0,
        "gpuCount": 0,
        "gpuHours": 0,
        "gpuCostAdjustment": 0,
        "ramByteRequestAverage": 0,
        "ramByteUsageAverage": 0,
        "ramByteHours": 0,
        "ramCostAdjustment": 0,
        "pvs": None,
        "totalCost": 0,
        "totalEfficiency": None,
    }


def _totalled(entry: Entry) -> Entry:
    total = entry["cpuCost"] + entry["ramCost"] + entry["gpuCost"]
    return {**entry, "totalCost": _rounded(total)}


def _cost_of(entry: Entry) -> float:
    cost = entry["totalCost"]
    return float(cost) if isinstance(cost, (int, float)) else 0.0


def _start_of(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["window"]["start"])


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rounded(value: float) -> float:
    return round(value, 5)


__all__ = [
    "CPU_PRICE",
    "GPU_PRICE",
    "HOUR",
    "OpencostCluster",
    "answer",
    "idle",
    "mig",
    "whole_gpu",
    "workload",
]
