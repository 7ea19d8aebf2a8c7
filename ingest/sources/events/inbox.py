"""Inbox of a workspace: an immutable file for each received event.

A file is written beside, flushed to the disk, and given its name only then, in the
folder of the UTC day on which it arrived::

    inbox/2026-11-25/3f0c…9a.cdevents.service.deployed.0.3.0.json

The name begins with a digest of the event's identity. So the names are the memory of
received events, over restarts too, and the type of an event is known without opening
it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from triptych.core.errors import RunLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

FORMAT = "triptych.event/1"
SUFFIX = ".json"
_INCOMING = ".incoming"
_LOCK = ".receiver.lock"
_IDENTITY_CHARACTERS = 32
_NAME = re.compile(r"(?P<identity>[0-9a-f]{32})\.(?P<type>[a-z0-9._-]+)\.json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
_LONGEST_TYPE = 100


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it is kept.

    Parameters
    ----------
    kind : str
        Reader that understands it: ``cdevents``, ``github`` and so on.
    type : str
        Name of this kind of event in its system.
    key : str
        Identity within its kind; an event that comes again has the same.
    received_at : str
        Time of arrival, UTC, ISO 8601.
    event : dict
        The members that are kept of it.
    """

    kind: str
    type: str
    key: str
    received_at: str
    event: dict[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Return the digest with which the name of its file begins."""
        text = json.dumps([self.kind, self.key])
        return hashlib.sha256(text.encode()).hexdigest()[:_IDENTITY_CHARACTERS]

    @property
    def name(self) -> str:
        """Return the name of its file."""
        type_ = _NOT_IN_A_NAME.sub("-", f"{self.kind}.{self.type}".lower())
        return f"{self.identity}.{type_[:_LONGEST_TYPE].strip('.')}{SUFFIX}"

    def as_json(self) -> str:
        """Return the content of its file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)


def type_in_name(name: str) -> str | None:
    """Return kind and type from a file's name; ``None`` for other files."""
    found = _NAME.fullmatch(name)
    return None if found is None else found["type"]


def now() -> str:
    """Return the present moment as it is kept."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Inbox:
    """Keeps events, each once. A context manager; may be shared by threads.

    Parameters
    ----------
    folder : Path
        Folder of the files; created if it is missing.

    Raises
    ------
    RunLockedError
        Another process keeps events in the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._known: set[str] = set()
        self._being_written: set[str] = set()
        self._changed = threading.Condition()
        self._lock = FileLock(folder / _LOCK)

    def __enter__(self) -> Self:
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        _flush_folder(self._folder.parent)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunLockedError(
                "Another receiver keeps events in this folder.",
                where=str(self._folder),
                next_step="Stop it, or let this one be.",
            ) from None
        for left_over in self._incoming.iterdir():
            left_over.unlink()
        self._known = {path.name[:_IDENTITY_CHARACTERS] for path in self._files()}
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __len__(self) -> int:
        """Return how many events are kept."""
        return len(self._known)

    def keep(self, event: ReceivedEvent) -> bool:
        """Write an event to disk; return True if it was not there yet.

        After the return, the event survives a crash of the machine. An event that
        another thread is just writing is waited for.

        Raises
        ------
        OSError
            It cannot be written; nothing of it is there then.
        """
        identity = event.identity
        with self._changed:
            while identity in self._being_written:
                self._changed.wait()
            if identity in self._known:
                return False
            self._being_written.add(identity)
        try:
            self._write(event)
            with self._changed:
                self._known.add(identity)
        finally:
            with self._changed:
                self._being_written.discard(identity)
                self._changed.notify_all()
        return True

    def _write(self, event: ReceivedEvent) -> None:
        day = self._folder / event.received_at[:10]
        if not day.is_dir():
            day.mkdir(exist_ok=True)
            _flush_folder(self._folder)
        incoming = self._incoming / uuid.uuid4().hex
        try:
            with incoming.open("x", encoding="utf-8") as file:
                file.write(event.as_json())
                file.flush()
                os.fsync(file.fileno())
            incoming.rename(day / event.name)
        except BaseException:
            with contextlib.suppress(OSError):
                incoming.unlink()
            raise
        _flush_folder(day)

    def _files(self) -> Iterator[Path]:
        for day in self._folder.iterdir():
            if _DAY.fullmatch(day.name) and day.is_dir():
                yield from (p for p in day.iterdir() if _NAME.fullmatch(p.name))


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
