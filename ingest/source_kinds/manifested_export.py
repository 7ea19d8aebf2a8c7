"""Base for sources that read file exports listed in a manifest.

Only files that the manifest of a billing month names count. A month is offered again
when its manifest or an object named there changes, and it is downloaded whole or not at
all.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from ingest.connector import ConfigT, Delivery, FilePart, Source, Window
from ingest.storage.manifests import ManifestedMonth, ManifestReader, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.connector import LandingOptions
    from ingest.storage.objects import ObjectStore


class ManifestedExport(Source[ConfigT]):
    """Export of a vendor, a delivery per billing month.

    Parameters
    ----------
    config : SourceConfig
        The options of the type.
    root : pathlib.Path
        The workspace, to which a copy on disk is relative.
    """

    vendor: ClassVar[str]

    def __init__(self, config: ConfigT, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._store: ObjectStore = self._opened(root)
        self._manifests = ManifestReader(self._store, vendor=self.vendor)
        segments = (segment.strip("/") for segment in self._folders)
        self._base = "/".join(segment for segment in segments if segment)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every billing month inside the window, oldest first.

        Raises
        ------
        FatalSourceError
            There is no manifest at all: the export's place is wrong, or the vendor has
            not delivered yet.
        """
        for month in self._months(window):
            yield Delivery(
                stream=month.stream,
                scope=f"{self._scope}/{month.period}",
                period=month.period,
                fingerprint=f"{self._reading_of(month)}{month.fingerprint}",
                label=self._store.uri(month.manifest.key),
                detail=month,
                skip_reason=month.skip_reason,
                is_in_place=self._is_in_place,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Yield the files of a month, all of a single vendor delivery.

        Raises
        ------
        IncompleteDeliveryError
            The manifest names an object that is missing, empty or cut short.
        MalformedDeliveryError
            The manifest cannot be understood, or a file is of another kind.
        TransientSourceError
            The month was overwritten again and again while it was being read.
        """
        month = delivery.detail
        assert isinstance(month, ManifestedMonth)  # noqa: S101
        month, paths = self._manifests.fetch(month, workdir, renew=self._renewed)
        counts = month.row_counts or (None,) * len(paths)
        for file, path, count in zip(month.files, paths, counts, strict=True):
            uri = self._store.uri(file.key)
            yield FilePart(
                path,
                format_of(file.key) or "csv",
                uri,
                is_owned=not self._store.is_local,
                landing=self._landing_of(month, path, uri),
                row_count=count,
            )

    def _renewed(self, month: ManifestedMonth) -> ManifestedMonth:
        """Return a month as it is now."""
        first = date.fromisoformat(f"{month.period}-01")
        after = self._months(Window(first, first + timedelta(days=1)))
        if not after:
            raise self._manifests.disappeared(month)
        return after[0]

    _is_in_place: bool = False

    @abstractmethod
    def _opened(self, root: Path) -> ObjectStore:
        """Return the store in which the export lies."""

    @property
    @abstractmethod
    def _folders(self) -> Sequence[str]:
        """The path of the export in its store."""

    @property
    @abstractmethod
    def _scope(self) -> str:
        """The export's name, as scopes have it."""

    @abstractmethod
    def _reading_of(self, month: ManifestedMonth) -> str:
        """Return a value that changes when a month is read in another way."""

    @abstractmethod
    def _months(self, window: Window) -> list[ManifestedMonth]:
        """Return the months inside the window, oldest first."""

    @abstractmethod
    def _landing_of(
        self, month: ManifestedMonth, path: Path, uri: str
    ) -> LandingOptions | None:
        """Return the landing options for a file of a month."""
