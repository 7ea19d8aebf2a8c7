"""Lists data files in a bucket for connectors that read a file, a folder or a glob.

Counterpart for buckets of :mod:`ingest.storage.files` for a disk:
``s3://bucket/folder`` is searched recursively, and a glob has the same meaning as
there.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from ingest.connector import Finding, RestingPlace
from ingest.storage.files import GLOB_CHARACTERS, is_data_file, without_brackets
from triptych.core.errors import FatalSourceError, TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.storage.objects import StoredObject
    from ingest.storage.s3_objects import S3Objects

_ADDRESS = re.compile(r"s3[an]?://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A bucket, and the object, folder or glob in it that is meant."""

    bucket: str
    pattern: str

    @staticmethod
    def parsed(text: str) -> BucketAddress | None:
        """Return the address that ``text`` is; ``None`` if it is a local path."""
        match = _ADDRESS.fullmatch(text)
        return BucketAddress(match["bucket"], match["key"] or "") if match else None

    @property
    def prefix(self) -> str:
        """Return the part before the first segment with a wildcard."""
        segments = self.pattern.split("/")
        plain = takewhile(lambda part: not GLOB_CHARACTERS & set(part), segments)
        return "/".join(plain)

    def matches(self, key: str) -> bool:
        """Return True if an object is selected."""
        if self.prefix == self.pattern:
            folder = self.pattern.rstrip("/")
            return not folder or key == folder or key.startswith(f"{folder}/")
        return re.fullmatch(_expression(self.pattern), key) is not None


@dataclass(frozen=True, slots=True)
class BucketFile:
    """A data file of a source; ``relative`` identifies it over time."""

    store: S3Objects
    stored: StoredObject
    relative: str

    @property
    def label(self) -> str:
        """Return its address."""
        return self.store.uri(self.stored.key)

    @property
    def fingerprint(self) -> str:
        """Return a text that changes with any rewrite."""
        return f"{self.stored.size}:{self.stored.etag}"

    @property
    def place(self) -> RestingPlace:
        """Return where it stays if it is not copied."""
        return RestingPlace(self.label, self.stored.etag)

    def fetch(self, workdir: Path) -> Path:
        """Download it below ``workdir``."""
        return self.store.fetch([self.stored], folder=workdir)[0]


class BucketFiles:
    """Objects of a ``path: s3://…`` of a source.

    Parameters
    ----------
    store : S3Objects
        The bucket.
    address : BucketAddress
        Selection within it.
    """

    def __init__(self, store: S3Objects, address: BucketAddress) -> None:
        self._store = store
        self._address = address

    def found(self) -> list[BucketFile]:
        """Return the data files, sorted by key.

        Raises
        ------
        FatalSourceError
            There is no such object.
        """
        found = list(self._matching())
        if not found:
            raise FatalSourceError(
                "There is no data file.",
                where=self._store.uri(self._address.pattern),
                next_step="Put Parquet or CSV files there, or correct 'path' in"
                " triptych.yml.",
            )
        return found

    def check(self) -> list[Finding]:
        """Check whether there are data files, and whether any can be read."""
        try:
            files = self.found()
            self._store.probe(files[0].stored)
        except TriptychError as error:
            return [Finding.of(error)]
        place = self._store.uri(self._address.pattern)
        return [Finding(True, f"{len(files)} data files in {place}")]

    def _matching(self) -> Iterator[BucketFile]:
        prefix = self._address.prefix
        base = f"{prefix.rstrip('/')}/" if prefix else ""
        listed = list(self._store.list_tree(prefix))
        literal = [stored for stored in listed if stored.key == self._address.pattern]
        for stored in literal or listed:
            is_meant = bool(literal) or self._address.matches(stored.key)
            if is_meant and _is_data(stored, base):
                # A path that is a single object has no folder below which it lies.
                is_below = stored.key.startswith(base)
                name = stored.key[len(base) :] if is_below else _name(stored.key)
                yield BucketFile(self._store, stored, name)


def _name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def _is_data(stored: StoredObject, base: str) -> bool:
    below = stored.key.removeprefix(base).split("/")
    is_hidden = any(part.startswith(".") for part in below)
    return stored.size > 0 and not is_hidden and is_data_file(stored.key)


def _expression(pattern: str) -> str:
    """Return a glob as a regular expression: only ``**`` spans folders."""
    segments = [
        "(?:[^/]+/)*" if part == "**" else f"{_segment(part)}/"
        for part in pattern.split("/")
    ]
    return "".join(segments).removesuffix("/")


def _segment(pattern: str) -> str:
    inner = (
        fnmatch.translate(without_brackets(pattern))
        .removeprefix("(?s:")
        .removesuffix(r")\Z")
    )
    return inner.replace(".*", "[^/]*")
