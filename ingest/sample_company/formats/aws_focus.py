"""AWS Data Exports: FOCUS 1.2 as Parquet, in the layout of the bucket.

A month is written file by file, its manifest last. Leftovers of AWS are written too:
executions that were superseded, and chunks that an overwrite blanked.

Source: AWS Data Exports user guide, *Understanding export delivery*.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.sample_company.formats.columns import constant
from ingest.sample_company.formats.focus import COLUMNS_1_2, focus_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.charges import Lines
    from ingest.sample_company.formats.focus import Biller
    from ingest.sample_company.timeline import Month

EXPORT: Final = "focus"
BUCKET: Final = "nordhafen-billing"
_PREFIX: Final = "exports"
_ROWS_PER_FILE: Final = 400_000
_ROWS_PER_PART: Final = 50_000
_UNKNOWN_CURRENCY: Final = "EUX"
_FILE_SUFFIX: Final = "snappy.parquet"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Form in which a month is delivered.

    ``keeps_executions`` is CREATE_NEW_REPORT: a folder for each execution.
    ``is_superseded`` leaves an older execution beside the current execution,
    ``has_blanked_chunk`` a data file of zero bytes, ``has_hostile_row`` a row in a
    currency that does not exist.
    """

    keeps_executions: bool
    is_superseded: bool = False
    has_blanked_chunk: bool = False
    has_hostile_row: bool = False


class AwsFocusMonth:
    """Writer of a billing month; :meth:`close` puts the manifest.

    Parameters
    ----------
    folder : Path
        Folder that represents the bucket.
    month : Month
        Billing month.
    delivery : Delivery
        Form in which it is delivered.
    expected_rows : int
        About how many rows will come; a month has at least two files.
    """

    def __init__(
        self, folder: Path, month: Month, *, delivery: Delivery, expected_rows: int
    ) -> None:
        self._base = folder / _PREFIX / EXPORT
        self._partition = f"BILLING_PERIOD={month.label}"
        self._delivery = delivery
        self._execution = _execution_id(month, "current")
        self._old_execution = _execution_id(month, "superseded")
        self._rows_per_file = min(_ROWS_PER_FILE, expected_rows // 2 + 1)
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._tails: list[str] = []
        self._schema: pa.Schema | None = None

    def add(self, lines: Lines, biller: Biller) -> None:
        """Append the lines of a charge."""
        for start in range(0, len(lines), _ROWS_PER_PART):
            table = _table(lines.part(start, start + _ROWS_PER_PART), biller)
            if self._delivery.has_hostile_row and self._schema is None:
                table = pa.concat_tables([_hostile(table), table])
            self._schema = table.schema
            self._pending.append(table)
            self._pending_rows += table.num_rows
            if self._pending_rows >= self._rows_per_file:
                self._flush()

    def close(self) -> None:
        """Write the remaining rows, then the manifests."""
        self._flush()
        if self._delivery.has_blanked_chunk:
            number = len(self._tails) + 1
            self._data_path(self._tail(number)).write_bytes(b"")
        manifests = [("", self._manifest(self._execution, self._tails))]
        if self._delivery.keeps_executions:
            manifests.append((self._execution, manifests[0][1]))
        if self._delivery.is_superseded:
            old = self._manifest(self._old_execution, [self._tail(1, is_old=True)])
            manifests.append((self._old_execution, old))
        for execution, content in manifests:
            path = self._base / "metadata" / self._partition / execution
            path.mkdir(parents=True, exist_ok=True)
            (path / f"{EXPORT}-Manifest.json").write_text(content, encoding="utf-8")

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending).unify_dictionaries()
        self._pending, self._pending_rows = [], 0
        self._tails.append(self._tail(len(self._tails) + 1))
        _write(table, self._data_path(self._tails[-1]))
        if self._delivery.is_superseded and len(self._tails) == 1:
            partial = table.slice(0, table.num_rows * 3 // 5)
            _write(partial, self._data_path(self._tail(1, is_old=True)))

    def _tail(self, number: int, *, is_old: bool = False) -> str:
        execution = self._old_execution if is_old else self._execution
        folder = f"{execution}/" if self._delivery.keeps_executions else ""
        name = f"{EXPORT}-{number:05d}.{_FILE_SUFFIX}"
        return f"data/{self._partition}/{folder}{name}"

    def _data_path(self, tail: str) -> Path:
        path = self._base / tail
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _manifest(self, execution: str, tails: list[str]) -> str:
        assert self._schema is not None  # noqa: S101  (a month has at least one row)
        columns = [
            {"name": field.name, "type": _aws_type(field.type)}
            for field in self._schema
        ]
        content = {
            "exportArn": "arn:aws:bcm-data-exports:us-east-1:010000000002:export/"
            f"{EXPORT}-3f9d6b1e",
            "executionId": execution,
            "columns": columns,
            "dataFiles": [f"s3://{BUCKET}/{_PREFIX}/{EXPORT}/{tail}" for tail in tails],
        }
        return json.dumps(content, indent=1) + "\n"


def _table(lines: Lines, biller: Biller) -> pa.Table:
    rows = focus_rows(lines, biller)
    sku = lines.charge.sku
    columns = {name: rows[name] for name in COLUMNS_1_2}
    columns["x_Operation"] = constant(sku.service_id or None, len(lines))
    columns["x_ServiceCode"] = constant(sku.service.replace(" ", ""), len(lines))
    return pa.table(columns)


def _hostile(table: pa.Table) -> pa.Table:
    """Return a copy of the first row in a currency that does not exist."""
    row = table.slice(0, 1)
    position = row.schema.get_field_index("BillingCurrency")
    return row.set_column(position, "BillingCurrency", constant(_UNKNOWN_CURRENCY, 1))


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="snappy", store_schema=False)


def _execution_id(month: Month, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{EXPORT}/{month.label}/{name}"))


def _aws_type(type_: pa.DataType) -> str:
    if pa.types.is_map(type_):
        return "map<string,string>"
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    return "timestamp" if pa.types.is_timestamp(type_) else "string"
