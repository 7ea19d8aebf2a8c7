"""Lays out legacy Cost and Usage Reports as AWS does, in both ways of versioning."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.sources.aws.cur_columns import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.ingest.layouts.aws_export_layout import Place


@dataclass(slots=True)
class CurLayout:
    """One report in one place.

    ``compression`` is ``GZIP`` or ``Parquet``; ``makes_new`` tells whether each
    delivery gets a folder of its own; ``copied_from`` is what keys in the manifest
    start with when the bucket was copied.
    """

    place: Place
    prefix: str = "billing"
    report: str = "cur"
    compression: str = "GZIP"
    makes_new: bool = True
    copied_from: str | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def base(self) -> str:
        """Return the key below which everything lies."""
        return f"{self.prefix}/{self.report}" if self.prefix else self.report

    def deliver(self, period: str, *files: Sequence[Mapping[str, str]]) -> list[str]:
        """Deliver a month as so many files; returns their keys."""
        assembly = f"{next(self.numbers):08d}-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
        folder = self._data_folder(period, assembly)
        tails = []
        for number, rows in enumerate(files, start=1):
            tails.append(f"{folder}/{self.report}-{number:05d}.{self._suffix}")
            self.place.put(f"{self.base}/{tails[-1]}", self._encode(rows))
        start = self.copied_from or self.base
        manifest = {
            "assemblyId": assembly,
            "account": "123456789012",
            "columns": _columns(files[0]),
            "charset": "UTF-8",
            "compression": self.compression,
            "contentType": "text/csv",
            "reportName": self.report,
            "billingPeriod": {
                "start": f"{period.replace('-', '')}01T000000.000Z",
                "end": f"{_following(period)}01T000000.000Z",
            },
            "bucket": "where-it-came-from",
            "reportKeys": [f"{start}/{tail}" for tail in tails],
        }
        self.put_manifest(period, manifest, assembly=assembly)
        return [f"{self.base}/{tail}" for tail in tails]

    def put_manifest(
        self, period: str, content: object, *, assembly: str | None = None
    ) -> str:
        """Write a manifest of any content, and its copy; returns its key."""
        text = content if isinstance(content, str) else json.dumps(content)
        name = f"{self.report}-Manifest.json"
        if assembly and self.makes_new:
            copy = f"{self.base}/{month_folder(period)}/{assembly}/{name}"
            self.place.put(copy, text.encode())
        key = f"{self.base}/{month_folder(period)}/{name}"
        self.place.put(key, text.encode())
        return key

    def _data_folder(self, period: str, assembly: str) -> str:
        if self.compression == "Parquet":
            year, month = period.split("-")
            return f"{self.report}/year={year}/month={int(month)}"
        folder = month_folder(period)
        return f"{folder}/{assembly}" if self.makes_new else folder

    @property
    def _suffix(self) -> str:
        suffixes = {"GZIP": "csv.gz", "Parquet": "snappy.parquet", "ZIP": "csv.zip"}
        return suffixes[self.compression]

    def _encode(self, rows: Sequence[Mapping[str, str]]) -> bytes:
        if self.compression == "Parquet":
            return _parquet(rows)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return gzip.compress(text.getvalue().encode(), mtime=0)


def month_folder(period: str) -> str:
    """Return what AWS calls the folder of a month."""
    return f"{period.replace('-', '')}01-{_following(period)}01"


def _following(period: str) -> str:
    year, month = (int(part) for part in period.split("-"))
    return f"{year + month // 12}{month % 12 + 1:02d}"


def _columns(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    pairs = (name.split("/", 1) for name in rows[0])
    return [{"category": category, "name": name} for category, name in pairs]


def _parquet(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return a file as AWS writes it for Athena: other names, and numbers as DOUBLE."""
    columns = {}
    for header in rows[0]:
        values: list[object] = [row[header] or None for row in rows]
        if header.endswith(("Cost", "Amount")):
            values = [None if v is None else float(str(v)) for v in values]
        columns[canonical_name(header)] = values
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="snappy")
    return buffer.getvalue()


def line(cost: str, *, period: str = "2026-05", **other: str) -> dict[str, str]:
    """Return a line of a report."""
    return {
        "identity/LineItemId": f"id-{cost}",
        "bill/InvoiceId": "",
        "bill/BillingEntity": "AWS",
        "bill/PayerAccountId": "000123456789",
        "bill/BillingPeriodStartDate": f"{period}-01T00:00:00Z",
        "lineItem/UsageAccountId": "000123456789",
        "lineItem/LineItemType": "Usage",
        "lineItem/UsageStartDate": f"{period}-05T00:00:00Z",
        "lineItem/UsageEndDate": f"{period}-05T01:00:00Z",
        "lineItem/ProductCode": "AmazonEC2",
        "lineItem/UsageAmount": "1.0",
        "lineItem/CurrencyCode": "USD",
        "lineItem/UnblendedCost": cost,
        "product/region": "eu-central-1",
        "product/instanceType": "p5.48xlarge",
        "reservation/ReservationARN": "",
        "resourceTags/user:Team": "",
        "resourceTags/user:model": "eta-v2",
        **other,
    }
