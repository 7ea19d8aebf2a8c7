"""Evidence that stays where the provider delivered it, and whether it still does.

A file in place is an address, with its attributes when it was catalogued: its size, its
version and the checksum of its bytes. Nobody but its owner keeps it from changing, so
readers compare first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

#: Beginning of an object's address, as S3 names it.
BUCKET_SCHEME = "s3://"

_REFUSAL_BEGINS = "The line items of source"


@dataclass(frozen=True, slots=True)
class FileInPlace:
    """An object of a bucket (``s3://…``) or a file (absolute path).

    ``version`` changes whenever the content may have changed: the ETag of an object,
    the times of a file. ``checksum`` is the SHA-256 of its bytes [hex].
    """

    uri: str
    byte_count: int
    version: str
    checksum: str


@dataclass(frozen=True, slots=True)
class CataloguedFile:
    """A file in place that belongs to a current load."""

    source: str
    label: str
    file: FileInPlace


def is_in_place(file: str) -> bool:
    """Return True if a file of a load lies outside of the lake."""
    return is_in_bucket(file) or file.startswith("/")


def is_in_bucket(file: str) -> bool:
    """Return True if a file of a load is an object of a bucket."""
    return file.startswith(BUCKET_SCHEME)


def in_bucket_refusal(source: str) -> str:
    """Explain why the embedded engine does not read a source."""
    return (
        f"{_REFUSAL_BEGINS} {source!r} stay in its bucket, and only Spark reads there;"
        " the published figures are complete without them."
    )


def refusal_in(message: str) -> str | None:
    """Return the :func:`in_bucket_refusal` within an engine's message, if any."""
    start = message.find(_REFUSAL_BEGINS)
    return message[start:].splitlines()[0] if start >= 0 else None


def current_files_in_place(
    catalogue: duckdb.DuckDBPyConnection,
) -> list[CataloguedFile]:
    """Return the files in place of all current loads.

    Parameters
    ----------
    catalogue : duckdb.DuckDBPyConnection
        Open ``raw.duckdb``.
    """
    rows = catalogue.execute(
        "SELECT source, label, uri, files.byte_count, version, checksum"
        " FROM catalogue.files_in_place AS files"
        " JOIN catalogue.loads USING (load_id)"
        " WHERE status = 'current' ORDER BY source, load_id, uri"
    ).fetchall()
    return [
        CataloguedFile(source, label, FileInPlace(*file))
        for source, label, *file in rows
    ]


def file_version(path: Path) -> str:
    """Return the times of a file that any write to it changes.

    A copy may keep the time of modification; the time of change it cannot keep.
    """
    status = path.stat()
    return f"{status.st_mtime_ns}:{status.st_ctime_ns}"


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes [hex]."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def why_file_differs(file: FileInPlace) -> str | None:
    """Describe a local file's change since cataloguing; ``None`` if unchanged.

    Its bytes are read only where its times differ.
    """
    path = Path(file.uri)
    if not path.is_file():
        return "is gone"
    if path.stat().st_size != file.byte_count:
        return "was changed"
    if file_version(path) == file.version or file_checksum(path) == file.checksum:
        return None
    return "was changed"


def first_difference(files: Iterable[FileInPlace]) -> tuple[FileInPlace, str] | None:
    """Return the first local file that differs, and how; objects are not looked at."""
    for file in files:
        if not is_in_bucket(file.uri) and (reason := why_file_differs(file)):
            return file, reason
    return None
