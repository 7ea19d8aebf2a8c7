"""AWS Data Exports: FOCUS and CUR 2.0, from S3 or from a copy on disk.

What counts is what the manifest of a billing month names, and nothing else. A prefix
also holds superseded executions, chunks that an overwrite left behind with zero
bytes, and partitions orphaned when AWS changed the case of ``BILLING_PERIOD=``; a
glob would count them. A month is offered anew when its manifest or an object named
there changes, and it is downloaded whole or not at all.

Source: AWS Data Exports user guide, *Understanding export delivery*.
"""

from __future__ import annotations

import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    LandingOptions,
    Window,
)
from ingest.engine.in_place import (
    BucketSourceConfig,
    refuse_unless_parquet,
    resting_place,
)
from ingest.reading.label_mapping import MappingRule
from ingest.sources.aws.split_usage import checked_rules, cur2_landing, rules_digest
from ingest.storage.manifests import ManifestedMonth, ManifestReader, format_of
from ingest.storage.objects import LocalObjects
from ingest.storage.s3_objects import S3Objects
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
    TriptychError,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.connector import SourceConfig
    from ingest.storage.objects import ObjectStore, StoredObject

_PARTITION = re.compile(r"billing_period=(\d{4}-(?:0[1-9]|1[0-2]))", re.IGNORECASE)
_DATA_TAIL = re.compile(r"(?:^|/)(data/billing_period=(\d{4}-\d{2})/.*)", re.IGNORECASE)
_STREAM_MARKS = {
    "focus": frozenset({"billedcost", "effectivecost", "chargecategory"}),
    "aws_cur2": frozenset({"line_item_unblended_cost", "line_item_line_item_type"}),
}
_STREAM_OF_TABLE = {"focus": "focus", "cur2": "aws_cur2"}


class AwsDataExportsConfig(BucketSourceConfig):
    """Options of an ``aws_data_exports`` source."""

    bucket: str | None = Field(
        default=None, min_length=1, description="Bucket that AWS delivers to."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder with a copy of the bucket, relative to the workspace;"
        " instead of 'bucket'.",
    )
    prefix: str = Field(default="", description="S3 path prefix of the export.")
    export: str = Field(min_length=1, description="Name of the export.")
    table: Literal["auto", "focus", "cur2"] = Field(
        default="auto",
        description="What the export holds; 'auto' asks the manifest's columns.",
    )
    max_parallel_downloads: int = Field(
        default=8, ge=1, le=64, description="Ranges in flight at a time."
    )

    split_usage: tuple[MappingRule, ...] = Field(
        default=(),
        description="Which model and pool the pods and tasks of split cost rows"
        " count for: ordered rules.",
    )

    _split_usage_is_known = field_validator("split_usage")(checked_rules)

    @model_validator(mode="after")
    def _has_one_place(self) -> AwsDataExportsConfig:
        if (self.bucket is None) == (self.path is None):
            message = "needs either 'bucket' or 'path', and not both"
            raise ValueError(message)
        return self

    @property
    def is_in_bucket(self) -> bool:
        """Tell whether the export is read where AWS delivers it."""
        return self.bucket is not None


