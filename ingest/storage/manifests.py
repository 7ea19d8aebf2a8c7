"""Billing months described by a manifest, from any writer.

Only files that the newest manifest of a month names count: a glob over the same place
would count superseded runs, leftovers and half a delivery. A month is read whole or not
at all, and read again from the start when it is overwritten meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.storage.object_errors import ObjectChangedError, ObjectMissingError
from triptych.core.errors import (
    IncompleteDeliveryError,
    MalformedDeliveryError,
    TransientSourceError,
    TriptychError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ingest.connector import FileFormat
    from ingest.storage.objects import ObjectStore, StoredObject

_READ_ATTEMPTS = 3
_MAX_MANIFEST_BYTES = 64 * 1024 * 1024
_KEPT = "What was loaded before stays current."


@dataclass(frozen=True, slots=True)
class ManifestedMonth:
    """Billing month as its newest manifest describes it.

    ``row_counts`` are those the manifest announces, a count per file, where it does.
    ``problem`` is the reason that the month cannot be read; it is raised when the month
    is read, so that a broken month does not keep the others out. ``skip_reason`` is the
    reason that it is not to be read although it could be.
    """

    period: str
    stream: str
    manifest: StoredObject
    files: tuple[StoredObject, ...] = ()
    row_counts: tuple[int | None, ...] = ()
    problem: TriptychError | None = None
    skip_reason: str = ""

    @property
    def fingerprint(self) -> str:
        """Return a digest of the manifest's ETag and those of all it names."""
        lines = [self.manifest.etag, str(self.problem or "")]
        lines += sorted(f"{file.key}\t{file.etag}\t{file.size}" for file in self.files)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class ManifestReader:
    """Reads manifests, and the months that they describe.

    Parameters
    ----------
    store : ObjectStore
        Store of manifests and data.
    vendor : str
        Writer of the manifests, for messages.
    """

    def __init__(self, store: ObjectStore, *, vendor: str) -> None:
        self._store = store
        self._vendor = vendor

    def parsed(self, manifest: StoredObject) -> dict[str, object]:
        """Return the content of a manifest.

        Raises
        ------
        MalformedDeliveryError
            It is not a JSON object, or too large to be a manifest.
        """
        if manifest.size > _MAX_MANIFEST_BYTES:
            raise self.malformed("is too large to be a manifest", manifest)
        try:
            content = json.loads(self._store.read_bytes(manifest).decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise self.malformed("is not JSON", manifest) from None
        if not isinstance(content, dict):
            raise self.malformed("is not a JSON object", manifest)
        return content

    def named_files(
        self, keys: Iterable[str], manifest: StoredObject
    ) -> tuple[StoredObject, ...]:
        """Return the objects of these keys, each once, in order.

        Raises
        ------
        IncompleteDeliveryError
            An object is missing, or has zero bytes.
        """
        wanted = dict.fromkeys(keys)
        folders = dict.fromkeys(key.rpartition("/")[0] for key in wanted)
        present = {
            stored.key: stored
            for folder in folders
            for stored in self._store.list_objects(f"{folder}/" if folder else "")
            if stored.key in wanted
        }
        for key in wanted:
            stored = present.get(key)
            if stored is None:
                raise self.incomplete(f"is missing: {self._store.uri(key)}", manifest)
            if not stored.size:
                what = f"is empty (zero bytes): {self._store.uri(key)}"
                raise self.incomplete(what, manifest)
        return tuple(present[key] for key in wanted)

    def fetch(
        self,
        month: ManifestedMonth,
        workdir: Path,
        *,
        renew: Callable[[ManifestedMonth], ManifestedMonth],
    ) -> tuple[ManifestedMonth, list[Path]]:
        """Fetch a month; begin again when it is overwritten meanwhile.

        Data files are written first and the manifest last, so a month that is the same
        before and after the download is of a single run.

        Raises
        ------
        TransientSourceError
            It was overwritten again and again.
        """
        for attempt in range(_READ_ATTEMPTS):
            if month.problem:
                raise month.problem
            try:
                folder = workdir / str(attempt)
                paths = self._store.fetch(month.files, folder=folder)
            except (ObjectChangedError, ObjectMissingError):
                month = renew(month)
                continue
            after = renew(month)
            if after.fingerprint == month.fingerprint:
                return month, paths
            month = after
        raise self._overwritten(month)

    def each(
        self,
        month: ManifestedMonth,
        workdir: Path,
        *,
        renew: Callable[[ManifestedMonth], ManifestedMonth],
    ) -> Iterator[tuple[StoredObject, Path]]:
        """Yield the files of a month singly; the reader removes files it read.

        Raises
        ------
        TransientSourceError
            The month was overwritten meanwhile.
        """
        if month.problem:
            raise month.problem
        try:
            for number, file in enumerate(month.files):
                (path,) = self._store.fetch([file], folder=workdir / str(number))
                yield file, path
        except (ObjectChangedError, ObjectMissingError) as error:
            raise self._overwritten(month) from error
        if renew(month).fingerprint != month.fingerprint:
            raise self._overwritten(month)

    def _overwritten(self, month: ManifestedMonth) -> TransientSourceError:
        return TransientSourceError(
            "The month was overwritten each time it was being read.",
            where=self._store.uri(month.manifest.key),
            next_step=f"{_KEPT} Run again once {self._vendor} has finished the"
            " delivery.",
        )

    def malformed(
        self, what: str, manifest: StoredObject, next_step: str = ""
    ) -> MalformedDeliveryError:
        """Return the error for a manifest that cannot be understood."""
        return MalformedDeliveryError(
            f"The manifest {what}.",
            where=self._store.uri(manifest.key),
            next_step=next_step or _KEPT,
        )

    def incomplete(self, what: str, manifest: StoredObject) -> IncompleteDeliveryError:
        """Return the error for a data file that is not there, or not whole."""
        return IncompleteDeliveryError(
            f"A data file that the manifest names {what}.",
            where=self._store.uri(manifest.key),
            next_step=f"{_KEPT} Wait until {self._vendor} has delivered the month,"
            " or complete the copy, and run again.",
        )

    def disappeared(self, month: ManifestedMonth) -> IncompleteDeliveryError:
        """Return the error for a manifest that was there a moment ago."""
        return IncompleteDeliveryError(
            "The manifest has disappeared.",
            where=self._store.uri(month.manifest.key),
            next_step=f"Wait until {self._vendor} has delivered the month, and run"
            " again.",
        )


def format_of(key: str) -> FileFormat | None:
    """Return the format that a data file's name promises; ``None`` if unknown."""
    name = key.lower()
    if name.endswith(".parquet"):
        return "parquet"
    return "csv" if name.endswith((".csv", ".csv.gz")) else None
