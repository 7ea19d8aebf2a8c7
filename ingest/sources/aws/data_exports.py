"""AWS Data Exports: FOCUS and CUR 2.0, from S3 or from a copy on disk.

Only files that the manifest of a billing month names count. A prefix also holds
superseded executions, chunks that an overwrite left behind with zero bytes, and
partitions orphaned when AWS changed the case of ``BILLING_PERIOD=``; a glob would count
them. A month is offered again when its manifest or an object named there changes, and
it is downloaded whole or not at all.

Source: AWS Data Exports user guide, *Understanding export delivery*.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ingest.connector import Delivery, FilePart, LandingOptions, Window
from ingest.engine.in_place import (
    BucketSourceConfig,
    refuse_unless_parquet,
    resting_place,
)
from ingest.sources.aws.monthly_report import AwsMonthlyReport, AwsReportConfig
from ingest.sources.aws.split_usage import cur2_landing, rules_digest
from ingest.storage.manifests import ManifestedMonth, format_of
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.reading.label_mapping import MappingRule
    from ingest.storage.objects import StoredObject

_PARTITION = re.compile(r"billing_period=(\d{4}-(?:0[1-9]|1[0-2]))", re.IGNORECASE)
_DATA_TAIL = re.compile(r"(?:^|/)(data/billing_period=(\d{4}-\d{2})/.*)", re.IGNORECASE)
_STREAM_MARKS = {
    "focus": frozenset({"billedcost", "effectivecost", "chargecategory"}),
    "aws_cur2": frozenset({"line_item_unblended_cost", "line_item_line_item_type"}),
}
_STREAM_OF_TABLE = {"focus": "focus", "cur2": "aws_cur2"}


class AwsDataExportsConfig(AwsReportConfig, BucketSourceConfig):
    """Options of an ``aws_data_exports`` source."""

    export: str = Field(min_length=1, description="Name of the export.")
    table: Literal["auto", "focus", "cur2"] = Field(
        default="auto",
        description="Kind of export; 'auto' reads the manifest's columns.",
    )

    @property
    def is_in_bucket(self) -> bool:
        """Return True if the export is read where AWS delivers it."""
        return self.bucket is not None


class AwsDataExports(AwsMonthlyReport[AwsDataExportsConfig]):
    """Source of an export of AWS Data Exports."""

    type: ClassVar[str] = "aws_data_exports"

    def __init__(self, config: AwsDataExportsConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._is_in_place = config.in_place

    def streams(self) -> Sequence[str]:
        """Return the stream of the declared table, or both."""
        declared = _STREAM_OF_TABLE.get(self._config.table)
        return (declared,) if declared else tuple(_STREAM_MARKS)

    @property
    def _folders(self) -> Sequence[str]:
        return (self._config.prefix, self._config.export)

    @property
    def _scope(self) -> str:
        return self._config.export

    @property
    def _manifest_folder(self) -> str:
        return f"{self._base}/metadata/"

    def _reading_of(self, month: ManifestedMonth) -> str:
        return rules_digest(self._rules_of(month))

    def _landing_of(
        self,
        month: ManifestedMonth,
        path: Path,
        uri: str,  # noqa: ARG002
    ) -> LandingOptions | None:
        return cur2_landing(self._rules_of(month), path)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Yield the files of a month; files in place singly."""
        month = delivery.detail
        assert isinstance(month, ManifestedMonth)  # noqa: S101
        if self._is_in_place:
            return self._read_in_place(month, workdir)
        return super().read(delivery, workdir)

    def _read_in_place(
        self, month: ManifestedMonth, workdir: Path
    ) -> Iterator[FilePart]:
        self._refuse_unreadable(month)
        files = self._manifests.each(month, workdir, renew=self._renewed)
        for file, path in files:
            yield FilePart(
                path,
                "parquet",
                self._store.uri(file.key),
                is_owned=not self._store.is_local,
                landing=cur2_landing(self._rules_of(month), path),
                in_place=resting_place(self._store, file, path),
            )

    def _refuse_unreadable(self, month: ManifestedMonth) -> None:
        for file in month.files if self._is_in_place else ():
            refuse_unless_parquet(format_of(file.key), self._store.uri(file.key))

    def _rules_of(self, month: ManifestedMonth) -> Sequence[MappingRule]:
        return self._config.split_usage if month.stream == "aws_cur2" else ()

    def _month_manifests(self, window: Window) -> dict[str, StoredObject]:
        """Return month → its manifest; of two places the last written counts."""
        partitions: dict[str, list[str]] = defaultdict(list)
        for folder in self._store.list_folders(self._manifest_folder):
            if match := _PARTITION.fullmatch(folder):
                partitions[match[1]].append(folder)
        newest = {
            period: manifest
            for period, folders in partitions.items()
            if window.overlaps_month(period) and (manifest := self._newest(folders))
        }
        if not newest and (not partitions or window == Window()):
            raise FatalSourceError(
                "There is no manifest of the export.",
                where=self._store.uri(self._manifest_folder),
                next_step="Correct 'prefix' and 'export' in triptych.yml; a new export"
                " is first delivered within 24 hours.",
            )
        return newest

    def _newest(self, folders: Sequence[str]) -> StoredObject | None:
        name = f"{self._config.export.strip('/')}-Manifest.json"
        manifests = [
            stored
            for folder in folders
            for stored in self._store.list_objects(f"{self._manifest_folder}{folder}/")
            if stored.key.rsplit("/", 1)[-1] == name
        ]
        newest_first = sorted(manifests, key=lambda m: (m.modified_at, m.key))
        return newest_first[-1] if newest_first else None

    def _month(self, period: str, manifest: StoredObject) -> ManifestedMonth:
        stream = self.streams()[0]
        try:
            content = self._manifests.parsed(manifest)
            stream = self._stream_of(content, manifest)
            files = self._named_files(content, period, manifest)
        except (MalformedDeliveryError, IncompleteDeliveryError) as problem:
            return ManifestedMonth(period, stream, manifest, problem=problem)
        return ManifestedMonth(period, stream, manifest, files)

    def _stream_of(self, content: dict[str, object], manifest: StoredObject) -> str:
        declared = _STREAM_OF_TABLE.get(self._config.table)
        recognised = _recognise(content.get("columns")) or declared
        if recognised is None:
            raise self._manifests.malformed(
                "does not list the columns of FOCUS or CUR 2.0",
                manifest,
                "Export one of these tables, or set 'table' in triptych.yml.",
            )
        if declared not in {None, recognised}:
            raise self._manifests.malformed(
                f"lists the columns of stream {recognised!r}, not of {declared!r}",
                manifest,
                "Correct 'table' in triptych.yml, or leave it out.",
            )
        return recognised

    def _named_files(
        self, content: dict[str, object], period: str, manifest: StoredObject
    ) -> tuple[StoredObject, ...]:
        named = content.get("dataFiles")
        if not isinstance(named, list) or not named:
            raise self._manifests.malformed(
                "names no data files ('dataFiles')", manifest
            )
        keys = [self._rebased(uri, period, manifest) for uri in named]
        return self._manifests.named_files(keys, manifest)

    def _rebased(self, uri: object, period: str, manifest: StoredObject) -> str:
        """Return the key that a URI means here, even if the bucket was copied."""
        match = _DATA_TAIL.search(uri) if isinstance(uri, str) else None
        if match is None or ".." in match[1].split("/"):
            raise self._manifests.malformed(
                "names a data file outside of 'data/'", manifest
            )
        if match[2] != period:
            raise self._manifests.malformed(
                f"of {period} names a data file of {match[2]}", manifest
            )
        key = f"{self._base}/{match[1]}"
        if format_of(key) is None:
            raise self._manifests.malformed(
                f"names a file of unknown format, {key.rsplit('/', 1)[-1]!r}",
                manifest,
                "Export as Parquet or gzip CSV.",
            )
        return key


def _recognise(columns: object) -> str | None:
    """Return the stream that matches a manifest's columns (names, objects)."""
    if not isinstance(columns, list):
        return None
    names = {
        str(column.get("name", "") if isinstance(column, dict) else column).lower()
        for column in columns
    }
    return next(
        (stream for stream, marks in _STREAM_MARKS.items() if marks & names), None
    )
