"""Reads answers of the OpenCost and Kubecost allocation API.

An answer is ``{code, status, data: [{name: allocation}, …]}``, a map for each step of
the window. Averages are over the minutes of the allocation itself, so hours are average
times minutes; values that are ``null`` (OpenCost's NaN) or absent stay unknown.

Nothing is judged away here: an entry that makes no sense becomes an allocation with a
``refusal``, and keeps its content whole.

Source: OpenCost API, ``/allocation``; reserved names of opencost/opencost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.reading.gpu_slices import profile_in_name
from triptych.core.errors import FatalSourceError, MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Parts of a name that OpenCost reserves, and the subject of such a row.
_RESERVED = {
    "__idle__": "idle",
    "__unmounted__": "unmounted",
    "__shared__": "shared",
    "__external__": "external",
}
#: Keys, in an allocation's GPU block or its labels, that may hold a MIG profile.
_PROFILE_KEYS = (
    "migProfile",
    "gpuInstanceProfile",
    "nvidia_com_mig_profile",
    "GPU_I_PROFILE",
)
_PRODUCT_LABEL = "nvidia_com_gpu_product"
_PROVIDER_PATH = re.compile(r"(?:aws|gce)://[^/]*/[^/]*/([^/]+)")
_BYTES_PER_GIBIBYTE = 2**30
_OK = 200
#: OpenCost's numbers are doubles, so a double writes them as they were.
_AS_JSON = json.JSONEncoder(
    default=float, ensure_ascii=False, sort_keys=True, check_circular=False
).encode


class Place(NamedTuple):
    """Place of an allocation; empty where OpenCost names no single place."""

    cluster: str = ""
    node: str = ""
    provider_id: str = ""
    namespace: str = ""
    controller: str = ""
    controller_kind: str = ""
    pod: str = ""
    container: str = ""

    @property
    def by_name(self) -> dict[str, str]:
        """Return the place by the names of the fields, including empty fields."""
        return self._asdict()


#: Labels that identify a place, in the order of its fields.
PLACE_LABELS = Place._fields


class Use(NamedTuple):
    """Hours of a resource: allocated, requested, used, and OpenCost's cost."""

    hours: Decimal | None = None
    requested: Decimal | None = None
    used: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GpuUse:
    """GPU data of an allocation; counts are devices, or MIG instances."""

    count: Decimal | None = None
    hours: Decimal | None = None
    usage_ratio: Decimal | None = None
    cost: Decimal | None = None
    model: str = ""
    device: str = ""
    mig_profile: str = ""
    is_shared: bool | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Entry of an answer.

    Parameters
    ----------
    name : str
        Its key in the answer.
    kind : str
        ``workload``, or which of OpenCost's own pools it is.
    start, end : str
        Its window, as written.
    total_cost : Decimal, optional
        Everything except costs that OpenCost takes over from outside the cluster.
    refusal : str
        Reason that it is no reading; empty if it is a reading.
    raw : str
        The entry as JSON.
    """

    name: str
    kind: str
    start: str | None
    end: str | None
    place: Place
    labels: Mapping[str, str]
    minutes: Decimal | None
    cpu: Use
    memory: Use
    gpu: GpuUse
    total_cost: Decimal | None
    refusal: str
    raw: str

    @property
    def is_workload(self) -> bool:
        """Return True if it is a workload, as opposed to OpenCost's own pools."""
        return self.kind == "workload"

    @property
    def hours(self) -> Decimal | None:
        """Return how long it ran."""
        return None if self.minutes is None else self.minutes / 60

    @property
    def window_hours(self) -> Decimal | None:
        """Return how long its window is."""
        return _hours_between(self.start, self.end)