class AwsDataExports:
    """Reads one export of AWS Data Exports."""

    type: ClassVar[str] = "aws_data_exports"
    Config: ClassVar[builtins.type[SourceConfig]] = AwsDataExportsConfig

    def __init__(self, config: AwsDataExportsConfig, *, root: Path) -> None:
        self._config = config
        self._store: ObjectStore = _open_store(config, root)
        self._manifests = ManifestReader(self._store, vendor="AWS")
        segments = (config.prefix.strip("/"), config.export.strip("/"))
        self._base = "/".join(segment for segment in segments if segment)

    @property
    def config(self) -> AwsDataExportsConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return the stream of the declared table, or both."""
        declared = _STREAM_OF_TABLE.get(self._config.table)
        return (declared,) if declared else tuple(_STREAM_MARKS)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return nothing: AWS uses the canonical names."""
        return LandingOptions()

    def check(self) -> list[Finding]:
        """Probe credentials, listing, the newest manifest and one data object."""
        findings: list[Finding] = []
        try:
            findings.extend(Finding(True, message) for message in self._probe())
        except TriptychError as error:
            findings.append(Finding.of(error))
        return findings

    def _probe(self) -> Iterator[str]:
        manifests = self._newest_manifests(Window())
        where = self._store.uri(self._metadata)
        yield f"months with a manifest in {where}: {len(manifests)}"
        month = self._month(*max(manifests.items()))
        if month.problem:
            raise month.problem
        count = len(month.files)
        yield f"data files of {month.period} for stream {month.stream!r}: {count}"
        if self._config.in_place:
            self._refuse_text(month)
        self._store.probe(month.files[0])
        yield "data files can be read"

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every billing month inside the window, oldest first.

        Raises
        ------
        FatalSourceError
            There is no manifest at all: the export's place is wrong, or AWS has
            not delivered yet.
        """
        manifests = sorted(self._newest_manifests(window).items())
        with ThreadPoolExecutor(self._config.max_parallel_downloads) as pool:
            months = list(pool.map(lambda item: self._month(*item), manifests))
        for month in months:
            yield Delivery(
                stream=month.stream,
                scope=f"{self._config.export}/{month.period}",
                period=month.period,
                fingerprint=f"{rules_digest(self._rules_of(month))}{month.fingerprint}",
                label=self._store.uri(month.manifest.key),
                detail=month,
                is_in_place=self._config.in_place,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Hand over the files of a month, all of one execution.

        Files that stay in place are handed over one at a time.

        Raises
        ------
        IncompleteDeliveryError
            The manifest names an object that is missing or empty.
        MalformedDeliveryError
            The manifest cannot be understood.
        TransientSourceError
            The month was overwritten again and again while it was being read.
        """
        month = delivery.detail
        assert isinstance(month, ManifestedMonth)  # noqa: S101
        if self._config.in_place:
            yield from self._read_in_place(month, workdir)
            return
        month, paths = self._manifests.fetch(month, workdir, renew=self._renewed)
        for file, path in zip(month.files, paths, strict=True):
            yield FilePart(
                path,
                format_of(file.key) or "csv",
                self._store.uri(file.key),
                is_owned=not self._store.is_local,
                landing=cur2_landing(self._rules_of(month), path),
            )

    def _read_in_place(
        self, month: ManifestedMonth, workdir: Path
    ) -> Iterator[FilePart]:
        self._refuse_text(month)
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

    def _refuse_text(self, month: ManifestedMonth) -> None:
        for file in month.files:
            refuse_unless_parquet(format_of(file.key), self._store.uri(file.key))

    def _rules_of(self, month: ManifestedMonth) -> Sequence[MappingRule]:
        return self._config.split_usage if month.stream == "aws_cur2" else ()

    @property
    def _metadata(self) -> str:
        return f"{self._base}/metadata/"

    def _newest_manifests(self, window: Window) -> dict[str, StoredObject]:
        """Return month → its manifest; of two places the one written last counts."""
        partitions: dict[str, list[str]] = defaultdict(list)
        for folder in self._store.list_folders(self._metadata):
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
                where=self._store.uri(self._metadata),
                next_step="Correct 'prefix' and 'export' in triptych.yml; a new export"
                " is first delivered within 24 hours.",
            )
        return newest

    def _newest(self, folders: Sequence[str]) -> StoredObject | None:
        name = f"{self._config.export.strip('/')}-Manifest.json"
        manifests = [
            stored
            for folder in folders
            for stored in self._store.list_objects(f"{self._metadata}{folder}/")
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

    def _renewed(self, month: ManifestedMonth) -> ManifestedMonth:
        first = date.fromisoformat(f"{month.period}-01")
        window = Window(first, first + timedelta(days=1))
        manifest = self._newest_manifests(window).get(month.period)
        if manifest is None:
            raise self._manifests.disappeared(month)
        return self._month(month.period, manifest)


def _open_store(config: AwsDataExportsConfig, root: Path) -> ObjectStore:
    if config.bucket is None:
        return LocalObjects(root / str(config.path), root)
    return S3Objects(
        config.bucket,
        endpoint_url=config.endpoint_url,
        region=config.region,
        profile=config.profile,
        max_parallel_downloads=config.max_parallel_downloads,
    )


def _recognise(columns: object) -> str | None:
    """Return the stream whose columns a manifest lists, by name or as objects."""
    if not isinstance(columns, list):
        return None
    names = {
        str(column.get("name", "") if isinstance(column, dict) else column).lower()
        for column in columns
    }
    return next(
        (stream for stream, marks in _STREAM_MARKS.items() if marks & names), None
    )
