"""Reports of the cost management metrics operator of OpenShift, as allocations.

The operator writes CSV files per hour: use and requests of pods with the capacity of
their node, the GPU or MIG instance that a pod held and for how long, labels of nodes
and of namespaces. Files are recognised by their columns, regardless of their names.

Source: koku-metrics-operator, *Report fields*.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ingest.reading.gpu_slices import profile_in_name
from ingest.sources.kubernetes.opencost_answers import (
    Allocation,
    GpuUse,
    Place,
    Use,
    last_words,
)
from ingest.sources.kubernetes.workload_readings import DeclaredGpus
from ingest.storage.files import open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Row = dict[str, str]

_POD_COLUMN = "pod_usage_cpu_core_seconds"
_GPU_COLUMN = "gpu_pod_uptime"
_NODE_COLUMN = "node_labels"
_NAMESPACE_COLUMN = "namespace_labels"
_PERIOD_COLUMN = "report_period_start"
_LABEL_PREFIX = "label_"
_GIBIBYTE = 2**30
_HOUR_SECONDS = 3600
_SECOND = timedelta(seconds=1)
_NO_VALUE = {"", "None"}


@dataclass
class Reports:
    """Rows of several files, separated by kind."""

    pods: list[Row] = field(default_factory=list)
    gpus: list[Row] = field(default_factory=list)
    node_labels: dict[str, dict[str, str]] = field(default_factory=dict)
    namespace_labels: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, path: Path, *, label: str) -> None:
        """Read a file; a file that holds something else is passed over.

        Raises
        ------
        MalformedDeliveryError
            It cannot be read.
        """
        for row in _rows(path, label):
            if _POD_COLUMN in row:
                self.pods.append(row)
            elif _GPU_COLUMN in row:
                self.gpus.append(row)
            elif _NODE_COLUMN in row:
                self.node_labels[row["node"]] = _labels(row[_NODE_COLUMN])
            elif _NAMESPACE_COLUMN in row:
                namespace = row["namespace"]
                self.namespace_labels[namespace] = _labels(row[_NAMESPACE_COLUMN])

    def allocations(self, *, cluster: str) -> list[Allocation]:
        """Return pods, the GPUs they held, and the idle part of each node."""
        # A report that was written again repeats hours, and a node has them once.
        pods = last_words(self._pod(row, cluster) for row in self.pods)
        labels = {(p.place.namespace, p.place.pod): p.labels for p in pods}
        nodes = {p.place.node: p.place.provider_id for p in pods}
        gpus = [self._gpu(row, cluster, labels, nodes) for row in self.gpus]
        return [*pods, *gpus, *self._idle(pods, cluster)]

    def declared(self, allocation: Allocation) -> DeclaredGpus:
        """Return the GPUs that the labels of an allocation's node declare."""
        labels = self.node_labels.get(allocation.place.node, {})
        # With a single profile for all, the label counts instances instead of GPUs.
        is_single = labels.get("nvidia_com_mig_strategy", "").lower() == "single"
        count = _number(labels, "nvidia_com_gpu_count")
        return DeclaredGpus(
            model=labels.get("nvidia_com_gpu_product", ""),
            per_node=None if is_single else count,
        )

    def _pod(self, row: Row, cluster: str) -> Allocation:
        namespace = row.get("namespace", "")
        labels = {
            **self.namespace_labels.get(namespace, {}),
            **_labels(row.get("pod_labels", "")),
        }
        place = Place(
            cluster=cluster,
            node=row.get("node", ""),
            provider_id=row.get("resource_id", ""),
            namespace=namespace,
            pod=row.get("pod", ""),
        )
        name = f"{cluster}/{place.node}/{namespace}/{place.pod}"
        try:
            cpu = _use(row, "cpu_core_seconds", _HOUR_SECONDS)
            memory = _use(row, "memory_byte_seconds", _HOUR_SECONDS * _GIBIBYTE)
        except InvalidOperation:
            return _allocation(name, row, place, labels, refusal="unreadable_quantity")
        return _allocation(name, row, place, labels, cpu=cpu, memory=memory)

    def _gpu(
        self,
        row: Row,
        cluster: str,
        labels: Mapping[tuple[str, str], Mapping[str, str]],
        nodes: Mapping[str, str],
    ) -> Allocation:
        node, namespace, pod = (row.get(k, "") for k in ("node", "namespace", "pod"))
        own = labels.get((namespace, pod), {})
        place = Place(
            cluster=cluster,
            node=node,
            provider_id=nodes.get(node, ""),
            namespace=namespace,
            pod=pod,
        )
        device = _text(row, "gpu_uuid")
        parts = (cluster, node, namespace, pod, device, _text(row, "mig_instance_id"))
        name = "/".join(filter(None, parts))
        model = _text(row, "gpu_model_name")
        profile = _text(row, "mig_profile") or profile_in_name(model) or ""
        try:
            hours = _hours(row, _GPU_COLUMN, _HOUR_SECONDS)
        except InvalidOperation:
            return _allocation(name, row, place, own, refusal="unreadable_quantity")
        gpu = GpuUse(Decimal(1), hours, None, None, model, device, profile)
        minutes = None if hours is None else hours * 60
        return _allocation(name, row, place, own, gpu=gpu, minutes=minutes)

    def _idle(self, pods: Iterable[Allocation], cluster: str) -> list[Allocation]:
        """Return a row for each node and hour: its capacity that no pod held."""
        held: dict[tuple[str, str | None], list[Decimal]] = defaultdict(
            lambda: [Decimal(0), Decimal(0)]
        )
        for pod in pods:
            sums = held[pod.place.node, pod.start]
            sums[0] += pod.cpu.hours or 0
            sums[1] += pod.memory.hours or 0
        rows = {(row.get("node", ""), _start(row)): row for row in self.pods}
        return [
            _idle_row(row, cluster, node, held[node, start])
            for (node, start), row in rows.items()
        ]


