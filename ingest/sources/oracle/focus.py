"""Oracle Cloud: FOCUS cost reports, from an S3-compatible bucket or a copy on disk.

Oracle writes a report about every six hours below ``<year>/<month>/<day>/`` and never
changes it: late or corrected rows come in a later report. So each file is a separate
delivery, all of them count, and a file that Oracle deletes after a year stays loaded.

Source: Oracle Cloud Infrastructure documentation, *Cost Reports* and *FOCUS Cost Report
Schema*.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    LandingOptions,
    Source,
    Window,
)
from ingest.storage.bucket_options import BucketOrCopyConfig
from ingest.storage.files import column_names
from ingest.storage.manifests import format_of
from ingest.storage.objects import StoredObject
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_YEAR = re.compile(r"20\d\d")
_MONTH = re.compile(r"0[1-9]|1[0-2]")
_DAY_OF_KEY = re.compile(r"(20\d\d)/(\d\d)/(\d\d)/[^/]+$")
#: Changing how files are read makes every file new again.
_READING_VERSION = 1
#: Oracle fills a single column of these, depending on the report; an id is its name
#: there.
_REGION_NAMES = ("RegionId", "RegionName", "Region")
_FREQUENCIES = {
    "one-time": "One-Time",
    "recurring": "Recurring",
    "usage-based": "Usage-Based",
}


class OciFocusConfig(BucketOrCopyConfig):
    """Options of an ``oci_focus`` source: a bucket, or ``path``."""

    endpoint_url: str | None = Field(
        default=None,
        description="S3 address of Object Storage, such as"
        " https://<namespace>.compat.objectstorage.<region>.oraclecloud.com.",
    )
    profile: str | None = Field(
        default=None, description="Named profile that holds the customer secret key."
    )
    prefix: str = Field(
        default="FOCUS Reports",
        description="Folder that holds the years; empty where they lie at the top.",
    )

    @model_validator(mode="after")
    def _bucket_has_address(self) -> Self:
        if self.bucket is not None and self.endpoint_url is None:
            message = "'bucket' needs 'endpoint_url', the S3 address of Object Storage"
            raise ValueError(message)
        return self


class OciFocus(Source[OciFocusConfig]):
    """Source of the FOCUS reports of a tenancy."""

    type: ClassVar[str] = "oci_focus"

    def __init__(self, config: OciFocusConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._store = config.opened(root)
        prefix = config.prefix.strip("/")
        self._base = f"{prefix}/" if prefix else ""

    def streams(self) -> Sequence[str]:
        """Return ``("focus",)``."""
        return ("focus",)

    def probe(self) -> Iterator[Finding]:
        """Look at credentials, listing and the newest report."""
        months = self._months(Window())
        where = self._store.uri(self._base)
        yield Finding(True, f"months with reports in {where}: {len(months)}")
        newest = self._newest(months)
        yield Finding(True, f"newest report: {self._store.uri(newest.key)}")
        self._store.probe(newest)
        yield Finding(True, "reports can be read")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every report that Oracle wrote inside the window, oldest first.

        Raises
        ------
        FatalSourceError
            There are no reports at all.
        """
        for stored in self._reports(self._months(window), window):
            yield Delivery(
                stream="focus",
                scope=stored.key.removeprefix(self._base),
                period="all",
                fingerprint=_fingerprint(stored),
                label=self._store.uri(stored.key),
                detail=stored,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Yield the file of a report.

        Raises
        ------
        IncompleteDeliveryError
            It has zero bytes.
        MalformedDeliveryError
            It is not in the FOCUS format.
        """
        stored = delivery.detail
        assert isinstance(stored, StoredObject)  # noqa: S101
        if not stored.size:
            raise IncompleteDeliveryError(
                "The report is empty (zero bytes).",
                where=delivery.label,
                next_step="Copy it again, and run again.",
            )
        (path,) = self._store.fetch([stored], folder=workdir)
        yield FilePart(
            path,
            format_of(stored.key) or "csv",
            delivery.label,
            is_owned=not self._store.is_local,
            landing=_landing(path, delivery.label),
        )

    def _months(self, window: Window) -> list[str]:
        """Return the prefixes of months that have a day inside the window."""
        found = [
            (year, month)
            for year in self._store.list_folders(self._base)
            if _YEAR.fullmatch(year)
            for month in self._store.list_folders(f"{self._base}{year}/")
            if _MONTH.fullmatch(month)
        ]
        if not found:
            raise self._no_reports()
        return [
            f"{self._base}{year}/{month}/"
            for year, month in found
            if window.overlaps_month(f"{year}-{month}")
        ]

    def _no_reports(self) -> FatalSourceError:
        return FatalSourceError(
            "There are no reports, no folders such as 2026/06.",
            where=self._store.uri(self._base),
            next_step="Correct 'prefix' in triptych.yml, or copy the reports with"
            " their folders.",
        )

    def _newest(self, months: Sequence[str]) -> StoredObject:
        """Return the newest report; the folder of a month may hold none."""
        for month in reversed(months):
            if reports := list(self._reports([month], Window())):
                return reports[-1]
        raise self._no_reports()

    def _reports(self, months: Sequence[str], window: Window) -> Iterator[StoredObject]:
        for month in months:
            for stored in self._store.list_tree(month):
                day = _day_of(stored.key)
                if day and format_of(stored.key) and _is_inside(day, window):
                    yield stored


def _day_of(key: str) -> date | None:
    match = _DAY_OF_KEY.search(key)
    try:
        return date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def _is_inside(day: date, window: Window) -> bool:
    starts = window.start is None or day >= window.start
    return starts and (window.end is None or day < window.end)


def _fingerprint(stored: StoredObject) -> str:
    text = f"{_READING_VERSION}\t{stored.etag}\t{stored.size}"
    return hashlib.sha256(text.encode()).hexdigest()


def _landing(path: Path, uri: str) -> LandingOptions:
    """Return a report's landing options; older reports rename some columns.

    ``Provider``, ``Publisher`` and ``InvoiceIssuer`` are known as other spellings in
    every source; ``Region`` is used for the region's id and its name, and if either is
    empty it takes the value of the other.
    """
    columns = {name.casefold() for name in column_names(path)}
    if columns and "billedcost" not in columns:
        raise MalformedDeliveryError(
            "The report is not in the FOCUS format.",
            where=uri,
            next_step="Set 'prefix' to the folder of the FOCUS reports; reports below"
            " 'reports/cost-csv' have Oracle's own columns.",
        )
    mapping = {}
    for wanted in ("RegionId", "RegionName"):
        names = [wanted, *(name for name in _REGION_NAMES if name != wanted)]
        present = [f'"{name}"' for name in names if name.casefold() in columns]
        if present:
            mapping[wanted] = f"coalesce({', '.join(present)})"
    if "chargefrequency" in columns:
        branches = " ".join(
            f"WHEN '{word}' THEN '{meaning}'" for word, meaning in _FREQUENCIES.items()
        )
        mapping["ChargeFrequency"] = (
            f'CASE lower("ChargeFrequency") {branches} ELSE "ChargeFrequency" END'
        )
    oracle = dict.fromkeys(("ProviderName", "InvoiceIssuerName"), "Oracle")
    return LandingOptions(mapping=mapping, defaults=oracle)
