"""Events that were received, or dropped as files: deployments, incidents, promotions.

Events come singly and files are never changed, so a day may have thousands of them.
They are offered together: a day of the inbox, or a folder of JSON files, is a single
delivery for each stream; a file of JSON Lines is a separate delivery.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.engine.remembered_loads import memo_of
from ingest.reading.event_rows import UnfitEventError, refused_row
from ingest.reading.text_rows import Row, text_rows
from ingest.sources.events.cdevents import PipelineRule
from ingest.sources.events.files import (
    JSON_SUFFIXES,
    LINES_SUFFIXES,
    is_lines,
    read_events,
)
from ingest.sources.events.inbox import type_in_name
from ingest.sources.events.kinds import (
    STREAMS_OF_EVENTS,
    EventReading,
    chain_of,
    rows_of,
    streams_of_type,
)
from ingest.storage.files import LocalFiles
from triptych.core.declared import Declared
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.sources.events.inbox import ReceivedEvent
    from ingest.storage.files import LocalFile

_INBOX = "inbox"
_DAY = re.compile(r"(?:.*/)?(\d{4}-\d{2}-\d{2})")
#: Event types that must be read to find out if they have a row.
_UNCERTAIN = ("cdevents.pipelinerun.", "cdevents.change.", "github.workflow_run")
_PIPELINE = "cdevents.pipelinerun."
#: The stream in which unreadable events are kept, where their unit has no other row.
_OF_REFUSED = "deployments"
_SHOWN_REASONS = 3
_UNITS_KEPT = 4
_SHOWN_TYPES = 8


class DeployingPipeline(Declared):
    """Pipelines that deploy: a glob over their names, and their targets."""

    pipeline: str = Field(min_length=1)
    environment: str | None = None
    service: str | None = None


class EventInboxConfig(SourceConfig):
    """Options of an ``event_inbox`` source."""

    path: str = Field(
        default=_INBOX,
        description="Inbox of the receiver, or any file, folder or glob of events.",
    )
    deployment_pipelines: tuple[DeployingPipeline, ...] = Field(
        default=(),
        description="Pipelines with failed runs that are failed deployments: pipeline"
        " (a glob), environment, service.",
    )
    workflows: dict[str, str] = Field(
        default_factory=dict,
        description="File of a GitHub workflow that deploys → environment.",
    )


@dataclass(frozen=True, slots=True)
class _Unit:
    """Files that are read together; ``types`` are known for files of an inbox."""

    scope: str
    files: tuple[LocalFile, ...]
    types: Counter[str] | None
    before: tuple[LocalFile, ...] = ()

    @property
    def fingerprint(self) -> str:
        told = [f"{f.relative} {f.fingerprint}" for f in (*self.before, *self.files)]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


class EventInbox(Source[EventInboxConfig]):
    """Reads events of CI/CD tools, registries and incident tools."""

    type: ClassVar[str] = "event_inbox"

    def __init__(self, config: EventInboxConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = LocalFiles(
            config.path,
            root=root,
            source=config.name,
            suffixes=(*JSON_SUFFIXES, *LINES_SUFFIXES),
        )
        self._inbox = root / config.path
        rules = tuple(
            PipelineRule(pipeline.pipeline, pipeline.environment, pipeline.service)
            for pipeline in config.deployment_pipelines
        )
        self._reading = EventReading(rules, config.workflows)
        self._rows: dict[str, _UnitRows] = {}
        self._known: dict[str, _Outline] = {}
        self._lock = Lock()

    def streams(self) -> Sequence[str]:
        """Return the streams that events may become rows of."""
        return STREAMS_OF_EVENTS

    def probe(self) -> Iterator[Finding]:
        """Report the number of files, and the event types that no stream takes."""
        if self._is_empty_inbox():
            yield Finding(
                False,
                f"No event has been received: there is no folder {_INBOX}.",
                "Start 'triptych receive', or name the folder of events in 'path'.",
            )
            return
        findings = self._files.check()
        yield from findings
        if all(finding.is_ok for finding in findings):
            unread = sum((self._unread(unit) for unit in self._units()), Counter())
            if unread:
                yield Finding(True, _told(unread))

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Accept the contents of loaded units, so as not to read them again."""
        for memo in filter(None, memos.values()):
            known = json.loads(memo)
            self._known[known["unit"]] = _Outline(
                tuple(known["streams"]), Counter(known["unread"])
            )

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each day, folder or file of lines for each stream it has rows of."""
        if self._is_empty_inbox():
            return
        unread: Counter[str] = Counter()
        for unit in self._units():
            read_as = f"{unit.fingerprint} {self._reading_digest}"
            outline = self._outline(unit, read_as)
            unread += outline.unread
            for stream in outline.streams:
                yield Delivery(
                    stream=stream,
                    scope=unit.scope,
                    period="all",
                    fingerprint=read_as,
                    label=f"{self._config.path} {unit.scope}",
                    detail=unit,
                    memo=outline.memo(f"{unit.scope} {read_as}"),
                )
        if unread:
            yield Delivery(
                _OF_REFUSED,
                "unread",
                "all",
                "",
                f"source {self._config.name!r}",
                skip_reason=_told(unread),
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the rows of a single stream."""
        if isinstance(delivery.detail, _Unit):
            unit = self._rows_of(delivery.detail)
            unit.refuse_if_mostly_bad(delivery.label)
            rows = unit.rows.get(delivery.stream, [])
            yield text_rows(delivery.stream, rows, delivery.label)

    def _is_empty_inbox(self) -> bool:
        return self._config.path == _INBOX and not self._inbox.exists()

    def _units(self) -> Iterator[_Unit]:
        groups: dict[str, list[LocalFile]] = defaultdict(list)
        for file in self._files.found():
            folder = file.relative.rpartition("/")[0] or "."
            groups[file.relative if is_lines(file) else folder].append(file)
        for scope, files in sorted(groups.items()):
            yield _unit(scope, files, groups)

    def _outline(self, unit: _Unit, read_as: str) -> _Outline:
        """Return a unit's contents, from an earlier run if it read it alike."""
        known = self._known.get(f"{unit.scope} {read_as}")
        if known is not None:
            return known
        return _Outline(tuple(self._streams_of(unit)), self._unread(unit))

    def _streams_of(self, unit: _Unit) -> Iterable[str]:
        if unit.types is None:
            return self._rows_of(unit).rows
        certain = {
            stream
            for type_ in unit.types
            if not type_.startswith(_UNCERTAIN)
            for stream in streams_of_type(type_)
        }
        if any(type_.startswith(_UNCERTAIN) for type_ in unit.types):
            certain |= self._rows_of(unit).rows.keys()
        return sorted(certain)

    def _unread(self, unit: _Unit) -> Counter[str]:
        if unit.types is None:
            return self._rows_of(unit).unread
        return Counter({t: n for t, n in unit.types.items() if not streams_of_type(t)})

    def _rows_of(self, unit: _Unit) -> _UnitRows:
        """Return a unit's rows; the last few are kept for their other streams."""
        with self._lock:
            key = f"{unit.scope} {unit.fingerprint}"
            if key not in self._rows:
                while len(self._rows) >= _UNITS_KEPT:
                    del self._rows[next(iter(self._rows))]
                self._rows[key] = _read_unit(unit, self._reading)
            return self._rows[key]

    @property
    def _reading_digest(self) -> str:
        """Changes whenever the same events would be read otherwise."""
        text = repr(self._reading)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Outline:
    """The streams that a unit has rows of, and how many events none takes, by type."""

    streams: tuple[str, ...]
    unread: Counter[str]

    def memo(self, unit: str) -> str:
        """Return it as it is kept with the loads of its unit."""
        return memo_of({"unit": unit, "streams": self.streams, "unread": self.unread})


