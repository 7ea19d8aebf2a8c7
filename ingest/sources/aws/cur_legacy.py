"""Legacy AWS Cost and Usage Reports, from S3 or from a copy on disk.

Only files that the manifest in the folder of a billing month names count: each delivery
writes the whole month again, into a new folder or over the previous delivery, and the
manifest last. A copy of the manifest lies beside the data; the upper manifest decides.

Rows become those of CUR 2.0 (stream ``aws_cur2``), so that commitments are amortised,
and tags are matched, by the same rules.

Source: AWS Cost and Usage Report user guide, *Report delivery timeline* and *Report
versioning*.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import LandingOptions, Window
from ingest.sources.aws.cur_columns import MAPPING_VERSION, landing_of
from ingest.sources.aws.monthly_report import AwsMonthlyReport, AwsReportConfig
from ingest.sources.aws.split_usage import rules_digest
from ingest.storage.files import column_names
from ingest.storage.manifests import ManifestedMonth, format_of
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ingest.storage.objects import StoredObject

_MONTH_FOLDER = re.compile(r"(20\d\d)(0[1-9]|1[0-2])01-\d{8}")
_TAIL = re.compile(
    r"(?:^|/)("
    r"(?P<folder>\d{8}-\d{8})/.+"
    r"|[^/]+/year=(?P<year>\d{4})/month=(?P<month>\d{1,2})/.+"
    r")$"
)


class AwsCurLegacyConfig(AwsReportConfig):
    """Options of an ``aws_cur_legacy`` source."""

    report: str = Field(min_length=1, description="Name of the report.")


class AwsCurLegacy(AwsMonthlyReport[AwsCurLegacyConfig]):
    """Source of a legacy Cost and Usage Report."""

    type: ClassVar[str] = "aws_cur_legacy"

    def streams(self) -> Sequence[str]:
        """Return ``("aws_cur2",)``."""
        return ("aws_cur2",)

    @property
    def _folders(self) -> Sequence[str]:
        return (self._config.prefix, self._config.report)

    @property
    def _scope(self) -> str:
        return self._config.report.strip("/")

    @property
    def _manifest_folder(self) -> str:
        return f"{self._base}/"

    def _reading_of(self, month: ManifestedMonth) -> str:  # noqa: ARG002
        return f"{MAPPING_VERSION}{rules_digest(self._config.split_usage)}:"

    def _landing_of(
        self,
        month: ManifestedMonth,  # noqa: ARG002
        path: Path,
        uri: str,
    ) -> LandingOptions:
        columns = column_names(path)
        options = landing_of(columns, split_usage=self._config.split_usage)
        # A file with an unreadable header is reported when it is landed.
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
        name = f"{self._scope}-Manifest.json"
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
        """Return the key here for a key in a manifest, in a copy as well."""
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
