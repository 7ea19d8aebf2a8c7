"""Any vendor's FOCUS 1.0 to 1.4 files: CSV, CSV.gz or Parquet, a folder or a glob.

Versions may be mixed in one folder: columns are recognised by name, whatever
version brought them, and what a file lacks is recorded, not guessed. Each file is a
delivery of its own; a file that changes supersedes what it held before. A file that
disappears stays loaded: a drop folder that is emptied must not empty the ledger.

Source: FOCUS specification, dataset Cost and Usage, versions 1.0 to 1.4.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    LandingOptions,
    SourceConfig,
    Window,
)
from ingest.files import LocalFiles, column_names

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence


class FocusFilesConfig(SourceConfig):
    """Options of a ``focus_files`` source."""

    path: str = Field(description="File, folder or glob, relative to the workspace.")
    delimiter: str = Field(default=",", description="Delimiter of CSV files.")
    encoding: str = Field(default="utf-8", description="Encoding of CSV files.")
    mapping: dict[str, str] = Field(
        default_factory=dict,
        description="FOCUS column → delivered column or SQL expression over them.",
    )
    defaults: dict[str, str] = Field(
        default_factory=dict,
        description="FOCUS column → value for files that do not have the column.",
    )


class FocusFiles:
    """Reads FOCUS files from disk."""

    type: ClassVar[str] = "focus_files"
    Config: ClassVar[builtins.type[SourceConfig]] = FocusFilesConfig

    def __init__(self, config: FocusFilesConfig, *, root: Path) -> None:
        self._config = config
        self._files = LocalFiles(config.path, root=root, source=config.name)

    @property
    def config(self) -> FocusFilesConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return ``("focus",)``."""
        return ("focus",)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return the declared mapping and defaults."""
        return LandingOptions(self._config.mapping, self._config.defaults)

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
                detail=file.path,
                skip_reason=_other_dataset(file.path),
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:  # noqa: ARG002
        """Hand over the file itself."""
        path = delivery.detail
        assert isinstance(path, Path)  # noqa: S101
        yield FilePart(
            path,
            LocalFiles.format_of(path),
            delivery.label,
            is_owned=False,
            delimiter=self._config.delimiter,
            encoding=self._config.encoding,
        )


#: A column of each further FOCUS dataset that Cost and Usage does not have.
_OTHER_DATASETS = {
    "ContractCommitmentId": "Contract Commitment",
    "InvoiceDetailGrain": "Invoice Detail",
    "BillingPeriodStatus": "Billing Period",
}


def _other_dataset(path: Path) -> str:
    columns = set(column_names(path))
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
