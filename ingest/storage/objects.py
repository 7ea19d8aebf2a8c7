"""Objects as a connector sees them, wherever they are stored.

A connector lists the direct children of a prefix, never a whole bucket, and fetches the
objects it names. Here is the folder that represents a bucket;
:mod:`ingest.storage.s3_objects` holds the bucket itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.object_errors import ObjectMissingError
from triptych.core.errors import FatalSourceError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was listed.

    ``etag`` changes whenever the content may have changed; ``modified_at`` is UTC.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime


class ObjectStore(Protocol):
    """Interface of a place that holds objects, as connectors need it."""

    @property
    def is_local(self) -> bool:
        """Return True if objects are the user's own files: copied, never moved."""

    def uri(self, key: str) -> str:
        """Return the name in messages of the object or prefix ``key``."""

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``, sorted."""

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects directly below ``prefix``; none if it does not exist."""

    def list_tree(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects below ``prefix``: for places known to hold few."""

    def read_bytes(self, stored: StoredObject) -> bytes:
        """Return the content of a small object, as it was listed."""

    def probe(self, stored: StoredObject) -> None:
        """Raise a fetch's error for a missing permission; reads no data."""

    def fetch(self, objects: Sequence[StoredObject], *, folder: Path) -> list[Path]:
        """Bring the objects to local disk, whole and proven, in the order given."""


class LocalObjects:
    """A folder that holds a copy of a bucket.

    Parameters
    ----------
    base : Path
        Folder that represents the bucket.
    root : Path, optional
        The workspace: files inside are named by their path below it.
    """

    is_local = True

    def __init__(self, base: Path, root: Path | None = None) -> None:
        self._base = base
        self._root = root

    def uri(self, key: str) -> str:
        """Return the path, below the workspace where it lies inside."""
        path = self._base / key
        if self._root is not None and path.is_relative_to(self._root):
            path = path.relative_to(self._root)
        return str(path)

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``, sorted.

        Raises
        ------
        FatalSourceError
            The folder that represents the bucket does not exist.
        """
        if not self._base.is_dir():
            raise FatalSourceError(
                "The folder does not exist.",
                where=str(self._base),
                next_step="Create it or correct 'path' in triptych.yml.",
            )
        return sorted(entry.name for entry in self._entries(prefix) if entry.is_dir())

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the files directly below ``prefix``; none if it does not exist."""
        for entry in sorted(self._entries(prefix)):
            if entry.is_file():
                yield self._stored(entry)

    def list_tree(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all files below ``prefix``; none if it does not exist."""
        for entry in sorted(self._entries(prefix)):
            if entry.is_file():
                yield self._stored(entry)
            elif not entry.is_symlink():
                yield from self.list_tree(entry.relative_to(self._base).as_posix())

    def read_bytes(self, stored: StoredObject) -> bytes:
        """Return the content of a file."""
        self.probe(stored)
        return (self._base / stored.key).read_bytes()

    def probe(self, stored: StoredObject) -> None:
        """Raise if the file is gone or may not be read."""
        path = self._base / stored.key
        if not path.is_file():
            raise ObjectMissingError(
                "The file does not exist.",
                where=str(path),
                next_step="Put it back, or correct the source in triptych.yml.",
            )
        if not os.access(path, os.R_OK):
            raise _unreadable(path)

    def fetch(
        self,
        objects: Sequence[StoredObject],
        *,
        folder: Path,  # noqa: ARG002
    ) -> list[Path]:
        """Return the files where they lie."""
        for stored in objects:
            self.probe(stored)
        return [self._base / stored.key for stored in objects]

    def _stored(self, path: Path) -> StoredObject:
        status = path.stat()
        return StoredObject(
            key=path.relative_to(self._base).as_posix(),
            size=status.st_size,
            etag=FILE_CONTENTS.fingerprint(path),
            modified_at=datetime.fromtimestamp(status.st_mtime, tz=UTC),
        )

    def _entries(self, prefix: str) -> list[Path]:
        folder = self._base / prefix
        try:
            return list(folder.iterdir()) if folder.is_dir() else []
        except PermissionError:
            raise _unreadable(folder) from None


def _unreadable(path: Path) -> SourceAccessError:
    return SourceAccessError(
        "The file system does not allow to read it.",
        where=str(path),
        next_step="Give the user that runs triptych permission to read it.",
    )
