"""Recorded questions to Railway's API and their answers, in place of the API.

All GraphQL queries go to a single address, so an answer alone does not show its query.
A recording is JSON Lines, an exchange per line: the operation and its variables as they
were sent, the body as it came, and the time:

    {"operationName": "Usage", "variables": {…}, "answered_at": "…Z", "answer": {…}}
"""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any

from ingest.sources.railway.periods import to_moment
from ingest.storage.files import LocalFiles, open_text
from triptych.core.errors import FatalSourceError, MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from ingest.connector import Finding
    from ingest.sources.railway.periods import Period
    from ingest.storage.files import LocalFile

EXCHANGES = (".jsonl", ".jsonl.gz")


class RailwayRecordings:
    """Exchanges below a path; answers the queries that were recorded.

    Parameters
    ----------
    pattern : str
        File, folder or glob, absolute or relative to ``root``.
    root : Path
        Workspace folder.
    source : str
        Name of the source, for messages.
    """

    def __init__(self, pattern: str, *, root: Path, source: str) -> None:
        self._source = source
        self._pattern = pattern
        self._files = LocalFiles(pattern, root=root, source=source, suffixes=EXCHANGES)
        self._lock = Lock()
        self._answers: dict[str, Any] | None = None
        self._moments: list[datetime] = []
        self._usage_ranges: set[tuple[datetime, datetime]] = set()

    def check(self) -> list[Finding]:
        """Report the number of files."""
        return self._files.check()

    def fingerprint(self) -> str:
        """Return a text that changes with any of the files."""
        told = [f"{file.relative} {file.fingerprint}" for file in self._files.found()]
        return "\n".join(told)

    @property
    def answered_at(self) -> datetime:
        """Return when the last answer was recorded, which is its present."""
        self._read()
        if not self._moments:
            raise FatalSourceError(
                "The recording holds no exchange.",
                where=f"source {self._source!r}",
                next_step=f"Record into {self._pattern}, or remove 'path'.",
            )
        return max(self._moments)

    @property
    def since(self) -> datetime:
        """Return the start of the first range of which usage was asked."""
        self._read()
        starts = (start for start, _ in self._usage_ranges)
        return min(starts, default=self.answered_at)

    def has_usage_of(self, period: Period) -> bool:
        """Return True if usage was requested for exactly this range of time."""
        self._read()
        return (period.start, period.end) in self._usage_ranges

    def post_json(self, path: str, *, body: Mapping[str, Any]) -> Any:  # noqa: ANN401, ARG002
        """Return the recorded answer to the same query.

        Raises
        ------
        FatalSourceError
            It was not asked when this was recorded.
        """
        question = _question(body)
        answers = self._read()
        if question not in answers:
            raise FatalSourceError(
                f"There is no recorded answer to {question}.",
                where=f"source {self._source!r}",
                next_step="Record again with the options of today: prices decide what"
                " is asked of usage, 'window_seconds' what of requests.",
            )
        return answers[question]

    def close(self) -> None:
        """Keep the read exchanges: a recording is read once per run."""

    def _read(self) -> dict[str, Any]:
        with self._lock:
            if self._answers is None:
                self._answers = dict(
                    exchange
                    for file in self._files.found()
                    for exchange in self._of(file)
                )
            return self._answers

    def _of(self, file: LocalFile) -> Iterator[tuple[str, Any]]:
        try:
            with open_text(file.path) as text:
                for number, line in enumerate(text, start=1):
                    if line.strip():
                        yield self._exchange(line, f"{file.label}:{number}")
        except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
            raise _unreadable(error, file.label) from error

    def _exchange(self, line: str, where: str) -> tuple[str, Any]:
        try:
            exchange = json.loads(line, parse_float=Decimal)
            question, answer = _question(exchange), exchange["answer"]
            moment = to_moment(exchange["answered_at"], where=where)
            is_usage = exchange["operationName"] == "Usage"
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _unreadable(error, where) from error
        self._moments.append(moment)
        if is_usage:
            start, end = (
                to_moment(exchange["variables"].get(name), where=where)
                for name in ("startDate", "endDate")
            )
            self._usage_ranges.add((start, end))
        return question, answer


def _question(exchange: Mapping[str, Any]) -> str:
    variables = json.dumps(exchange["variables"], sort_keys=True, default=str)
    return f"{exchange['operationName']} of {variables}"


def _unreadable(error: Exception, where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It is no recorded exchange ({reason_of(error)}).",
        where=where,
        next_step="Record it again; what was loaded before stays current.",
    )
