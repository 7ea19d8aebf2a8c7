"""Answers of an HTTP API that were recorded into files, in place of the API.

A folder mirrors the requested paths: the answers of ``/v1/organization/costs`` lie
below ``v1/organization/costs``, each file a single body as it came, named so that pages
sort in the order in which they came. They are read by the very code that reads the API.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any

from ingest.storage.files import LocalFiles, open_text
from triptych.core.errors import FatalSourceError, MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from ingest.connector import Finding
    from ingest.storage.files import LocalFile

ANSWERS = (".json", ".json.gz")


class RecordedAnswers:
    """Recorded answers below a folder. A context manager, as a client is.

    Parameters
    ----------
    folder : str
        Absolute, or relative to ``root``.
    root : Path
        Workspace folder.
    source : str
        Name of the source, for messages.
    """

    def __init__(self, folder: str, *, root: Path, source: str) -> None:
        self._folder = folder
        self._source = source
        self._files = LocalFiles(folder, root=root, source=source, suffixes=ANSWERS)
        self._bodies: dict[str, list[Any]] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep the read answers: a recording is read once per run."""

    def check(self) -> list[Finding]:
        """Report the number of answers."""
        return self._files.check()

    def fingerprint(self) -> str:
        """Return a text that changes with any of the files."""
        told = [f"{file.relative} {file.fingerprint}" for file in self._files.found()]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]

    def bodies(self, path: str) -> Sequence[Any]:
        """Return the recorded answers to ``GET path``, in the order of their names.

        Raises
        ------
        FatalSourceError
            There is none.
        MalformedDeliveryError
            A body is no JSON.
        """
        with self._lock:
            if path not in self._bodies:
                self._bodies[path] = [_body(file) for file in self._of(path)]
            return self._bodies[path]

    def _of(self, path: str) -> list[LocalFile]:
        below = path.strip("/") + "/"
        found = [f for f in self._files.found() if f.relative.startswith(below)]
        if not found:
            raise FatalSourceError(
                f"There is no recorded answer to {path}.",
                where=f"source {self._source!r}",
                next_step=f"Record it into {self._folder}/{below}, or switch that"
                " question off in triptych.yml.",
            )
        return sorted(found, key=lambda file: file.relative)


def _body(file: LocalFile) -> Any:  # noqa: ANN401
    try:
        with open_text(file.path) as text:
            return json.loads(text.read(), parse_float=Decimal)
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise MalformedDeliveryError(
            f"The recorded answer cannot be read: {reason_of(error)}.",
            where=file.label,
            next_step="Record it again; what was loaded before stays current.",
        ) from error
