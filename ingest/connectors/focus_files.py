"""Any vendor's FOCUS 1.0 to 1.4 files: CSV, CSV.gz or Parquet, on disk or in a bucket.

Versions may be mixed in one folder: columns are recognised by name, whatever
version brought them, and what a file lacks is recorded, not guessed. Each file is a
delivery of its own; a file that changes supersedes what it held before. A file that
disappears stays loaded: a drop folder that is emptied must not empty the ledger.

Source: FOCUS specification, dataset Cost and Usage, versions 1.0 to 1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.bucket_files import BucketAddress, BucketFile, BucketFiles
from ingest.connector import Delivery, FilePart, Finding, LandingOptions, Window
from ingest.files import LocalFile, LocalFiles, column_names, format_of_name
from ingest.in_place import (
    BucketSourceConfig,
    open_bucket,
    refuse_unless_parquet,
    unambiguous,
)
from ingest.notation import Notation
from ingest.text_options import (
    DeclaredDates,
    DeclaredDecimal,
    Delimiter,
    EngineEncoding,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.connector import SourceConfig


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
        """Tell whether the files lie in a bucket."""
        return BucketAddress.parsed(self.path) is not None


class FocusFiles:
    """Reads FOCUS files from disk or from a bucket."""

    type: ClassVar[str] = "focus_files"
    Config: ClassVar[builtins.type[SourceConfig]] = FocusFilesConfig

    def __init__(self, config: FocusFilesConfig, *, root: Path) -> None:
        self._config = config
        address = BucketAddress.parsed(config.path)
        self._files: LocalFiles | BucketFiles = (
            LocalFiles(config.path, root=root, source=config.name)
            if address is None
            else BucketFiles(open_bucket(address.bucket, config), address)
        )

    @property
    def config(self) -> FocusFilesConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return ``("focus",)``."""
        return ("focus",)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return the declared mapping and defaults."""
        return LandingOptions(
            self._config.mapping,
            self._config.defaults,
            Notation(self._config.decimal, self._config.dates),
        )

    def check(self) -> list[Finding]:
        """Tell whether there is anything to read."""
        return self._files.check()

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each file; the window does not apply, files know no period."""
        for file in self._files.found():
            yield Delivery(
                stream="focus",
                scope=file.relative,
                period="all",
                fingerprint=file.fingerprint,
                label=file.label,
                detail=file,
                skip_reason=_other_dataset(file),
                is_in_place=self._config.in_place,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Hand over the file itself, or what was downloaded of an object."""
        file = delivery.detail
        assert isinstance(file, LocalFile | BucketFile)  # noqa: S101
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


#: A column of each further FOCUS dataset that Cost and Usage does not have.
_OTHER_DATASETS = {
    "ContractCommitmentId": "Contract Commitment",
    "InvoiceDetailGrain": "Invoice Detail",
    "BillingPeriodStatus": "Billing Period",
}


def _other_dataset(file: LocalFile | BucketFile) -> str:
    # Nothing of an object is read before it is asked for.
    columns = set(column_names(file.path)) if isinstance(file, LocalFile) else set()
    if "BilledCost" in columns and "ChargeCategory" in columns:
        return ""
    for column, dataset in _OTHER_DATASETS.items():
        if column in columns:
            return (
                f"it is the FOCUS dataset {dataset}, not Cost and Usage;"
                " it was not loaded."
            )
    return ""


__all__ = ["FocusFiles", "FocusFilesConfig"]