def sets_of(answer: object, *, where: str) -> list[dict[str, Any]]:
    """Return the maps of an answer, per step; empty steps are left out.

    Raises
    ------
    FatalSourceError
        The answer is an error that OpenCost reports in its body.
    MalformedDeliveryError
        It is no answer of the allocation API.
    """
    if not isinstance(answer, dict) or "data" not in answer:
        raise _no_answer(where)
    if answer.get("code", _OK) != _OK:
        raise FatalSourceError(
            f"OpenCost reports {answer.get('code')}: {answer.get('message')}.",
            where=where,
            next_step="Look into the log of OpenCost, and whether it reaches its"
            " Prometheus.",
        )
    data = answer["data"] or []
    if not isinstance(data, list) or any(
        each is not None and not isinstance(each, dict) for each in data
    ):
        raise _no_answer(where)
    return [each for each in data if each]


def allocations_of(set_: Mapping[str, Any], *, cluster: str = "") -> list[Allocation]:
    """Return the entries of a single step.

    Parameters
    ----------
    set_ : mapping
        Name → allocation.
    cluster : str
        Name of the cluster where an entry does not give it.
    """
    return [_allocation(name, entry, cluster) for name, entry in set_.items()]


def last_words(allocations: Iterable[Allocation]) -> list[Allocation]:
    """Return each allocation once: for a repeated step, its last state."""
    return list({(a.place.cluster, a.name, a.start): a for a in allocations}.values())


def window_start(set_: Mapping[str, Any]) -> str | None:
    """Return where the window of a step begins, as written."""
    for entry in set_.values():
        if isinstance(entry, dict) and _window(entry)[0]:
            return _window(entry)[0]
    return None


def as_moment(text: str | None) -> datetime | None:
    """Return a written time in UTC; ``None`` if it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


class _UnreadableError(ValueError):
    """A quantity is no number."""


def _allocation(name: str, entry: object, cluster: str) -> Allocation:
    if not isinstance(entry, dict):
        return _refused(name, entry, "not_an_allocation", cluster)
    try:
        return _readable(name, entry, cluster)
    except _UnreadableError:
        return _refused(name, entry, "unreadable_quantity", cluster)


def _readable(name: str, entry: dict[str, Any], cluster: str) -> Allocation:
    start, end = _window(entry)
    labels = _labels(entry)
    minutes = _quantity(entry, "minutes")
    if minutes is None:
        between = _hours_between(start, end)
        minutes = None if between is None else between * 60
    hours = None if minutes is None else minutes / 60
    return Allocation(
        name=name,
        kind=_kind(name),
        start=start,
        end=end,
        place=_place(entry, cluster),
        labels=labels,
        minutes=minutes,
        cpu=_use(entry, "cpuCore", "cpu", hours),
        memory=_use(entry, "ramByte", "ram", hours, _BYTES_PER_GIBIBYTE),
        gpu=_gpu_use(entry, labels),
        total_cost=_total_cost(entry),
        refusal="",
        raw=_AS_JSON(entry),
    )


def _refused(name: str, entry: object, refusal: str, cluster: str) -> Allocation:
    content = entry if isinstance(entry, dict) else {}
    start, end = _window(content)
    return Allocation(
        name=name,
        kind=_kind(name),
        start=start,
        end=end,
        place=_place(content, cluster),
        labels=_labels(content),
        minutes=None,
        cpu=Use(),
        memory=Use(),
        gpu=GpuUse(),
        total_cost=None,
        refusal=refusal,
        raw=_AS_JSON(entry),
    )


def _kind(name: str) -> str:
    parts = name.split("/")
    return next((k for part, k in _RESERVED.items() if part in parts), "workload")


def _window(entry: Mapping[str, Any]) -> tuple[str | None, str | None]:
    window = entry.get("window")
    start, end = entry.get("start"), entry.get("end")
    if isinstance(window, dict):
        start, end = window.get("start", start), window.get("end", end)
    return (
        start if isinstance(start, str) else None,
        end if isinstance(end, str) else None,
    )


def _place(entry: Mapping[str, Any], cluster: str) -> Place:
    properties = _properties(entry)

    def text(key: str) -> str:
        value = properties.get(key)
        return value if isinstance(value, str) else ""

    return Place(
        cluster=text("cluster") or cluster,
        node=text("node"),
        provider_id=_provider_id(text("providerID")),
        namespace=text("namespace"),
        controller=text("controller"),
        controller_kind=text("controllerKind"),
        pod=text("pod"),
        container=text("container"),
    )


def _provider_id(text: str) -> str:
    """Return the node's id as a bill writes it: ``i-0abc`` of ``aws:///zone/i-0abc``."""
    found = _PROVIDER_PATH.match(text)
    return found[1] if found else text.removeprefix("azure://")


