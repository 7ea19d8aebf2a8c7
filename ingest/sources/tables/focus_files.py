"""Any vendor's FOCUS 1.0 to 1.4 files: CSV, CSV.gz or Parquet, on disk or in a bucket.

Versions may be mixed in the same folder: columns are recognised by name, regardless of
the version that brought them, and columns that a file lacks are recorded, not guessed.
Each file is a separate delivery; a file that changes supersedes its earlier content. A
file that disappears stays loaded: a drop folder that is emptied must not empty the
ledger.

A bill in its provider's own columns is known by its header and read in its native
format: a Cost and Usage Report of AWS, cost details of Azure, the usage cost export of
Google. So a folder takes any bill that somebody was sent.

Source: FOCUS specification, dataset Cost and Usage, versions 1.0 to 1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import Delivery, FilePart, Finding, LandingOptions, Source, Window
from ingest.engine.in_place import (
    BucketSourceConfig,
    open_bucket,
    refuse_unless_parquet,
    unambiguous,
)
from ingest.notation import Notation
from ingest.reading.text_options import (
    DeclaredDates,
    DeclaredDecimal,
    Delimiter,
    EngineEncoding,
)
from ingest.sources.tables.bill_formats import (
    READING_VERSION,
    format_of_header,
    other_dataset,
)
from ingest.storage.bucket_files import BucketAddress, BucketFile, BucketFiles
from ingest.storage.files import LocalFile, LocalFiles, column_names, format_of_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.sources.tables.bill_formats import BillFormat


class FocusFilesConfig(BucketSourceConfig):
    """Options of a ``focus_files`` source."""

    path: str = Field(
        description="File, folder or glob, relative to the workspace, or in a bucket:"
        " s3://bucket/folder."
    )
    delimiter: Delimiter = ","
    encoding: EngineEncoding = "utf-8"
    decimal: DeclaredDecimal = None
    dates: DeclaredDates = None
    mapping: dict[str, str] = Field(
        default_factory=dict,
        description="FOCUS column → delivered column or SQL expression over them.",
    )
    defaults: dict[str, str] = Field(
        default_factory=dict,
        description="FOCUS column → value for files that do not have the column.",
    )

    @property
    def is_in_bucket(self) -> bool:
        """Return True if the files lie in a bucket."""
        return BucketAddress.parsed(self.path) is not None


class FocusFiles(Source[FocusFilesConfig]):
    """Reads FOCUS files from disk or from a bucket."""

    type: ClassVar[str] = "focus_files"

    def __init__(self, config: FocusFilesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._native_streams: set[str] = set()
        address = BucketAddress.parsed(config.path)
        self._files: LocalFiles | BucketFiles = (
            LocalFiles(config.path, root=root, source=config.name)
            if address is None
            else BucketFiles(open_bucket(address.bucket, config), address)
        )

    def streams(self) -> Sequence[str]:
        """Return FOCUS, and the streams of the native bills that were found."""
        return ("focus", *sorted(self._native_streams))

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return the declared mapping and defaults."""
        return LandingOptions(
            self._config.mapping,
            self._config.defaults,
            Notation(self._config.decimal, self._config.dates),
        )

    def probe(self) -> Iterator[Finding]:
        """Check whether there is anything to read."""
        yield from self._files.check()

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each file; the window does not apply, files know no period."""
        for file in self._files.found():
            native = self._native(file)
            # Another way to read a native bill makes it new.
            reading = f"{native.name} {READING_VERSION}:" if native else ""
            if native and native.stream != "focus":
                self._native_streams.add(native.stream)
            yield Delivery(
                stream=native.stream if native else "focus",
                scope=file.relative,
                period="all",
                fingerprint=f"{reading}{file.fingerprint}",
                label=file.label,
                detail=file,
                skip_reason=_other_dataset(file),
                is_in_place=self._config.in_place,
                byte_count=_size(file) if native is None else None,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Yield the file itself, or the download of an object."""
        file = delivery.detail
        assert isinstance(file, LocalFile | BucketFile)  # noqa: S101
        if native := self._native(file):
            yield native.part(file.fetch(workdir), label=file.label, workdir=workdir)
            return
        file_format = format_of_name(file.relative)
        place = None
        if self._config.in_place:
            refuse_unless_parquet(file_format, file.label)
            place = unambiguous(file.place)
        yield FilePart(
            file.fetch(workdir),
            file_format,
            file.label,
            is_owned=isinstance(file, BucketFile),
            delimiter=self._config.delimiter,
            encoding=self._config.encoding,
            in_place=place,
        )

    def _native(self, file: LocalFile | BucketFile) -> BillFormat | None:
        """Return a local file's format unless it is FOCUS; a mapping is trusted."""
        is_declared = bool(self._config.mapping or self._config.defaults)
        if is_declared or self._config.in_place or not isinstance(file, LocalFile):
            return None
        names = column_names(file.path, delimiter=self._config.delimiter)
        kind = format_of_header(names)
        return kind if kind is not None and kind.is_native else None


def _size(file: LocalFile | BucketFile) -> int | None:
    """Return the size of a local file; a file in a bucket must be fetched."""
    return file.byte_count if isinstance(file, LocalFile) else None


def _other_dataset(file: LocalFile | BucketFile) -> str:
    # Nothing of an object is read before it is asked for.
    columns = column_names(file.path) if isinstance(file, LocalFile) else ()
    dataset = other_dataset(columns)
    if not dataset:
        return ""
    return f"it is the FOCUS dataset {dataset}, not Cost and Usage; it was not loaded."