@dataclass(frozen=True, slots=True)
class _UnitRows:
    rows: dict[str, list[Row]]
    unread: Counter[str]
    refused: tuple[str, ...]

    def refuse_if_mostly_bad(self, label: str) -> None:
        """Refuse the whole, with reasons, if more of it is bad than good."""
        bad = len(self.refused)
        all_count = sum(map(len, self.rows.values()))
        if bad * 2 <= all_count:
            return
        raise MalformedDeliveryError(
            f"{bad} of {all_count} events cannot be read:"
            f" {'; '.join(self.refused[:_SHOWN_REASONS])}.",
            where=label,
            next_step="Nothing of it was loaded; what was loaded before stays current."
            " Correct or remove the files and run again.",
        )


def _unit(
    scope: str, files: list[LocalFile], groups: dict[str, list[LocalFile]]
) -> _Unit:
    types = [type_in_name(file.path.name) for file in files]
    if not _DAY.fullmatch(scope) or None in types:
        return _Unit(scope, tuple(files), None)
    counted = Counter(type_ for type_ in types if type_ is not None)
    before: tuple[LocalFile, ...] = ()
    if any(type_.startswith(_PIPELINE) for type_ in counted):
        # A chain may have begun before midnight.
        before = tuple(groups.get(_day_before(scope), ()))
    return _Unit(scope, tuple(files), counted, before)


def _day_before(scope: str) -> str:
    folder, slash, day = scope.rpartition("/")
    return f"{folder}{slash}{date.fromisoformat(day) - timedelta(days=1)}"


def _read_unit(unit: _Unit, reading: EventReading) -> _UnitRows:
    found = read_events(unit.files)
    chains = _chains((*read_events(unit.before).events, *found.events))
    rows: dict[str, list[Row]] = defaultdict(list)
    unread: Counter[str] = Counter()
    for event in found.events:
        chain = chains.get(chain_of(event) or "", ())
        try:
            made = rows_of(event, reading=reading, chain=chain)
        except UnfitEventError as error:
            found.refused.append(f"{unit.scope}: {event.kind} {event.type}: {error}")
            continue
        for stream, row in made:
            rows[stream].append(row)
        if not made:
            unread[f"{event.kind}.{event.type}"] += 1
    # Beside the most rows, so that a few bad rows are not alone.
    stream = max(sorted(rows), key=lambda one: len(rows[one]), default=_OF_REFUSED)
    rows[stream] += [refused_row(stream, why) for why in found.refused]
    made_rows = {name: those for name, those in rows.items() if those}
    return _UnitRows(made_rows, unread, tuple(found.refused))


def _chains(events: Iterable[ReceivedEvent]) -> dict[str, list[dict[str, object]]]:
    chains: dict[str, list[dict[str, object]]] = defaultdict(list)
    for event in events:
        chain = chain_of(event)
        if chain is not None:
            chains[chain].append(event.event)
    return chains


def _told(unread: Counter[str]) -> str:
    shown = ", ".join(f"{type_} ({n})" for type_, n in unread.most_common(_SHOWN_TYPES))
    more = len(unread) - _SHOWN_TYPES
    shown += f" and {more} more types" if more > 0 else ""
    return f"{unread.total()} events are kept that no stream takes: {shown}."
