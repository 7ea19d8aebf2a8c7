"""Read events from files, of an inbox or from anywhere."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import UnfitEventError, needed_instant
from ingest.sources.events import cloudevents, devlake_webhooks
from ingest.sources.events.inbox import FORMAT, ReceivedEvent
from ingest.sources.mlflow.promotion_notices import stripped_notice
from ingest.storage.files import open_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.storage.files import LocalFile

JSON_SUFFIXES = (".json", ".json.gz")
LINES_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


@dataclass(slots=True)
class FoundEvents:
    """Events of some files, each once, and the unreadable parts.

    ``refused`` gives the position and reason of each.
    """

    events: list[ReceivedEvent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read_events(files: Iterable[LocalFile]) -> FoundEvents:
    """Return the events in files; repeated events are returned once."""
    found_events = FoundEvents()
    seen: set[str] = set()
    for file in files:
        for where, text in _texts(file, found_events):
            try:
                events = list(_events(text))
            except UnfitEventError as error:
                found_events.refused.append(f"{where}: {error}")
                continue
            for event in events:
                if event.identity not in seen:
                    seen.add(event.identity)
                    found_events.events.append(event)
    found_events.events.sort(key=lambda event: (event.received_at, event.identity))
    return found_events


def is_lines(file: LocalFile) -> bool:
    """Return True if each line of a file is a separate record."""
    return file.path.name.lower().endswith(LINES_SUFFIXES)


def _texts(file: LocalFile, found_events: FoundEvents) -> Iterator[tuple[str, str]]:
    try:
        with open_text(file.path) as text:
            if not is_lines(file):
                yield file.label, text.read()
                return
            for number, line in enumerate(text, start=1):
                if line.strip():
                    yield f"{file.label}:{number}", line
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        found_events.refused.append(f"{file.label}: the file cannot be read to its end")


def _events(text: str) -> Iterator[ReceivedEvent]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitEventError("it is no JSON") from error
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            raise UnfitEventError("it is no JSON object")
        yield _event(one)


def _event(content: dict[str, Any]) -> ReceivedEvent:
    """Return an event of a file, stripped like a posted event.

    An event that was not received has no time of arrival: it only has the time at which
    it happened.
    """
    if content.get("format") == FORMAT:
        return _received(content)
    if "deploymentCommits" in content:
        kept = devlake_webhooks.stripped_deployment(content)
        return _dropped("devlake", "deployments", kept)
    if "issueKey" in content:
        kept = devlake_webhooks.stripped_issue(content)
        return _dropped("devlake", devlake_webhooks.type_of_issue(kept), kept)
    if "registered_model" in content and "alias" in content:
        needed_instant(content, "event_time")
        kept = stripped_notice(content)
        return _dropped("promotion", str(kept["event"]), kept)
    return cloudevents.of_file(content, received_at="")


def _received(content: dict[str, Any]) -> ReceivedEvent:
    names = ("kind", "type", "key", "received_at")
    texts = [content.get(name) for name in names]
    event = content.get("event")
    if not all(isinstance(text, str) for text in texts) or not isinstance(event, dict):
        raise UnfitEventError("it is no event as the receiver keeps it")
    kind, type_, key, received_at = map(str, texts)
    return ReceivedEvent(kind, type_, key, received_at, event)


def _dropped(kind: str, type_: str, kept: dict[str, Any]) -> ReceivedEvent:
    return ReceivedEvent(kind, type_, json.dumps(kept, sort_keys=True), "", kept)
