"""OpenTelemetry: tokens by model, agent, team, tenant and task, from spans of requests.

Spans arrive at the receiver, or lie in files as a Collector's file exporter writes
them: a request of OTLP in JSON on each line. They are a meter, never money. Spans that
are sampled count less than all; a source states how they are treated.

A folder is a delivery, such as a day of the receiver. A trace goes on past midnight, so
the days next to it are read for the spans that others inherit from.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.reading.event_rows import UnfitEventError
from ingest.reading.label_mapping import (
    LabelMapping,
    MappingRule,
    refuse_unknown_labels,
)
from ingest.sources.llm_gateways.gateway_usage import STREAM, Tally, UnreadableError
from ingest.sources.llm_gateways.otel_conventions import (
    Conventions,
    conventions_with,
)
from ingest.sources.llm_gateways.otel_spans import (
    LABELS,
    SampledError,
    Sampling,
    SpanReader,
    Traces,
    refused_span,
    stripped,
)
from ingest.sources.llm_gateways.otlp import parsed_otlp, spans_of_json
from ingest.sources.llm_gateways.telemetry_log import whole_lines
from ingest.storage.files import LocalFiles
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.storage.files import LocalFile

    Record = Mapping[str, Any]

_RECEIVED = "telemetry"
_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".ndjson", ".ndjson.gz")
_DAY = re.compile(r"(?P<folder>(?:.*/)?)(?P<day>\d{4}-\d{2}-\d{2})")


class OpenTelemetryConfig(SourceConfig):
    """Options of an ``opentelemetry`` source: the receiver's log, or files."""

    path: str = Field(
        default=_RECEIVED,
        description="Log of the receiver, or any file, folder or glob of OTLP JSON"
        " lines.",
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Ordered rules that name the model and the pool of a reading.",
    )
    sampling: Sampling = Field(
        default="refuse",
        description="Spans that state that they are sampled: refuse them, or scale"
        " them to all.",
    )
    attributes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Further attributes of files: agent, conversation, feature, team,"
        " tenant, task, attempt or outcome → names.",
    )
    bucket: Literal["hour", "day"] = Field(
        default="hour", description="Length of a row."
    )
    providers: dict[str, str] = Field(
        default_factory=dict,
        description="Beginning of a model's name → provider, where that is missing.",
    )

    @model_validator(mode="after")
    def _knows_its_labels(self) -> OpenTelemetryConfig:
        refuse_unknown_labels(self.mapping, LABELS)
        conventions_with(self.attributes)
        return self


@dataclass(frozen=True, slots=True)
class _Unit:
    """Files that are counted together, and those of the days next to them."""

    scope: str
    files: tuple[LocalFile, ...]
    before: tuple[LocalFile, ...] = ()
    after: tuple[LocalFile, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return a digest that changes with any of the files."""
        every = (*self.before, *self.files, *self.after)
        text = "\n".join(f"{file.relative} {file.fingerprint}" for file in every)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class OpenTelemetry(Source[OpenTelemetryConfig]):
    """Source of the requests in OpenTelemetry spans."""

    type: ClassVar[str] = "opentelemetry"

    def __init__(self, config: OpenTelemetryConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = LocalFiles(
            config.path, root=root, source=config.name, suffixes=_SUFFIXES
        )
        self._received = root / config.path
        self._conventions = conventions_with(config.attributes)
        self._reader = SpanReader(
            config.sampling, config.providers, self._conventions.repeating
        )

    def streams(self) -> Sequence[str]:
        """Return the single stream of meters."""
        return (STREAM,)

    def probe(self) -> Iterator[Finding]:
        """Report the number of files."""
        if self._is_empty():
            yield Finding(
                False,
                f"No span has been received: there is no folder {_RECEIVED}.",
                "Start 'triptych receive', or name the folder of spans in 'path'.",
            )
            return
        yield from self._files.check()

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each folder."""
        if self._is_empty():
            return
        for unit in self._units():
            yield Delivery(
                stream=STREAM,
                scope=unit.scope,
                period="all",
                fingerprint=f"{unit.fingerprint} {self._reading}",
                label=f"{self._config.path} {unit.scope}",
                detail=unit,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the sums of a folder."""
        unit = delivery.detail
        if not isinstance(unit, _Unit):
            return
        config = self._config
        tally = Tally(config.name, LabelMapping(config.mapping), config.bucket)
        traces = Traces(tuple(self._conventions.identities))
        for record in self._records((*unit.before, *unit.files, *unit.after)):
            traces.add(record)
        before = {_identity(record) for record in self._records(unit.before)}
        counted: set[bytes] = set()
        sampled = 0
        for record in self._records(unit.files, tally):
            identity = _identity(record)
            is_known = identity in counted or identity in before
            if is_known or not self._reader.is_counted(record):
                continue
            counted.add(identity)
            try:
                tally.add(self._reader.reading(record, traces))
            except UnreadableError as error:
                tally.refuse(refused_span(record), error)
            except SampledError:
                sampled += 1
        if sampled:
            raise MalformedDeliveryError(
                f"{sampled:,} of {len(counted):,} spans state that they are sampled, so"
                " they are not all that there were.",
                where=delivery.label,
                next_step="Set 'sampling: scale' to count each as often as it states,"
                " or send all spans. Nothing of it was loaded.",
            )
        yield tally.part(delivery.label)

    def _is_empty(self) -> bool:
        """Return True if nothing was ever received."""
        return self._config.path == _RECEIVED and not self._received.exists()

    def _units(self) -> Iterator[_Unit]:
        """Yield the folders with their files, and those of the days next to them."""
        folders: dict[str, list[LocalFile]] = defaultdict(list)
        for file in self._files.found():
            folders[file.relative.rpartition("/")[0] or "."].append(file)
        for scope, files in sorted(folders.items()):
            before, after = (folders.get(_day_next_to(scope, n), ()) for n in (-1, 1))
            yield _Unit(scope, tuple(files), tuple(before), tuple(after))

    def _records(
        self, files: Iterable[LocalFile], tally: Tally | None = None
    ) -> Iterator[Record]:
        """Yield the stripped spans of files; a tally keeps lines that are none."""
        for file in files:
            for line in whole_lines(file.path):
                try:
                    yield from _line_records(line, self._conventions)
                except UnfitEventError as error:
                    if tally is not None:
                        tally.refuse({}, UnreadableError(str(error)))

    @property
    def _reading(self) -> str:
        """Changes whenever the same spans would be read otherwise."""
        names = ("mapping", "sampling", "attributes", "bucket", "providers")
        return f"{self._digest_of(*names)} {self._conventions.version}"


def _line_records(line: str, conventions: Conventions) -> Iterable[Record]:
    """Return the records of a line: one that was received, or a request of OTLP.

    Raises
    ------
    UnfitEventError
        It is neither.
    """
    content = parsed_otlp(line)
    if "span" in content and "trace" in content:
        return (content,)
    if "resourceSpans" in content:
        return stripped(spans_of_json(content, conventions.wanted), conventions)
    if "resourceMetrics" in content or "resourceLogs" in content:
        return ()
    raise UnfitEventError("line, which is no OTLP JSON")


def _identity(record: Record) -> bytes:
    """Return trace and span as bytes, by which a span that comes again is known."""
    return bytes.fromhex(record["trace"] + record["span"])


def _day_next_to(scope: str, days: int) -> str:
    """Return the folder of a day before or after another; empty for other folders."""
    parts = _DAY.fullmatch(scope)
    if parts is None:
        return ""
    try:
        day = date.fromisoformat(parts["day"]) + timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return f"{parts['folder']}{day}"