def period_of(path: Path) -> str | None:
    """Return the month (``YYYY-MM``) of a report; ``None`` if it is none of these."""
    try:
        with open_text(path) as text:
            reader = csv.DictReader(text)
            columns = set(reader.fieldnames or ())
            row = next(reader, None)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error):
        return None
    known = {_POD_COLUMN, _GPU_COLUMN, _NODE_COLUMN, _NAMESPACE_COLUMN}
    if row is None or not columns & known:
        return None
    return (row.get(_PERIOD_COLUMN) or "")[:7] or None


def _rows(path: Path, label: str) -> list[Row]:
    try:
        with open_text(path) as text:
            return [
                {name: value or "" for name, value in row.items() if name}
                for row in csv.DictReader(text)
            ]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise MalformedDeliveryError(
            f"The report cannot be read: {reason_of(error)}.",
            where=label,
            next_step="Deliver it again; what was loaded before stays current.",
        ) from error


def _allocation(  # noqa: PLR0913  (what a row says, by keyword)
    name: str,
    row: Row,
    place: Place,
    labels: Mapping[str, str],
    *,
    cpu: Use = Use(),  # noqa: B008  (frozen)
    memory: Use = Use(),  # noqa: B008
    gpu: GpuUse = GpuUse(),  # noqa: B008
    minutes: Decimal | None = None,
    kind: str = "workload",
    refusal: str = "",
) -> Allocation:
    return Allocation(
        name=name,
        kind=kind,
        start=_start(row),
        end=_end(row),
        place=place,
        labels=labels,
        minutes=minutes,
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        total_cost=None,
        refusal=refusal,
        raw=json.dumps(row, ensure_ascii=False, sort_keys=True),
    )


def _idle_row(row: Row, cluster: str, node: str, held: list[Decimal]) -> Allocation:
    place = Place(cluster=cluster, node=node, provider_id=row.get("resource_id", ""))
    name = f"{cluster}/{node}/__idle__"
    kind = "idle"
    try:
        cores = _hours(row, "node_capacity_cpu_core_seconds", _HOUR_SECONDS)
        memory = _hours(
            row, "node_capacity_memory_byte_seconds", _HOUR_SECONDS * _GIBIBYTE
        )
    except InvalidOperation:
        cores = memory = None
    uses = [
        Use(None if had is None else max(had - sum_, Decimal(0)))
        for had, sum_ in zip((cores, memory), held, strict=True)
    ]
    return _allocation(name, row, place, {}, cpu=uses[0], memory=uses[1], kind=kind)


def _use(row: Row, unit: str, seconds_per_hour: int) -> Use:
    requested = _hours(row, f"pod_request_{unit}", seconds_per_hour)
    used = _hours(row, f"pod_usage_{unit}", seconds_per_hour)
    known = [each for each in (requested, used) if each is not None]
    return Use(max(known, default=None), requested, used)


def _hours(row: Row, column: str, per_hour: int) -> Decimal | None:
    number = _number(row, column)
    return None if number is None else number / per_hour


def _number(row: Mapping[str, str], column: str) -> Decimal | None:
    text = row.get(column, "").strip()
    if text in _NO_VALUE:
        return None
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation
    return number


def _text(row: Row, column: str) -> str:
    text = row.get(column, "").strip()
    return "" if text in _NO_VALUE else text


def _labels(text: str) -> dict[str, str]:
    """Return the labels of ``label_team:search|label_model:eta``."""
    pairs = (pair.partition(":") for pair in text.split("|"))
    return {
        name.strip().removeprefix(_LABEL_PREFIX): value.strip()
        for name, _, value in pairs
        if name and value
    }


def _start(row: Row) -> str | None:
    return _iso(row.get("interval_start", ""))


def _end(row: Row) -> str | None:
    """Return the end of an interval, which is written as its last second."""
    end = _iso(row.get("interval_end", ""))
    try:
        moment = datetime.fromisoformat(end or "")
    except ValueError:
        return end
    if moment.second == 59:  # noqa: PLR2004  (the last one of a minute)
        moment += _SECOND
    return moment.isoformat()


def _iso(text: str) -> str | None:
    """Return ``2026-06-28 00:00:00 +0000 UTC`` as ISO 8601; other texts as they are."""
    parts = text.split()
    if len(parts) == 4 and parts[3] == "UTC":  # noqa: PLR2004  (date, time, offset, zone)
        return f"{parts[0]}T{parts[1]}{parts[2]}"
    return text or None
