"""Legacy AWS Cost and Usage Reports, from S3 or from a copy on disk.

What counts is what the manifest in the folder of a billing month names: each delivery
writes the whole month again, into a folder of its own or over the previous one, and
the manifest last. A copy of the manifest lies beside the data; the upper one decides.

Rows become those of CUR 2.0 (stream ``aws_cur2``), so that commitments are amortised,
and tags are matched, by the same rules.

Source: AWS Cost and Usage Report user guide, *Report delivery timeline* and *Report
versioning*.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    LandingOptions,
    SourceConfig,
    Window,
)
from ingest.reading.label_mapping import MappingRule
from ingest.sources.aws.cur_columns import MAPPING_VERSION, landing_of
from ingest.sources.aws.split_usage import checked_rules, rules_digest
from ingest.storage.files import column_names
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
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.storage.objects import ObjectStore, StoredObject

_MONTH_FOLDER = re.compile(r"(20\d\d)(0[1-9]|1[0-2])01-\d{8}")
_TAIL = re.compile(
    r"(?:^|/)("
    r"(?P<folder>\d{8}-\d{8})/.+"
    r"|[^/]+/year=(?P<year>\d{4})/month=(?P<month>\d{1,2})/.+"
    r")$"
)


class AwsCurLegacyConfig(SourceConfig):
    """Options of an ``aws_cur_legacy`` source."""

    model_config = ConfigDict(hide_input_in_errors=True)

    bucket: str | None = Field(
        default=None, min_length=1, description="Bucket that AWS delivers to."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder with a copy of the bucket, relative to the workspace;"
        " instead of 'bucket'.",
    )
    prefix: str = Field(default="", description="Report path prefix.")
    report: str = Field(min_length=1, description="Name of the report.")
    endpoint_url: str | None = Field(
        default=None, description="Address of an S3-compatible store."
    )
    region: str | None = Field(default=None, description="Region of the bucket.")
    profile: str | None = Field(
        default=None, description="Named profile of the AWS credential chain."
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

    @field_validator("endpoint_url")
    @classmethod
    def _holds_no_credentials(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.username or parts.password or parts.query:
            message = "must be a bare address: credentials belong in the environment"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _has_one_place(self) -> AwsCurLegacyConfig:
        if (self.bucket is None) == (self.path is None):
            message = "needs either 'bucket' or 'path', and not both"
            raise ValueError(message)
        return self


class AwsCurLegacy:
    """Reads one legacy Cost and Usage Report."""

    type: ClassVar[str] = "aws_cur_legacy"
    Config: ClassVar[builtins.type[SourceConfig]] = AwsCurLegacyConfig

    def __init__(self, config: AwsCurLegacyConfig, *, root: Path) -> None:
        self._config = config
        self._store: ObjectStore = _open_store(config, root)
        self._manifests = ManifestReader(self._store, vendor="AWS")
        self._report = config.report.strip("/")
        segments = (config.prefix.strip("/"), self._report)
        self._base = "/".join(segment for segment in segments if segment)

    @property
    def config(self) -> AwsCurLegacyConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return ``("aws_cur2",)``."""
        return ("aws_cur2",)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return nothing: each file says by its header how it is read."""
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
        manifests = self._month_manifests(Window())
        where = self._store.uri(f"{self._base}/")
        yield f"months with a manifest in {where}: {len(manifests)}"
        month = self._month(*max(manifests.items()))
        if month.problem:
            raise month.problem
        yield f"data files of {month.period}: {len(month.files)}"
        self._store.probe(month.files[0])
        yield "data files can be read"

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every billing month inside the window, oldest first.

        Raises
        ------
        FatalSourceError
            There is no manifest at all: the report's place is wrong, or AWS has not
            delivered yet.
        """
        manifests = sorted(self._month_manifests(window).items())
        with ThreadPoolExecutor(self._config.max_parallel_downloads) as pool:
            months = list(pool.map(lambda item: self._month(*item), manifests))
        reading = f"{MAPPING_VERSION}{rules_digest(self._config.split_usage)}"
        for month in months:
            yield Delivery(
                stream=month.stream,
                scope=f"{self._report}/{month.period}",
                period=month.period,
                fingerprint=f"{reading}:{month.fingerprint}",
                label=self._store.uri(month.manifest.key),
                detail=month,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Hand over the files of a month, all of one delivery of AWS.

        Raises
        ------
        IncompleteDeliveryError
            The manifest names an object that is missing or empty.
        MalformedDeliveryError
            The manifest cannot be understood, or a file is no such report.
        TransientSourceError
            The month was overwritten again and again while it was being read.
        """
        month = delivery.detail
        assert isinstance(month, ManifestedMonth)  # noqa: S101
        month, paths = self._manifests.fetch(month, workdir, renew=self._renewed)
        for file, path in zip(month.files, paths, strict=True):
            uri = self._store.uri(file.key)
            yield FilePart(
                path,
                format_of(file.key) or "csv",
                uri,
                is_owned=not self._store.is_local,
                landing=self._landing(path, uri),
            )

    def _landing(self, path: Path, uri: str) -> LandingOptions:
        columns = column_names(path)
        options = landing_of(columns, split_usage=self._config.split_usage)
        # A file whose header cannot be read is told so when it is landed.
        if options is None and columns:
            raise MalformedDeliveryError(
                "The file lacks columns of a Cost and Usage Report.",
                where=uri,
                next_step="Use type 'aws_data_exports' for exports of FOCUS and CUR"
                " 2.0.",
            )
        return options or LandingOptions()

    def _month_manifests(self, window: Window) -> dict[str, StoredObject]:
        """Return month → the manifest in its folder."""
        folders = {
            f"{match[1]}-{match[2]}": folder
            for folder in self._store.list_folders(f"{self._base}/")
            if (match := _MONTH_FOLDER.fullmatch(folder))
        }
        name = f"{self._report}-Manifest.json"
        manifests = {
            period: stored
            for period, folder in folders.items()
            if window.overlaps_month(period)
            for stored in self._store.list_objects(f"{self._base}/{folder}/")
            if stored.key.rsplit("/", 1)[-1] == name
        }
        if not manifests and (not folders or window == Window()):
            raise FatalSourceError(
                "There is no manifest of the report.",
                where=self._store.uri(f"{self._base}/"),
                next_step="Correct 'prefix' and 'report' in triptych.yml; a new report"
                " is first delivered within 24 hours.",
            )
        return manifests

    def _month(self, period: str, manifest: StoredObject) -> ManifestedMonth:
        try:
            content = self._manifests.parsed(manifest)
            keys = self._named_keys(content, period, manifest)
            files = self._manifests.named_files(keys, manifest)
        except (MalformedDeliveryError, IncompleteDeliveryError) as problem:
            return ManifestedMonth(period, "aws_cur2", manifest, problem=problem)
        return ManifestedMonth(period, "aws_cur2", manifest, files)

    def _named_keys(
        self, content: Mapping[str, object], period: str, manifest: StoredObject
    ) -> list[str]:
        billed = content.get("billingPeriod")
        start = str(billed.get("start", "")) if isinstance(billed, dict) else ""
        if start and not start.startswith(period.replace("-", "")):
            raise self._manifests.malformed(
                f"of {period} is of a billing period that starts {start}", manifest
            )
        named = content.get("reportKeys")
        if not isinstance(named, list) or not named:
            raise self._manifests.malformed(
                "names no data files ('reportKeys')", manifest
            )
        return [self._rebased(key, period, manifest) for key in named]

    def _rebased(self, key: object, period: str, manifest: StoredObject) -> str:
        """Return the key that one in a manifest means here, in a copy as well."""
        match = _TAIL.search(key) if isinstance(key, str) else None
        if match is None or ".." in match[1].split("/"):
            raise self._manifests.malformed(
                "names a data file outside of the report", manifest
            )
        month = f"{match['year']}-{int(match['month'] or 0):02d}"
        if match["folder"]:
            month = f"{match['folder'][:4]}-{match['folder'][4:6]}"
        if month != period:
            raise self._manifests.malformed(
                f"of {period} names a data file of {month}", manifest
            )
        if format_of(match[1]) is None:
            raise self._manifests.malformed(
                f"names a file of unknown format, {match[1].rsplit('/', 1)[-1]!r}",
                manifest,
                "Choose GZIP or Parquet as the report's compression; ZIP is not read.",
            )
        return f"{self._base}/{match[1]}"

    def _renewed(self, month: ManifestedMonth) -> ManifestedMonth:
        first = date.fromisoformat(f"{month.period}-01")
        window = Window(first, first + timedelta(days=1))
        manifest = self._month_manifests(window).get(month.period)
        if manifest is None:
            raise self._manifests.disappeared(month)
        return self._month(month.period, manifest)


def _open_store(config: AwsCurLegacyConfig, root: Path) -> ObjectStore:
    if config.bucket is None:
        return LocalObjects(root / str(config.path), root)
    return S3Objects(
        config.bucket,
        endpoint_url=config.endpoint_url,
        region=config.region,
        profile=config.profile,
        max_parallel_downloads=config.max_parallel_downloads,
    )
