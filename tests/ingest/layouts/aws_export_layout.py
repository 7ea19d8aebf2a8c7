"""Lays out AWS Data Exports as AWS does: data files first, the manifest last.

Writes into a bucket through boto3, data files as multipart uploads, or into a
folder. Both delivery modes are here, and what they leave behind: superseded
executions, manifests of single executions, chunks with zero bytes, partitions in the
other case.
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SMALLEST_PART_BYTES = 5 * 1024 * 1024
_TAGS = pa.map_(pa.string(), pa.string())


class Place(Protocol):
    """Somewhere objects are written to."""

    @property
    def uri(self) -> str:
        """Return what a manifest puts before a key."""

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; data files are uploaded in several parts when they are large enough."""

    client: Any
    name: str
    part_bytes: int = _SMALLEST_PART_BYTES

    @property
    def uri(self) -> str:
        """Return the bucket's address."""
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in parts when it is larger than one."""
        if len(content) <= self.part_bytes:
            self.client.put_object(Bucket=self.name, Key=key, Body=content)
            return
        upload = self.client.create_multipart_upload(Bucket=self.name, Key=key)
        address = {"Bucket": self.name, "Key": key, "UploadId": upload["UploadId"]}
        parts: list[dict[str, Any]] = []
        for start in range(0, len(content), self.part_bytes):
            number = len(parts) + 1
            answer = self.client.upload_part(
                **address,
                PartNumber=number,
                Body=content[start : start + self.part_bytes],
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.client.complete_multipart_upload(
            **address, MultipartUpload={"Parts": parts}
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that stands for a bucket; URIs still name the bucket it came from."""

    path: Path
    uri: str = "s3://where-it-came-from"

    def put(self, key: str, content: bytes) -> None:
        """Write a file."""
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """One export in one place.

    ``partition`` is the case in which AWS writes it; ``copied_from`` is what URIs
    start with when the bucket was copied.
    """

    place: Place
    prefix: str = "exports"
    export: str = "focus"
    partition: str = "BILLING_PERIOD"
    copied_from: str | None = None

    @property
    def base(self) -> str:
        """Return the key below which everything lies."""
        return f"{self.prefix}/{self.export}" if self.prefix else self.export

    def overwrite(
        self, period: str, tables: Sequence[pa.Table], *, file_format: str = "parquet"
    ) -> list[str]:
        """Deliver as OVERWRITE_REPORT does; returns the keys of the data files."""
        folder = f"data/{self.partition}={period}"
        return self._deliver(period, folder, tables, file_format, [])

    def create_new(
        self,
        period: str,
        tables: Sequence[pa.Table],
        *,
        execution: str,
        file_format: str = "parquet",
    ) -> list[str]:
        """Deliver as CREATE_NEW_REPORT does: a folder and a manifest per execution."""
        folder = f"data/{self.partition}={period}/{execution}"
        return self._deliver(period, folder, tables, file_format, [execution])

    def leave_blanked_chunk(self, period: str, number: int) -> None:
        """Leave what an overwrite with fewer files leaves: zero bytes."""
        name = f"{self.export}-{number:05d}.snappy.parquet"
        key = f"{self.base}/data/{self.partition}={period}/{name}"
        self.place.put(key, b"")

    def put_manifest(self, period: str, content: object) -> str:
        """Write a manifest of any content; returns its key."""
        key = self._manifest_key(period, [])
        text = content if isinstance(content, str) else json.dumps(content)
        self.place.put(key, text.encode())
        return key

    def _deliver(
        self,
        period: str,
        folder: str,
        tables: Sequence[pa.Table],
        file_format: str,
        execution: list[str],
    ) -> list[str]:
        tails = []
        for number, table in enumerate(tables, start=1):
            name = f"{self.export}-{number:05d}.{_SUFFIXES[file_format]}"
            tails.append(f"{folder}/{name}")
            content = _encode(table, file_format)
            self.place.put(f"{self.base}/{tails[-1]}", content)
        manifest = self._manifest(tails, tables[0].schema, execution)
        for place in [execution, []] if execution else [[]]:
            self.place.put(self._manifest_key(period, place), manifest)
        sibling = self._manifest_key(period, []).replace(".json", "-FOCUS.json")
        self.place.put(sibling, b'{"Schema": {"ColumnDefinition": []}}')
        return [f"{self.base}/{tail}" for tail in tails]

    def _manifest(
        self, tails: list[str], schema: pa.Schema, execution: list[str]
    ) -> bytes:
        start = self.copied_from or f"{self.place.uri}/{self.base}"
        content = {
            "executionId": execution[0] if execution else "overwritten",
            "exportArn": f"arn:aws:bcm-data-exports:::export/{self.export}",
            "columns": [
                {"name": field.name, "type": str(field.type)} for field in schema
            ],
            "dataFiles": [f"{start}/{tail}" for tail in tails],
        }
        return json.dumps(content).encode()

    def _manifest_key(self, period: str, execution: list[str]) -> str:
        folders = [self.base, "metadata", f"{self.partition}={period}", *execution]
        return "/".join([*folders, f"{self.export}-Manifest.json"])


