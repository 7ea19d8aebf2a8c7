"""Log of received telemetry: stripped records, a line each, in a folder per UTC day.

::

    telemetry/2026-12-03/054213-1a2b3c4d.jsonl

Records are acknowledged when their lines are on the disk. A process writes files of its
own and never into those of another. So a line that a crash cut off is the last of its
file; it was not acknowledged and is not read. Whatever a sender repeats is there twice,
and is counted once by its ids.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from ingest.storage.files import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

SUFFIX = ".jsonl"
_LARGEST_FILE = 64 * 1024 * 1024


class TelemetryLog:
    """Appends records to files. A context manager; may be shared by threads.

    Parameters
    ----------
    folder : Path
        Folder of the days; created with the first record.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._day = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._close()

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write records to disk; after the return they survive a crash of the machine.

        Raises
        ------
        OSError
            They cannot be written; the sender has to repeat them.
        """
        if not records:
            return
        lines = [json.dumps(record, separators=(",", ":")) for record in records]
        content = ("\n".join(lines) + "\n").encode()
        with self._lock:
            try:
                file = self._current()
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                # A cut-off line has to stay the last of its file.
                self._close()
                raise

    def _current(self) -> IO[bytes]:
        """Return the file of today, a new one where there is none or it is large."""
        now = datetime.now(UTC)
        day = f"{now:%Y-%m-%d}"
        file = self._file
        if file is not None and day == self._day and file.tell() < _LARGEST_FILE:
            return file
        self._close()
        folder = self._folder / day
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{now:%H%M%S}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        self._file = (folder / name).open("xb")
        self._day = day
        for changed in (folder, self._folder, self._folder.parent):
            _flush_folder(changed)
        return self._file

    def _close(self) -> None:
        """Close the current file; called with the lock held."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def whole_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file; a line without its end was cut off and is left out."""
    with open_text(path) as text:
        for line in text:
            if line.endswith("\n") and not line.isspace():
                yield line


def _flush_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