def _properties(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = entry.get("properties")
    return properties if isinstance(properties, dict) else {}


def _labels(entry: Mapping[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for key in ("namespaceLabels", "labels"):
        found = _properties(entry).get(key)
        if isinstance(found, dict):
            labels.update({str(k): str(v) for k, v in found.items() if v})
    return labels


def _use(
    entry: Mapping[str, Any],
    prefix: str,
    resource: str,
    hours: Decimal | None,
    per_unit: int = 1,
) -> Use:
    def total(key: str) -> Decimal | None:
        average = _quantity(entry, f"{prefix}{key}")
        if average is None or hours is None:
            return None
        return average * hours / per_unit

    allocated = _quantity(entry, f"{prefix}Hours")
    requested, used = total("RequestAverage"), total("UsageAverage")
    if allocated is not None:
        allocated /= per_unit
    else:
        allocated = max((x for x in (requested, used) if x is not None), default=None)
    return Use(allocated, requested, used, _cost(entry, resource))


def _gpu_use(entry: Mapping[str, Any], labels: Mapping[str, str]) -> GpuUse:
    block = entry.get("gpuAllocation") or {}
    if not isinstance(block, dict):
        raise _UnreadableError("gpuAllocation")
    ratio = _quantity(block, "gpuUsageAverage")
    if ratio is None:
        ratio = _quantity(entry, "gpuUsageAverage")
    model = _text(block, "gpuModel") or labels.get(_PRODUCT_LABEL, "")
    device = _text(block, "gpuUUID") or _text(block, "gpuDevice")
    is_shared = block.get("isGPUShared")
    return GpuUse(
        count=_quantity(entry, "gpuCount"),
        hours=_quantity(entry, "gpuHours"),
        usage_ratio=ratio,
        cost=_cost(entry, "gpu"),
        model=model,
        device=device,
        mig_profile=_mig_profile(block, labels, model, device),
        is_shared=is_shared if isinstance(is_shared, bool) else None,
    )


def _mig_profile(
    block: Mapping[str, Any], labels: Mapping[str, str], model: str, device: str
) -> str:
    for key in _PROFILE_KEYS:
        if mig_profile := _text(block, key) or labels.get(key):
            return mig_profile
    return profile_in_name(model) or profile_in_name(device) or ""


def _cost(entry: Mapping[str, Any], resource: str) -> Decimal | None:
    cost = _quantity(entry, f"{resource}Cost")
    adjustment = _quantity(entry, f"{resource}CostAdjustment")
    return None if cost is None else cost + (adjustment or 0)


def _total_cost(entry: Mapping[str, Any]) -> Decimal | None:
    total = _quantity(entry, "totalCost")
    return None if total is None else total - (_quantity(entry, "externalCost") or 0)


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _quantity(entry: Mapping[str, Any], key: str) -> Decimal | None:
    value = entry.get(key)
    if value is None:
        return None
    number = value if isinstance(value, Decimal) else _number(key, value)
    if not number.is_finite():
        raise _UnreadableError(key)
    return number


def _number(key: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _UnreadableError(key)
    try:
        return Decimal(value if isinstance(value, int) else str(value))
    except InvalidOperation as error:
        raise _UnreadableError(key) from error


@lru_cache(maxsize=1_024)
def _hours_between(start: str | None, end: str | None) -> Decimal | None:
    first, last = as_moment(start), as_moment(end)
    if first is None or last is None:
        return None
    return Decimal(int((last - first).total_seconds())) / 3600


def _no_answer(where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        "This is no answer of the allocation API: it has no list 'data' of maps.",
        where=where,
        next_step="Record the answer of /allocation (Kubecost: /model/allocation)"
        " as it is.",
    )