_SUFFIXES = {"parquet": "snappy.parquet", "csv": "csv.gz"}


def _encode(table: pa.Table, file_format: str) -> bytes:
    buffer = io.BytesIO()
    if file_format == "parquet":
        pq.write_table(table, buffer, compression="snappy")
        return buffer.getvalue()
    flat = [
        pa.array([json.dumps(dict(value)) for value in column.to_pylist()])
        if pa.types.is_map(column.type)
        else column
        for column in table.columns
    ]
    pa_csv.write_csv(pa.table(flat, names=table.column_names), buffer)
    return gzip.compress(buffer.getvalue(), mtime=0)


def focus_table(
    period: str, costs: Sequence[str], *, is_decimal: bool = False
) -> pa.Table:
    """Return FOCUS rows of one month.

    AWS delivers costs as DOUBLE, and as DECIMAL in some tables.
    """
    first = datetime.fromisoformat(f"{period}-01").replace(tzinfo=UTC)
    after = first.replace(day=2)
    amounts = _amounts(costs, is_decimal=is_decimal)
    count = len(costs)
    instant = pa.timestamp("ms", tz="UTC")
    return pa.table(
        {
            "BilledCost": amounts,
            "EffectiveCost": amounts,
            "BillingCurrency": ["USD"] * count,
            "BillingPeriodStart": pa.array([first] * count, instant),
            "ChargePeriodStart": pa.array([first] * count, instant),
            "ChargePeriodEnd": pa.array([after] * count, instant),
            "ChargeCategory": ["Usage"] * count,
            "ProviderName": ["AWS"] * count,
            "ResourceId": [f"r-{n}" for n in range(count)],
            "Tags": pa.array([[("model", "eta-v2")]] * count, _TAGS),
        }
    )


def cur2_table(period: str, costs: Sequence[str]) -> pa.Table:
    """Return CUR 2.0 rows of one month."""
    first = datetime.fromisoformat(f"{period}-01").replace(tzinfo=UTC)
    count = len(costs)
    instant = pa.timestamp("ms")
    times = pa.array([first.replace(tzinfo=None)] * count, instant)
    return pa.table(
        {
            "line_item_unblended_cost": _amounts(costs, is_decimal=False),
            "line_item_currency_code": ["USD"] * count,
            "bill_billing_period_start_date": times,
            "line_item_usage_start_date": times,
            "line_item_usage_end_date": times,
            "line_item_line_item_type": ["Usage"] * count,
            "line_item_product_code": ["AmazonEC2"] * count,
            "resource_tags": pa.array([[("user_model", "eta-v2")]] * count, _TAGS),
        }
    )


def _amounts(costs: Sequence[str], *, is_decimal: bool) -> pa.Array:
    if is_decimal:
        return pa.array([Decimal(cost) for cost in costs], pa.decimal128(38, 9))
    return pa.array([float(cost) for cost in costs], pa.float64())
