"""Kubernetes clusters through OpenCost or Kubecost: who held and used which node.

It is a meter. The cost of a node is in the bill of its seller; OpenCost reports how
much of it each workload requested and used, and the idle part. Only for a cluster that
nobody bills, ``use_prices`` takes OpenCost's own prices as an estimated bill.

A running OpenCost is asked for whole hours, a day at a time. A cheap query by day and
cluster shows first which days have anything, and whether a day changed since. From a
folder, each recorded answer is a delivery, and so is a CSV export: it has costs and no
hours, and is only read with ``use_prices``.

Source: OpenCost API, ``/allocation``; Kubecost API, ``/model/allocation``.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import Field, field_validator, model_validator

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.addresses import checked_base_url
from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.kubernetes.node_readings import readings_of
from ingest.sources.kubernetes.opencost_answers import allocations_of, sets_of
from ingest.sources.kubernetes.opencost_api import AllocationApi, StepMap
from ingest.sources.kubernetes.opencost_export import EXPORTS, export_rows
from ingest.sources.kubernetes.opencost_rows import (
    COST_STREAM,
    METER_STREAM,
    Prices,
    cost_part,
    export_part,
    meter_part,
)
from ingest.sources.kubernetes.workload_rules import (
    GpuRule,
    GpuRules,
    refuse_unknown_places,
)
from ingest.storage.files import LocalFiles, open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.sources.kubernetes.workload_readings import Reading

_ANSWERS = (".json", ".json.gz")
_PLAIN_HTTP = "http://"
_BEGINNING_CHARACTERS = 2_000


class OpencostConfig(SourceConfig):
    """Options of an ``opencost`` source: ``base_url`` or ``path``, never both."""

    base_url: str | None = Field(
        default=None, description="Address of OpenCost or Kubecost."
    )
    path: str | None = Field(
        default=None,
        description="File, folder or glob of recorded answers or CSV exports, instead"
        " of the API.",
    )
    api_path: str = Field(
        default="/allocation",
        pattern=r"^/[\w/.-]*$",
        description="Path of the allocation API; Kubecost: /model/allocation.",
    )
    token_variable: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable with a bearer token, for a proxy.",
    )
    cluster: str = Field(
        default="", description="Name of the cluster where an answer has none."
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Ordered rules that name the model and the pool of a workload.",
    )
    gpus: tuple[GpuRule, ...] = Field(
        default=(), description="Ordered rules with the GPUs of nodes."
    )
    start_date: date | None = Field(
        default=None, description="First day ever asked for."
    )
    look_back_days: int = Field(
        default=7,
        ge=0,
        le=400,
        description="Days before today that are asked for when no day is named.",
    )
    resolution: str = Field(
        default="1m",
        pattern=r"^[1-9]\d*[smh]$",
        description="How finely OpenCost looks at Prometheus.",
    )
    hours_per_request: int = Field(
        default=24, ge=1, le=24, description="Hours that are asked for at once."
    )
    timeout_seconds: float = Field(
        default=300, gt=0, le=3600, description="Time to wait for an answer."
    )
    use_prices: bool = Field(
        default=False,
        description="Take OpenCost's prices as an estimated bill: no other has them.",
    )
    currency: str = Field(
        default="USD",
        pattern="^[A-Z]{3}$",
        description="Currency of OpenCost's prices.",
    )
    provider: str = Field(
        default="Kubernetes",
        min_length=1,
        description="Provider of an estimated bill's charges.",
    )

    @field_validator("mapping")
    @classmethod
    def _matches_what_exists(
        cls, rules: tuple[MappingRule, ...]
    ) -> tuple[MappingRule, ...]:
        refuse_unknown_places([rule.match for rule in rules])
        return rules

    @model_validator(mode="after")
    def _has_one_origin(self) -> OpencostConfig:
        if (self.base_url is None) == (self.path is None):
            message = "give either 'base_url' or 'path'"
            raise ValueError(message)
        if self.base_url is not None:
            self._check_address(self.base_url)
        return self

    def _check_address(self, address: str) -> None:
        # Within a cluster OpenCost has neither encryption nor a credential to lose.
        if self.token_variable is None and address.startswith(_PLAIN_HTTP):
            address = f"https://{address.removeprefix(_PLAIN_HTTP)}"
        try:
            checked_base_url(address)
        except ValueError as error:
            message = f"base_url {error}"
            raise ValueError(message) from error


class _Day(NamedTuple):
    """A day of the API, up to the last whole hour."""

    date: date
    until: datetime


class Opencost(Source[OpencostConfig]):
    """Source of the allocations of an OpenCost or Kubecost server."""

    type: ClassVar[str] = "opencost"

    def __init__(self, config: OpencostConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = LocalFiles(
            config.path or ".",
            root=root,
            source=config.name,
            suffixes=(*_ANSWERS, *EXPORTS),
        )
        self._api = AllocationApi(
            base_url=(config.base_url or "").rstrip("/"),
            path=config.api_path,
            source=config.name,
            token_variable=config.token_variable,
            timeout_seconds=config.timeout_seconds,
            resolution=config.resolution,
            hours_per_request=config.hours_per_request,
        )
        self._mapping = LabelMapping(config.mapping)
        self._gpus = GpuRules(config.gpus)

    def streams(self) -> Sequence[str]:
        """Return the meter's stream, and that of an estimated bill if asked for."""
        return (
            (COST_STREAM, METER_STREAM) if self._config.use_prices else (METER_STREAM,)
        )

    def probe(self) -> Iterator[Finding]:
        """Probe the files, or whether the API answers for the last whole hour."""
        if self._config.base_url is None:
            yield from self._files.check()
            return
        where = f"{self._config.base_url}{self._config.api_path}"
        newest = self._api.newest(_last_whole_hour())
        if not newest:
            yield Finding(
                False,
                f"{where} answers, and has nothing of the last whole hour.",
                "Look whether OpenCost reaches its Prometheus, and whether that"
                " scrapes the cluster.",
            )
            return
        names = sorted(name for step in newest for name in step if "__" not in name)
        yield Finding(True, f"{where} answers for {', '.join(names) or 'a cluster'}")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each day that has anything, or each recorded answer."""
        offered = (
            self._file_deliveries()
            if self._config.base_url is None
            else self._day_deliveries(window)
        )
        for delivery in offered:
            if delivery.skip_reason:
                yield delivery
                continue
            for stream in self._streams_of(delivery):
                yield replace(delivery, stream=stream)

    def _streams_of(self, delivery: Delivery) -> Sequence[str]:
        return (COST_STREAM,) if _is_export(delivery.detail) else self.streams()

    def _file_deliveries(self) -> Iterator[Delivery]:
        for file in self._files.found():
            yield Delivery(
                stream=METER_STREAM,
                scope=file.relative,
                period="all",
                fingerprint=f"{file.fingerprint} {self._reading}",
                label=file.label,
                detail=file.path,
                skip_reason=self._skip_reason(file.path),
            )

    def _day_deliveries(self, window: Window) -> Iterator[Delivery]:
        until = _last_whole_hour()
        first = window.start or until.date() - timedelta(
            days=self._config.look_back_days
        )
        if self._config.start_date is not None:
            first = max(first, self._config.start_date)
        if window.end is not None:
            until = min(until, datetime.combine(window.end, time(), tzinfo=UTC))
        if datetime.combine(first, time(), tzinfo=UTC) >= until:
            return
        for day, content in sorted(self._api.days(first, until).items()):
            yield Delivery(
                stream=METER_STREAM,
                scope=f"{day}",
                period=f"{day:%Y-%m}",
                fingerprint=f"{_digest(content)} {self._reading}",
                label=f"{self._config.base_url}{self._config.api_path} {day}",
                detail=_Day(day, until),
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the hours of a single day, or a recorded answer."""
        detail = delivery.detail
        prices = Prices(self._config.currency, self._config.provider)
        if _is_export(detail) and isinstance(detail, Path):
            cluster = self._config.cluster
            rows = export_rows(detail, cluster=cluster, label=delivery.label)
            yield export_part(rows, prices, uri=delivery.label)
            return
        steps: Sequence[StepMap] = ()
        if isinstance(detail, Path):
            steps = sets_of(_recorded(detail, delivery.label), where=delivery.label)
        elif isinstance(detail, _Day):
            steps = list(self._api.hours(detail.date, detail.until))
        readings = self._readings(steps)
        if delivery.stream == COST_STREAM:
            yield cost_part(readings, prices, uri=delivery.label)
        else:
            yield meter_part(
                readings, self._mapping, source=self._config.name, uri=delivery.label
            )

    def _readings(self, steps: Sequence[StepMap]) -> list[Reading]:
        cluster = self._config.cluster
        allocations = [
            each for step in steps for each in allocations_of(step, cluster=cluster)
        ]
        return readings_of(allocations, self._gpus)

    def _skip_reason(self, path: Path) -> str:
        """Return why a file is not read, if it is not."""
        if _is_export(path) and not self._config.use_prices:
            return (
                "a CSV export, which has costs and no hours; 'use_prices' reads them as"
                " an estimated bill."
            )
        return "" if _is_export(path) else _reason_against(path)

    @property
    def _reading(self) -> str:
        """Changes whenever the same answer would be read otherwise."""
        names = ("cluster", "mapping", "gpus", "currency", "provider")
        return self._digest_of(*names)


def _is_export(detail: object) -> bool:
    return isinstance(detail, Path) and detail.name.lower().endswith(EXPORTS)


def _reason_against(path: Path) -> str:
    """Return why a recorded answer is not read: it is that of another API."""
    try:
        with open_text(path) as text:
            beginning = text.read(_BEGINNING_CHARACTERS)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return ""
    if '"cloudCosts"' in beginning:
        return (
            "an answer of /cloudCost, which repeats a cloud's bill; connect the bill"
            " itself."
        )
    return ""


def _recorded(path: Path, label: str) -> Any:  # noqa: ANN401
    try:
        with open_text(path) as text:
            return json.loads(text.read(), parse_float=Decimal)
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise MalformedDeliveryError(
            f"The recorded answer cannot be read: {reason_of(error)}.",
            where=label,
            next_step="Record it again; what was loaded before stays current.",
        ) from error


def _digest(content: object) -> str:
    text = json.dumps(content, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _last_whole_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
