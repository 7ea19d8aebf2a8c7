"""Reads recorded samples from files: answers of the query API, or exposition text.

======================  =========================================================
``.json``, ``.json.gz``  an answer of ``/api/v1/query_range`` or ``/api/v1/query`` to
                        a plain selector, so that series have their metric's name
``.om``, ``.prom``,     OpenMetrics or Prometheus text. Each sample has a time, as
``.txt``, also ``.gz``  ``promtool tsdb dump-openmetrics`` writes it, or the file's
                        name has one: ``node-1_20261124T223830Z.prom``
======================  =========================================================

Source: OpenMetrics 1.0, *Text format* (times in seconds); Prometheus documentation,
*Exposition formats* (times in milliseconds).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from typing import TYPE_CHECKING

from ingest.sources.prometheus.answer import read_answer
from ingest.sources.prometheus.selector import NAME_LABEL, read_labels
from ingest.sources.prometheus.series import (
    MILLISECONDS,
    Series,
    read_value,
    windows_of,
)
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.files import GLOB_CHARACTERS, without_brackets
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.sources.prometheus.selector import Selector
    from ingest.sources.prometheus.series import WindowSeries

ANSWERS = (".json", ".json.gz")
EXPOSITIONS = (".om", ".prom", ".txt", ".om.gz", ".prom.gz", ".txt.gz")

_NAMED_TIME = re.compile(r"(\d{8}T\d{6})Z")
_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>(?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?'
    r"\s+(?P<value>\S+)(?:\s+(?P<time>[-+0-9.eE]+))?\s*"
)
_END = "# EOF"
_EXEMPLAR = " # "


@dataclass(frozen=True, slots=True)
class Recording:
    """A file; ``label`` is its path below the workspace if it lies inside."""

    path: Path
    label: str


class Recordings:
    """Recorded files of a ``path:`` of a source.

    Parameters
    ----------
    pattern : str
        File, folder (searched recursively) or glob, absolute or relative to ``root``.
    root : Path
        Workspace folder.
    source : str
        Name of the source, for messages.
    """

    def __init__(self, pattern: str, *, root: Path, source: str) -> None:
        self._pattern = pattern
        self._root = root
        self._source = source

    def found(self) -> list[Recording]:
        """Return the files, sorted by path.

        Raises
        ------
        FatalSourceError
            The path does not exist.
        """
        return [
            Recording(path, self._label(path))
            for path in sorted(self._search())
            if path.is_file() and path.name.lower().endswith((*ANSWERS, *EXPOSITIONS))
        ]

    def fingerprint(self) -> str:
        """Return a digest of the content of all files."""
        digest = hashlib.sha256()
        for recording in self.found():
            digest.update(recording.label.encode() + b"\n")
            digest.update(bytes.fromhex(FILE_CONTENTS.checksum(recording.path)))
        return digest.hexdigest()

    def series(self) -> tuple[list[Series], list[str]]:
        """Return every recorded series, and the unread parts with the reason.

        Raises
        ------
        MalformedDeliveryError
            A file is cut short, or is neither an answer nor exposition text.
        IncompleteDeliveryError
            A server said of an answer that a part is missing.
        """
        read: list[Series] = []
        notes: list[str] = []
        for recording in self.found():
            try:
                series = _read(recording)
            except (MalformedDeliveryError, IncompleteDeliveryError):
                raise
            except FatalSourceError as error:
                notes.append(f"{recording.label}: {error.what}")
                continue
            named = [one for one in series if one.metric]
            if len(named) < len(series):
                notes.append(
                    f"{recording.label}: {len(series) - len(named)} series without the"
                    " name of a metric; record plain selectors, not functions"
                )
            read += named
        return _same_labels_joined(read), notes

    def _search(self) -> Iterable[Path]:
        path = self._root / self._pattern
        if GLOB_CHARACTERS & set(self._pattern) and not path.exists():
            return self._root.glob(without_brackets(self._pattern))
        if path.is_dir():
            return path.rglob("*")
        if path.is_file():
            return [path]
        raise FatalSourceError(
            f"The path {self._pattern!r} does not exist.",
            where=f"source {self._source!r}",
            next_step="Create it or correct 'path' in triptych.yml.",
        )

    def _label(self, path: Path) -> str:
        if path.is_relative_to(self._root):
            return path.relative_to(self._root).as_posix()
        return str(path)


@dataclass(frozen=True, slots=True)
class RecordedSamples:
    """Samples as they were recorded."""

    all: Sequence[Series]

    def series(self, selector: Selector, *, step_ms: int = 0) -> list[Series]:  # noqa: ARG002
        """Return every recorded sample of the series that are selected."""
        return [series for series in self.all if selector.selects(series.labels)]

    def windows(self, selector: Selector, *, window_ms: int) -> list[WindowSeries]:
        """Return mean and number of recorded samples per window."""
        return windows_of(self.series(selector), window_ms)


def _read(recording: Recording) -> list[Series]:
    text = _text(recording)
    if not recording.path.name.lower().endswith(ANSWERS):
        return list(read_exposition(text, label=recording.label))
    try:
        body = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise MalformedDeliveryError(
            f"The file is no JSON: {reason_of(error)}.",
            where=recording.label,
            next_step="It may have been cut short; record it again.",
        ) from error
    answer = read_answer(body, where=recording.label)
    if answer.shortfalls:
        raise IncompleteDeliveryError(
            f"The server answered only in part: {'; '.join(answer.shortfalls)}.",
            where=recording.label,
            next_step="Record it again when all its stores respond.",
        )
    return list(answer.series)


def _text(recording: Recording) -> str:
    try:
        content = recording.path.read_bytes()
        if recording.path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise MalformedDeliveryError(
            f"The file cannot be read: {reason_of(error)}.",
            where=recording.label,
            next_step="It may have been cut short; record it again.",
        ) from error


def read_exposition(text: str, *, label: str) -> Iterator[Series]:
    """Yield the series of exposition text.

    Parameters
    ----------
    text : str
        OpenMetrics if its last line is ``# EOF``, else Prometheus text.
    label : str
        Name of the file, for messages and for the time of samples without a time.

    Raises
    ------
    MalformedDeliveryError
        A line is no sample, or its time is not given anywhere.
    """
    lines = text.splitlines()
    units = MILLISECONDS if lines and lines[-1].strip() == _END else 1
    named = _NAMED_TIME.search(label.rpartition("/")[2])
    points: defaultdict[tuple[tuple[str, str], ...], list[tuple[int, Decimal | None]]]
    points = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{label}:{number}"
        found = _LINE.fullmatch(line.split(_EXEMPLAR)[0]) or _LINE.fullmatch(line)
        if found is None:
            raise _malformed_line("The line is no sample", where)
        try:
            labels = {NAME_LABEL: found["name"], **read_labels(found["labels"] or "")}
        except ValueError as error:
            raise _malformed_line(str(error), where) from error
        moment = _moment(found["time"], units, named and named[1], where)
        value = read_value(found["value"], where=where)
        points[tuple(sorted(labels.items()))].append((moment, value))
    for identity, samples in points.items():
        yield Series(dict(identity), sorted(samples, key=lambda sample: sample[0]))


def _moment(text: str | None, units: int, named: str | None, where: str) -> int:
    if text is not None:
        try:
            return int((Decimal(text) * units).__round__())
        except InvalidOperation as error:
            raise _malformed_line(f"{text!r} is no time", where) from error
    if named is None:
        raise _malformed_line("Nothing says of which time the samples are", where)
    moment = datetime.strptime(named, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * MILLISECONDS


def _malformed_line(what: str, where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"{what}.",
        where=where,
        next_step="Deliver what 'promtool tsdb dump-openmetrics' writes, or put the"
        " time into the file's name: node-1_20261124T223830Z.prom.",
    )


def _same_labels_joined(series: Iterable[Series]) -> list[Series]:
    """Join the parts of the same series in several files."""
    by_labels: defaultdict[tuple[tuple[str, str], ...], dict[int, Decimal | None]] = (
        defaultdict(dict)
    )
    for one in series:
        known = by_labels[tuple(sorted(one.labels.items()))]
        points = dict(one.points)
        again = [(moment, known[moment]) for moment in known.keys() & points.keys()]
        if len(points) < len(one.points):
            again += one.points
        if any(points[moment] != value for moment, value in again):
            raise MalformedDeliveryError(
                f"A series of {one.metric} has two values at one moment.",
                where=dict(one.labels).get("instance", one.metric),
                next_step="Record each server into a folder of its own.",
            )
        known.update(points)
    return [
        Series(dict(labels), sorted(points.items(), key=itemgetter(0)))
        for labels, points in sorted(by_labels.items())
    ]
