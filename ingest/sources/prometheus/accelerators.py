"""Convert dcgm-exporter metrics to GPU hours: there, requested, used.

Time is cut into windows. In a window a GPU, or a slice of a GPU (MIG), belongs to the
workloads named in the labels of its samples, in proportion to how many samples each
had; so a GPU that changes hands, or that several pods share at once, is divided and
never counted twice. Per window:

===========  ===============================================================
capacity     the window, once per GPU that has any reading
requested    the window times the slice's part of its GPU, where a workload
             held it
used         requested times the activity, a ratio from 0 to 1
===========  ===============================================================

Hours that belong to no model are in a single row without a model, which also has the
node's capacity: activity without a workload's label (time-slicing), workloads that no
rule maps, and windows without a reading between two others of the same GPU. The rest of
the capacity is idle.

Source: NVIDIA/dcgm-exporter, ``etc/default-counters.csv``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.reading.gpu_slices import max_slices, profile_slices
from ingest.sources.prometheus.selector import NAME_LABEL
from ingest.sources.prometheus.series import HOUR_MS, WORKLOAD_LABELS, healed_labels
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    import pyarrow as pa

    from ingest.reading.label_mapping import LabelMapping
    from ingest.sources.prometheus.selector import Selector
    from ingest.sources.prometheus.series import Samples
    from ingest.sources.prometheus.usage import Span

#: A ratio may round to a little more than 1; far above, it means no value.
_ROUNDED_UP, _BLANK_FROM = Decimal("1.01"), Decimal(1_000_000)
_HOURS = Decimal("0.000000000001")


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, typed."""
    import pyarrow as pa

    quantity = pa.decimal128(38, 18)
    return pa.schema(
        [
            ("period_start", pa.timestamp("us")),
            ("period_end", pa.timestamp("us")),
            ("pool_id", pa.string()),
            ("model_id", pa.string()),
            ("node_id", pa.string()),
            ("accelerator_type", pa.string()),
            ("capacity_gpu_hours", quantity),
            ("requested_gpu_hours", quantity),
            ("used_gpu_hours", quantity),
            # Reasons for the hours of the row without a model; kept in the evidence.
            ("unobserved_gpu_hours", quantity),
            ("unlabelled_gpu_hours", quantity),
            ("unmapped_gpu_hours", quantity),
            ("measured_by", pa.string()),
        ]
    )


@dataclass(frozen=True, slots=True)
class DeviceLabels:
    """Labels by meaning; the defaults are those of dcgm-exporter."""

    device: str = "UUID"
    slice: str = "GPU_I_ID"
    profile: str = "GPU_I_PROFILE"
    node: str = "hostname"
    product: str = "modelName"


@dataclass(frozen=True, slots=True)
class Activity:
    """Metric of GPU activity, and its value for a full load: 1 or 100."""

    selector: Selector
    full: int


class _Cell(NamedTuple):
    hour: int
    pool_id: str
    node_id: str | None
    model_id: str | None
    product: str | None = None

    @property
    def order(self) -> tuple[int, str, str, str, str]:
        texts = self.node_id, self.model_id, self.product
        node, model, product = (text or "" for text in texts)
        return self.hour, self.pool_id, node, model, product


@dataclass(slots=True)
class _Hours:
    """Sums of a row [ms of a whole GPU]; absent if nothing was observed."""

    capacity: Decimal | None = None
    requested: Decimal | None = None
    used: Decimal | None = None
    unobserved: Decimal = Decimal(0)
    unlabelled: Decimal = Decimal(0)
    unmapped: Decimal = Decimal(0)
    measured_by: set[str] = field(default_factory=set)

    def add(
        self,
        *,
        capacity: Decimal | None = None,
        requested: Decimal | None = None,
        used: Decimal | None = None,
    ) -> None:
        self.capacity = _sum(self.capacity, capacity)
        self.requested = _sum(self.requested, requested)
        self.used = _sum(self.used, used)


class _Sample(NamedTuple):
    """Data of a series on a slice in a window."""

    labels: Mapping[str, str]
    metric: str
    activity: Decimal | None
    sample_count: int


#: Slice ("" is the whole GPU) → rank of the metric → samples.
_Window = dict[str, dict[int, list[_Sample]]]


