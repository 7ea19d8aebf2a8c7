"""Lays out Azure cost exports as Azure does: data files first, the manifest last.

Writes into a container or into a folder, as a new report each time or over the
previous one, as FOCUS in CSV or Parquet, or as native cost details.
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUBSCRIPTION = "/subscriptions/0b0d1f6e-0000-4000-8000-000000000001"
_LAST_DAYS = {"02": 28, "04": 30, "06": 30, "09": 30, "11": 30}


class Place(Protocol):
    """Somewhere blobs are written to."""

    def put(self, key: str, content: bytes) -> None:
        """Write a blob."""

    def delete(self, key: str) -> None:
        """Delete a blob."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that stands for a container."""

    path: Path

    def put(self, key: str, content: bytes) -> None:
        """Write a file."""
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def delete(self, key: str) -> None:
        """Delete a file."""
        (self.path / key).unlink()


@dataclass(slots=True)
class ExportLayout:
    """One export in one place.

    ``behaviour`` is its ``dataOverwriteBehavior``; ``has_counts`` is false for API
    versions whose manifests announce no rows; ``copied_from`` is the directory that
    blob names start with when the container was copied.
    """

    place: Place
    prefix: str = "costs"
    export: str = "focus"
    behaviour: str = "CreateNewReport"
    scope: str = SUBSCRIPTION
    kind: str = "FocusCost"
    version: str = "1.2-preview"
    has_counts: bool = True
    copied_from: str | None = None
    runs: Iterator[int] = field(default_factory=lambda: count(1))
    written: dict[str, list[str]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Return the key below which everything lies."""
        return f"{self.prefix}/{self.export}" if self.prefix else self.export

    def deliver(
        self,
        period: str,
        tables: Sequence[pa.Table],
        *,
        file_format: str = "csv",
        has_manifest: bool = True,
    ) -> list[str]:
        """Deliver one run of a month; returns the keys of its data files."""
        number = next(self.runs)
        folder = f"{month_folder(period)}/{self._run_folder(period, number)}"
        blobs: list[object] = []
        keys = []
        for part, table in enumerate(tables):
            content = encode(table, file_format)
            tail = f"{folder}/part_{part}_0001.{_SUFFIXES[file_format]}"
            keys.append(f"{self.base}/{tail}")
            self.place.put(keys[-1], content)
            blob: dict[str, object] = {
                "blobName": f"{self.copied_from or self.base}/{tail}",
                "byteCount": len(content),
            }
            if self.has_counts:
                blob["dataRowCount"] = table.num_rows
            blobs.append(blob)
        manifest = f"{self.base}/{folder}/manifest.json"
        if has_manifest:
            said = self.manifest(period, number, blobs, file_format)
            self.place.put(manifest, json.dumps(said).encode())
            keys_before = self.written.get(period, [])
            self.written[period] = [*keys, manifest]
            if self.behaviour == "OverwritePreviousReport":
                for key in keys_before:
                    self.place.delete(key)
        return keys

    def manifest(
        self,
        period: str,
        number: int,
        blobs: Sequence[object],
        file_format: str = "csv",
    ) -> dict[str, object]:
        """Return what a manifest says."""
        content: dict[str, object] = {
            "exportConfig": {
                "exportName": self.export,
                "resourceId": f"{self.scope}/providers/Microsoft.CostManagement"
                f"/exports/{self.export}",
                "dataVersion": self.version,
                "type": self.kind,
                "timeFrame": "MonthToDate",
                "granularity": "Daily",
            },
            "deliveryConfig": {
                "partitionData": True,
                "dataOverwriteBehavior": self.behaviour,
                "fileFormat": "Parquet" if file_format == "parquet" else "Csv",
                "compressionMode": _COMPRESSIONS[file_format],
            },
            "runInfo": {
                "executionType": "Scheduled",
                "submittedTime": f"{period}-28T08:00:{number:02d}.1234567Z",
                "runId": run_id(number),
                "startDate": f"{period}-01T00:00:00",
                "endDate": f"{period}-28T00:00:00",
            },
            "blobs": list(blobs),
        }
        if self.has_counts:
            content |= {"manifestVersion": "2024-04-01", "blobCount": len(blobs)}
        return content

    def _run_folder(self, period: str, number: int) -> str:
        if self.behaviour == "OverwritePreviousReport":
            return run_id(number)
        stamp = f"{period.replace('-', '')}28{number:04d}"
        return f"{stamp}/{run_id(number)}"


def month_folder(period: str) -> str:
    """Return what Azure calls the folder of a month."""
    year, month = period.split("-")
    return f"{year}{month}01-{year}{month}{_LAST_DAYS.get(month, 31)}"


def run_id(number: int) -> str:
    """Return the id of a run; ids are in no order."""
    return f"{(number * 7919) % 997:08x}-0000-4000-8000-000000000000"


_SUFFIXES = {"csv": "csv", "gzip": "csv.gz", "parquet": "parquet"}
_COMPRESSIONS = {"csv": "None", "gzip": "gzip", "parquet": "snappy"}


def encode(table: pa.Table, file_format: str) -> bytes:
    """Return a table as a file."""
    buffer = io.BytesIO()
    if file_format == "parquet":
        pq.write_table(table, buffer, compression="snappy")
        return buffer.getvalue()
    pa_csv.write_csv(table, buffer)
    content = b"\xef\xbb\xbf" + buffer.getvalue()  # Azure writes a byte order mark.
    return gzip.compress(content, mtime=0) if file_format == "gzip" else content


def focus_table(period: str, costs: Sequence[str]) -> pa.Table:
    """Return FOCUS rows of one month, with Microsoft's ways of writing them."""
    rows = len(costs)
    amounts = pa.array([Decimal(cost) for cost in costs], pa.decimal128(38, 9))
    zeros = pa.array([Decimal(0)] * rows, pa.decimal128(38, 9))
    return pa.table(
        {
            "BilledCost": amounts,
            "EffectiveCost": amounts,
            "ContractedCost": zeros,
            "ListCost": amounts,
            "BillingCurrency": ["EUR"] * rows,
            "BillingPeriodStart": [f"{period}-01T00:00:00Z"] * rows,
            "BillingPeriodEnd": [f"{period}-28T00:00:00Z"] * rows,
            "ChargePeriodStart": [f"{period}-05T00:00:00Z"] * rows,
            "ChargePeriodEnd": [f"{period}-06T00:00:00Z"] * rows,
            "ChargeCategory": ["Usage"] * rows,
            "ProviderName": ["Microsoft"] * rows,
            "ResourceId": [
                f"{SUBSCRIPTION}/resourceGroups/ML/n-{n}" for n in range(rows)
            ],
            "Tags": ['{"model": "eta-v2"}'] * rows,
            "x_SkuDetails": ['{"VCPUs": 8}'] * rows,
        }
    )
