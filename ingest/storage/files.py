"""Lists local data files for connectors that read a file, a folder or a glob."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zlib
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import TYPE_CHECKING

from ingest.connector import FileFormat, Finding, RestingPlace
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.workbooks import find_sheet, is_workbook, open_workbook
from triptych.core.errors import FatalSourceError, MalformedDeliveryError
from triptych.core.lake.in_place import file_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

#: More of a line than any header has; more is read of none. The engine has the same.
LONGEST_LINE = 2_000_000
_LOOKED_AT_RECORDS = 20
_FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".xlsx": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
}
#: Characters that make a path of the settings a pattern; brackets are letters like
#: others, for copies of files are called ``bill[1].csv``.
GLOB_CHARACTERS = frozenset("*?")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A data file of a source.

    ``relative`` is its path below the source's folder, which identifies it over
    time; ``label`` is its path below the workspace where it lies inside.
    """

    path: Path
    relative: str
    label: str

    @property
    def fingerprint(self) -> str:
        """Return a digest of the content; cheap where the file was not written to."""
        return FILE_CONTENTS.fingerprint(self.path)

    @property
    def byte_count(self) -> int | None:
        """Return its size; ``None`` if that cannot be had."""
        try:
            return self.path.stat().st_size
        except OSError:
            return None

    @property
    def place(self) -> RestingPlace:
        """Return where it stays if it is not copied."""
        return RestingPlace(str(self.path.absolute()), file_version(self.path))

    def fetch(self, workdir: Path) -> Path:  # noqa: ARG002  (nothing to download)
        """Return the file itself."""
        return self.path


class LocalFiles:
    """Files of a ``path:`` of a source.

    Parameters
    ----------
    pattern : str
        File, folder (searched recursively) or glob, absolute or relative to
        ``root``.
    root : Path
        Workspace folder.
    source : str
        Name of the source, for messages.
    suffixes : collection of str
        Suffixes of the names of data files.
    """

    def __init__(
        self,
        pattern: str,
        *,
        root: Path,
        source: str,
        suffixes: Collection[str] = tuple(_FORMATS),
    ) -> None:
        self._pattern = pattern
        self._root = root
        self._source = source
        self._suffixes = suffixes

    def found(self) -> list[LocalFile]:
        """Return the data files, sorted by path.

        Raises
        ------
        FatalSourceError
            The path does not exist.
        """
        base, found = self._search()
        return [
            LocalFile(path, _told(path.relative_to(base)), self._label(path))
            for path in sorted(found)
            if path.is_file() and self._is_data(path, base)
        ]

    def check(self) -> list[Finding]:
        """Check whether the path exists and holds data files."""
        try:
            files = self.found()
        except FatalSourceError as error:
            return [Finding(False, error.what, error.next_step)]
        if files:
            return [Finding(True, f"{len(files)} data files in {self._pattern}")]
        return [
            Finding(
                False,
                f"No data file in {self._pattern}.",
                f"Put files there that end in {', '.join(self._suffixes)}.",
                is_empty=True,
            )
        ]

    @staticmethod
    def format_of(path: Path) -> FileFormat:
        """Return the format that a file's name promises."""
        return format_of_name(path.name)

    def _search(self) -> tuple[Path, Iterator[Path]]:
        pattern = self._pattern
        path = self._root / pattern
        if GLOB_CHARACTERS & set(pattern) and not _is_there(path):
            fixed = []
            for segment in pattern.split("/"):
                if GLOB_CHARACTERS & set(segment):
                    break
                fixed.append(segment)
            base = self._root / ("/".join(fixed) or ("/" if pattern[0] == "/" else "."))
            rest = "/".join(pattern.split("/")[len(fixed) :])
            return base, base.glob(without_brackets(rest))
        if _is_there(path) and path.is_dir():
            return path, path.rglob("*")
        if _is_there(path) and path.is_file():
            return path.parent, iter([path])
        raise FatalSourceError(
            f"The path {pattern!r} does not exist.",
            where=f"source {self._source!r}",
            next_step="Create it or correct 'path' in triptych.yml.",
        )

    def _is_data(self, path: Path, base: Path) -> bool:
        hidden = any(
            part.startswith((".", "~$")) for part in path.relative_to(base).parts
        )
        known = any(path.name.lower().endswith(suffix) for suffix in self._suffixes)
        return known and not hidden

    def _label(self, path: Path) -> str:
        if path.is_relative_to(self._root):
            return _told(path.relative_to(self._root))
        return _told(path)


def _is_there(path: Path) -> bool:
    """Return True if a path exists; a path too long for a name does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _told(path: Path) -> str:
    """Return a path as text, with bytes of its name that are no UTF-8 escaped."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def without_brackets(pattern: str) -> str:
    """Return a pattern in which brackets mean themselves."""
    return pattern.replace("[", "[[]")


def is_data_file(name: str) -> bool:
    """Return True if a name has the suffix of a data file."""
    return name.lower().endswith(tuple(_FORMATS))


def format_of_name(name: str) -> FileFormat:
    """Return the format that the name of a data file promises."""
    return next(
        format_ for suffix, format_ in _FORMATS.items() if name.lower().endswith(suffix)
    )


def column_names(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8"
) -> list[str]:
    """Return the column names of a data file; empty if unreadable.

    Only the header is read, of JSON Lines the first records. The fault of an unreadable
    file is reported when it is landed, with all that is known then.
    """
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return _parquet_names(path)
        if is_workbook(path):
            return list(find_sheet(path).columns.values())
        if is_data_file(name) and format_of_name(name) == "jsonl":
            return _record_names(path)
        with open_text(path, encoding=encoding) as text:
            first = text.readline(LONGEST_LINE)
            return next(csv.reader([first], delimiter=delimiter), [])
    except (OSError, EOFError, ValueError, RecursionError, csv.Error, zlib.error):
        return []
    except MalformedDeliveryError:
        return []


def _record_names(path: Path) -> list[str]:
    """Return the names in the first records of JSON Lines: a record may lack some."""
    names: dict[str, None] = {}
    with open_text(path) as text:
        lines = iter(lambda: text.readline(LONGEST_LINE), "")
        for line in islice(filter(str.strip, lines), _LOOKED_AT_RECORDS):
            record = json.loads(line)
            if isinstance(record, dict):
                names |= dict.fromkeys(record)
    return list(names)


def _parquet_names(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowException:
        return []


def distinct_names(names: Sequence[str], reserved: Collection[str] = ()) -> list[str]:
    """Return column names that differ by more than their case, as an engine needs.

    ``user:Team`` beside ``user:team`` becomes ``user:team_1``. So does a name that is
    reserved; those are given in lower case.
    """
    taken = set(reserved)
    distinct = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        free = next(t for t in chain([name], numbered) if t.casefold() not in taken)
        taken.add(free.casefold())
        distinct.append(free)
    return distinct


def distinct_file_names(names: Iterable[str]) -> list[str]:
    """Return file names that differ: a second ``part.csv`` is ``part_2.csv``."""
    distinct: list[str] = []
    for name in names:
        stem, dot, suffix = name.partition(".")
        numbered = (f"{stem}_{number}{dot}{suffix}" for number in count(2))
        distinct.append(next(n for n in chain([name], numbered) if n not in distinct))
    return distinct


def open_text(path: Path, *, encoding: str = "utf-8") -> io.TextIOWrapper:
    """Open a text file, compressed or not, without its byte order mark.

    The table of a workbook is opened as CSV.
    """
    if is_workbook(path):
        return open_workbook(path)
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    if path.suffix.lower() == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")