@dataclass(frozen=True, slots=True)
class AcceleratorReading:
    """Metrics that are read, and their interpretation.

    ``activities`` are in order of preference: the first that has a value counts, per
    GPU or slice and window. ``pool`` is that of GPUs which no rule places.
    """

    activities: Sequence[Activity]
    mapping: LabelMapping
    pool: str
    labels: DeviceLabels
    renamed: Mapping[str, tuple[str, ...]]
    slices_per_gpu: Mapping[str, int]
    window_ms: int
    longest_gap_ms: int

    def selectors(self) -> list[Selector]:
        """Return every selector that is asked for."""
        return [activity.selector for activity in self.activities]

    def silent(self, found: Container[Selector]) -> list[str]:
        """Return the metrics without series; alternatives cover each other."""
        if any(selector in found for selector in self.selectors()):
            return []
        return [" or ".join(str(selector) for selector in self.selectors())]

    def rows(self, samples: Samples, span: Span) -> pa.RecordBatch:
        """Return the rows of the hours in ``span``, ordered by hour, pool and node."""
        import pyarrow as pa

        cells: defaultdict[_Cell, _Hours] = defaultdict(_Hours)
        for windows in self._devices(samples).values():
            known: Mapping[str, str] = {}
            for end, window in self._in_time(windows):
                known = _some_labels(window) if window else known
                hour = (end - 1) // HOUR_MS * HOUR_MS
                if span.holds(hour):
                    self._add(cells, hour, window, known)
        ordered = sorted(cells.items(), key=lambda item: item[0].order)
        return pa.RecordBatch.from_pylist(
            [_row(cell, hours) for cell, hours in ordered], schema=_schema()
        )

    def _devices(self, samples: Samples) -> dict[str, dict[int, _Window]]:
        """Return device → end of window → its samples."""
        devices: dict[str, dict[int, _Window]] = {}
        for rank, activity in enumerate(self.activities):
            answered = samples.windows(activity.selector, window_ms=self.window_ms)
            healed = healed_labels(
                [series.labels for series in answered], renamed=self.renamed
            )
            for series, labels in zip(answered, healed, strict=True):
                device = labels.get(self.labels.device)
                if device is None:
                    raise _nameless(activity.selector.metric, self.labels.device)
                part = labels.get(self.labels.slice, "")
                of_device = devices.setdefault(device, {})
                for end, (mean, count) in series.windows.items():
                    value = _ratio(mean, activity)
                    sample = _Sample(labels, activity.selector.metric, value, count)
                    window = of_device.setdefault(end, {})
                    window.setdefault(part, {}).setdefault(rank, []).append(sample)
        return devices

    def _in_time(
        self, windows: Mapping[int, _Window]
    ) -> Iterator[tuple[int, _Window | None]]:
        """Yield each window in its order, and ``None`` for those of short gaps."""
        before: int | None = None
        for end, window in sorted(windows.items()):
            if before is not None and end - before <= self.longest_gap_ms:
                for missing in range(before + self.window_ms, end, self.window_ms):
                    yield missing, None
            yield end, window
            before = end

    def _add(
        self,
        cells: defaultdict[_Cell, _Hours],
        hour: int,
        window: _Window | None,
        known: Mapping[str, str],
    ) -> None:
        whole = Decimal(self.window_ms)
        place = self._place(hour, known)
        nobody = cells[place]
        if window is None:
            nobody.add(capacity=whole, requested=whole)
            nobody.unobserved += whole
            return
        nobody.add(capacity=whole, requested=Decimal(0), used=Decimal(0))
        # Readings of a whole GPU that is cut into slices repeat those of the slices.
        slices = {part: ranks for part, ranks in window.items() if part} or window
        for ranks in slices.values():
            samples = _best(ranks)
            all_counts = sum(sample.sample_count for sample in samples)
            for sample in samples:
                held = whole * sample.sample_count / all_counts
                held *= self._part(sample.labels)
                self._add_sample(cells, place, sample, held)

    def _add_sample(
        self,
        cells: defaultdict[_Cell, _Hours],
        place: _Cell,
        sample: _Sample,
        held: Decimal,
    ) -> None:
        nobody = cells[place]
        if sample.activity is None:
            nobody.add(requested=held)
            nobody.unobserved += held
            return
        used = held * sample.activity
        model = self.mapping.target(_multiple(sample.labels)).model_id
        if model is not None:
            owner = cells[place._replace(model_id=model)]
            owner.add(requested=held, used=used)
            owner.measured_by.add(sample.metric)
            return
        nobody.measured_by.add(sample.metric)
        if any(name in sample.labels for name in WORKLOAD_LABELS):
            nobody.add(requested=held, used=used)
            nobody.unmapped += held
        else:
            # Nobody requested it; busy time still belongs to somebody.
            nobody.add(requested=used, used=used)
            nobody.unlabelled += used

    def _place(self, hour: int, labels: Mapping[str, str]) -> _Cell:
        own = {k: v for k, v in labels.items() if k not in WORKLOAD_LABELS}
        pool = self.mapping.target(_multiple(own)).pool_id or self.pool
        product = labels.get(self.labels.product) or None
        return _Cell(hour, pool, labels.get(self.labels.node), None, product)

    def _part(self, labels: Mapping[str, str]) -> Decimal:
        """Return which part of its GPU a reading is about."""
        if not labels.get(self.labels.slice):
            return Decimal(1)
        profile = labels.get(self.labels.profile, "")
        product = labels.get(self.labels.product, "")
        own = profile_slices(profile)
        all_slices = self._declared_slices(product) or max_slices(product)
        if own is None or all_slices is None:
            raise MalformedDeliveryError(
                f"How much of GPU {product!r} the slice {profile!r} is, is not known.",
                where=labels.get(self.labels.device, ""),
                next_step="Name the GPU's compute slices under 'slices_per_gpu'.",
            )
        return Decimal(own) / all_slices

    def _declared_slices(self, product: str) -> int | None:
        """Return the declaration of the longest name that the product holds."""
        names = [name for name in self.slices_per_gpu if name in product]
        return self.slices_per_gpu[max(names, key=len)] if names else None


