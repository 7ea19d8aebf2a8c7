"""OpenShift: reports of its cost management metrics operator, as a meter.

They give per hour the requests and use of each pod, the GPU or MIG instance it held,
and the capacity of its node; the cost of the node is in the bill of its seller. The
reports of a month, all files together, are a single delivery.

Source: koku-metrics-operator, *Report fields*.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.kubernetes.node_readings import readings_of
from ingest.sources.kubernetes.opencost_rows import METER_STREAM, meter_part
from ingest.sources.kubernetes.openshift_reports import Reports, period_of
from ingest.sources.kubernetes.workload_readings import DeclaredGpus
from ingest.sources.kubernetes.workload_rules import (
    GpuRule,
    GpuRules,
    refuse_unknown_places,
)
from ingest.storage.files import LocalFile, LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.sources.kubernetes.opencost_answers import Allocation

_REPORTS = (".csv", ".csv.gz")
#: Changing how reports become rows makes every month new again.
_READING_VERSION = 2


class OpenshiftMetricsConfig(SourceConfig):
    """Options of an ``openshift_metrics`` source."""

    path: str = Field(description="Folder, file or glob of the operator's CSV files.")
    cluster: str = Field(
        min_length=1, description="Name of the cluster: the files do not say it."
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Ordered rules that name the model and the pool of a workload.",
    )
    gpus: tuple[GpuRule, ...] = Field(
        default=(), description="Ordered rules with the GPUs of nodes."
    )

    @field_validator("mapping")
    @classmethod
    def _matches_what_exists(
        cls, rules: tuple[MappingRule, ...]
    ) -> tuple[MappingRule, ...]:
        refuse_unknown_places([rule.match for rule in rules])
        return rules


class OpenshiftMetrics(Source[OpenshiftMetricsConfig]):
    """Source of the reports of a cluster."""

    type: ClassVar[str] = "openshift_metrics"

    def __init__(self, config: OpenshiftMetricsConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = LocalFiles(
            config.path, root=root, source=config.name, suffixes=_REPORTS
        )
        self._mapping = LabelMapping(config.mapping)
        self._gpus = GpuRules(config.gpus)

    def streams(self) -> Sequence[str]:
        """Return the stream of the meter."""
        return (METER_STREAM,)

    def probe(self) -> Iterator[Finding]:
        """Check whether there are reports."""
        yield from self._files.check()

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer the reports of each month that the window touches."""
        months: dict[str, list[LocalFile]] = defaultdict(list)
        for file in self._files.found():
            months[period_of(file.path) or ""].append(file)
        for month, files in sorted(months.items()):
            if not month:
                yield from map(_passed_over, files)
            elif window.overlaps_month(month):
                yield Delivery(
                    stream=METER_STREAM,
                    scope=month,
                    period=month,
                    fingerprint=f"{_fingerprint(files)} {self._reading}",
                    label=f"{self._config.path} {month}",
                    detail=files,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over a month's readings."""
        files = delivery.detail if isinstance(delivery.detail, list) else []
        reports = Reports()
        for file in files:
            reports.add(file.path, label=file.label)
        allocations = reports.allocations(cluster=self._config.cluster)
        readings = readings_of(allocations, self._declared(reports))
        yield meter_part(
            readings, self._mapping, source=self._config.name, uri=delivery.label
        )

    def _declared(self, reports: Reports) -> Callable[[Allocation], DeclaredGpus]:
        """Return the declaration about a node, by rules or else its labels."""

        def declared(allocation: Allocation) -> DeclaredGpus:
            rule, labels = self._gpus(allocation), reports.declared(allocation)
            return DeclaredGpus(
                rule.model or labels.model,
                rule.max_slices,
                rule.mig_profile,
                labels.per_node if rule.per_node is None else rule.per_node,
            )

        return declared

    @property
    def _reading(self) -> str:
        """Changes whenever the same reports would be read otherwise."""
        options = self._digest_of("cluster", "mapping", "gpus")
        return f"{_READING_VERSION} {options}"


def _passed_over(file: LocalFile) -> Delivery:
    return Delivery(
        stream=METER_STREAM,
        scope=file.relative,
        period="all",
        fingerprint="",
        label=file.label,
        skip_reason="no report about pods, GPUs, nodes or namespaces with a row in it.",
    )


def _fingerprint(files: Sequence[LocalFile]) -> str:
    text = "\n".join(f"{file.relative} {file.fingerprint}" for file in files)
    return hashlib.sha256(text.encode()).hexdigest()
