"""Shared parts of AWS exports: a bucket or a copy, and split cost rows."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field, field_validator

from ingest.connector import Finding, Window
from ingest.reading.label_mapping import MappingRule
from ingest.source_kinds.manifested_export import ManifestedExport
from ingest.sources.aws.split_usage import checked_rules
from ingest.storage.bucket_options import BucketOrCopyConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.storage.manifests import ManifestedMonth
    from ingest.storage.objects import ObjectStore, StoredObject


class AwsReportConfig(BucketOrCopyConfig):
    """Options of both exports."""

    prefix: str = Field(default="", description="S3 path prefix of the export.")
    split_usage: tuple[MappingRule, ...] = Field(
        default=(),
        description="Which model and pool the pods and tasks of split cost rows"
        " count for: ordered rules.",
    )

    _split_usage_is_known = field_validator("split_usage")(checked_rules)


AwsConfigT = TypeVar("AwsConfigT", bound=AwsReportConfig)


class AwsMonthlyReport(ManifestedExport[AwsConfigT]):
    """An export with a manifest in the folder of each billing month."""

    vendor: ClassVar[str] = "AWS"

    def probe(self) -> Iterator[Finding]:
        """Check credentials, listing, the newest manifest and a data object."""
        manifests = self._month_manifests(Window())
        where = self._store.uri(self._manifest_folder)
        yield Finding(True, f"months with a manifest in {where}: {len(manifests)}")
        month = self._month(*max(manifests.items()))
        if month.problem:
            raise month.problem
        files = f"data files of {month.period} for stream {month.stream!r}"
        yield Finding(True, f"{files}: {len(month.files)}")
        self._refuse_unreadable(month)
        self._store.probe(month.files[0])
        yield Finding(True, "data files can be read")

    def _opened(self, root: Path) -> ObjectStore:
        return self._config.opened(root)

    def _months(self, window: Window) -> list[ManifestedMonth]:
        manifests = sorted(self._month_manifests(window).items())
        with ThreadPoolExecutor(self._config.max_parallel_downloads) as pool:
            return list(pool.map(lambda item: self._month(*item), manifests))

    def _refuse_unreadable(self, month: ManifestedMonth) -> None:
        """Refuse files of a form that is not read."""

    @property
    @abstractmethod
    def _manifest_folder(self) -> str:
        """The folder below which the manifests lie."""

    @abstractmethod
    def _month_manifests(self, window: Window) -> dict[str, StoredObject]:
        """Return each month inside the window with its manifest."""

    @abstractmethod
    def _month(self, period: str, manifest: StoredObject) -> ManifestedMonth:
        """Return a month as its manifest describes it."""