def _best(ranks: Mapping[int, list[_Sample]]) -> list[_Sample]:
    """Return the samples of the first metric that has a value, or of the first."""
    in_order = [ranks[rank] for rank in sorted(ranks)]
    measured = (many for many in in_order if any(s.activity is not None for s in many))
    return next(measured, in_order[0])


def _ratio(mean: Decimal | None, activity: Activity) -> Decimal | None:
    """Return the activity from 0 to 1; ``None`` for blank values."""
    if mean is None:
        return None
    ratio = mean / activity.full
    if ratio < 0 or ratio > _BLANK_FROM:
        return None
    if ratio > _ROUNDED_UP:
        unit = "percent" if activity.full == 1 else "ratio"
        raise MalformedDeliveryError(
            f"{activity.selector.metric} reads {mean.normalize():f}, which is more than"
            f" {activity.full}.",
            where=str(activity.selector),
            next_step=f"Correct its 'unit' in triptych.yml: is it a {unit}?",
        )
    return min(ratio, Decimal(1))


def _some_labels(window: _Window) -> Mapping[str, str]:
    ranks = window[min(window)]
    found = (sample.labels for sample in ranks[min(ranks)])
    return max(found, key=lambda labels: sorted(labels.items()))


def _multiple(labels: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: (value,) for name, value in labels.items() if name != NAME_LABEL}


def _sum(total: Decimal | None, value: Decimal | None) -> Decimal | None:
    if value is None:
        return total
    return value if total is None else total + value


def _nameless(metric: str, label: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"A series of {metric} has no label {label!r}, which says which GPU it is.",
        where=metric,
        next_step="Name the label that identifies a GPU under 'labels'.",
    )


def _row(cell: _Cell, hours: _Hours) -> dict[str, Any]:
    is_nobody = cell.model_id is None
    return {
        "period_start": cell.hour * 1_000,
        "period_end": (cell.hour + HOUR_MS) * 1_000,
        "pool_id": cell.pool_id,
        "model_id": cell.model_id,
        "node_id": cell.node_id,
        "accelerator_type": cell.product,
        "capacity_gpu_hours": _in_hours(hours.capacity),
        "requested_gpu_hours": _in_hours(hours.requested),
        "used_gpu_hours": _in_hours(hours.used),
        "unobserved_gpu_hours": _in_hours(hours.unobserved) if is_nobody else None,
        "unlabelled_gpu_hours": _in_hours(hours.unlabelled) if is_nobody else None,
        "unmapped_gpu_hours": _in_hours(hours.unmapped) if is_nobody else None,
        "measured_by": ", ".join(sorted(hours.measured_by)) or None,
    }


def _in_hours(milliseconds: Decimal | None) -> Decimal | None:
    if milliseconds is None:
        return None
    return (milliseconds / HOUR_MS).quantize(_HOURS)
