"""Google's detailed usage cost export, nested as BigQuery has it.

Months are Parquet files as BigQuery writes them; a single month is JSON Lines, as ``bq
extract`` writes it. Money is floating point there. Google bills millionths, and their
shortest text is the value as written.

Source: Cloud Billing documentation, structure of the detailed usage cost data export.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.sample_company.formats.columns import chosen, constant, times
from ingest.sample_company.money import MICRO

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.sample_company.charges import Lines

TABLE_PREFIX: Final = "gcp_billing_export_resource_v1_"
_ROWS_PER_PART: Final = 50_000
_MICROS: Final = 1_000_000
_EXPORT_DELAY_SECONDS: Final = 5 * 3_600
_BROKEN_COST: Final = "not yet known"
_LABEL: Final = pa.struct([("key", pa.string()), ("value", pa.string())])
_CREDIT: Final = pa.struct(
    [
        ("name", pa.string()),
        ("amount", pa.float64()),
        ("full_name", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
    ]
)
_COST_TYPE: Final = {"tax": "tax", "rounding": "rounding_error"}


@dataclass(frozen=True, slots=True)
class ExportAccount:
    """The billing account, and where its projects run."""

    id: str
    region: str = "europe-west3"

    @property
    def table(self) -> str:
        """Return the name of the table in BigQuery."""
        return TABLE_PREFIX + self.id.replace("-", "_")


class GcpExportMonth:
    """Writer of the export rows of an invoice month.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    account : ExportAccount
        Billing account.
    name : str
        File name without its ending.
    is_json : bool
        True to write JSON Lines, with a broken value, instead of Parquet.
    """

    def __init__(
        self, folder: Path, account: ExportAccount, *, name: str, is_json: bool
    ) -> None:
        target = folder / account.table
        target.mkdir(parents=True, exist_ok=True)
        self._account = account
        ending = "jsonl.gz" if is_json else "parquet"
        self._path = target / f"{name}.{ending}"
        self._writer: pq.ParquetWriter | None = None
        self._json = _JsonLines(self._path) if is_json else None
        self._pending: list[pa.Table] = []

    def add(self, lines: Lines) -> None:
        """Append the lines of a charge."""
        for start in range(0, len(lines), _ROWS_PER_PART):
            table = _table(lines.part(start, start + _ROWS_PER_PART), self._account)
            if self._json is not None:
                self._json.write(table)
                continue
            self._pending.append(table)
            if sum(part.num_rows for part in self._pending) >= _ROWS_PER_PART:
                self._flush()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
        if self._json is not None:
            self._json.close()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending = []
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, table.schema, compression="snappy", store_schema=False
            )
        self._writer.write_table(table)


class _JsonLines:
    """Rows as JSON Lines; the first is repeated with a cost that is no number."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        self._is_first = True

    def write(self, table: pa.Table) -> None:
        rows = table.to_pylist()
        if self._is_first:
            rows.insert(0, {**rows[0], "cost": _BROKEN_COST})
            self._is_first = False
        text = "".join(json.dumps(row, default=_instant) + "\n" for row in rows)
        self._file.write(text.encode())

    def close(self) -> None:
        self._file.close()
        self._raw.close()


def _instant(value: Any) -> str:  # noqa: ANN401  (what json cannot write)
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _table(lines: Lines, account: ExportAccount) -> pa.Table:
    charge, count = lines.charge, len(lines)
    cost = lines.amount // MICRO / _MICROS
    month = charge.month
    columns = {
        "billing_account_id": _text(account.id, count),
        "service": _record(
            id=_text(charge.sku.service_id or None, count),
            description=_text(charge.sku.service, count),
        ),
        "sku": _record(
            id=_text(charge.sku.sku_id, count),
            description=_text(charge.sku.description, count),
        ),
        "usage_start_time": times(lines.started_at),
        "usage_end_time": times(lines.ended_at),
        "project": _project(lines),
        "labels": _labels(charge.tags, count),
        "system_labels": _labels((), count),
        "location": _record(
            location=_text(account.region, count),
            country=_text("DE", count),
            region=_text(account.region, count),
            zone=_text(None, count),
        ),
        "tags": _labels((), count),
        "transaction_type": _text("GOOGLE", count),
        "seller_name": _text(None, count),
        "export_time": times(lines.ended_at + _EXPORT_DELAY_SECONDS),
        "cost": pa.array(cost),
        "currency": _text(charge.currency, count),
        "currency_conversion_rate": pa.array(np.ones(count)),
        "usage": _usage(lines, cost),
        "credits": _credits(lines),
        "invoice": _record(
            month=_text(month.label.replace("-", ""), count),
            publisher_type=_text("GOOGLE", count),
        ),
        "cost_type": _text(_COST_TYPE.get(charge.kind, "regular"), count),
        "adjustment_info": _record(
            id=_text(None, count),
            description=_text(None, count),
            mode=_text(None, count),
            type=_text(None, count),
        ),
        "cost_at_list": pa.array(cost),
        "resource": _resource(lines),
        "price": _price(lines),
        "consumption_model": _record(
            id=_text("7754-699E-0EBF", count), description=_text("Default", count)
        ),
    }
    return pa.table(columns)


def _text(value: str | None, count: int) -> pa.Array:
    return constant(value, count).cast(pa.string())


def _record(**fields: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))


def _labels(pairs: tuple[tuple[str, str], ...], count: int) -> pa.Array:
    entries = [{"key": key, "value": value} for key, value in pairs]
    offsets = np.arange(count + 1, dtype=np.int32) * len(entries)
    index = np.tile(np.arange(len(entries)), count)
    values = pa.array(entries, _LABEL).take(pa.array(index, pa.int64()))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _project(lines: Lines) -> pa.Array:
    account, count = lines.charge.account, len(lines)
    number = str(700_000_000_000 + sum(account.id.encode())) if account.id else None
    return _record(
        id=_text(account.id or None, count),
        number=_text(number, count),
        name=_text(account.name or None, count),
        labels=_labels((), count),
    )


def _usage(lines: Lines, cost: NDArray[np.float64]) -> pa.Array:
    sku, count = lines.charge.sku, len(lines)
    if not sku.unit:
        nothing = pa.nulls(count, pa.float64())
        return _usage_record(nothing, nothing, None, None, count)
    priced = np.round(cost / sku.price, 9)
    consumed = np.round(priced * sku.consumed_per_unit, 3)
    return _usage_record(
        pa.array(consumed), pa.array(priced), sku.consumed_unit, sku.unit, count
    )


def _usage_record(
    amount: pa.Array,
    priced: pa.Array,
    unit: str | None,
    pricing_unit: str | None,
    count: int,
) -> pa.Array:
    return _record(
        amount=amount,
        unit=_text(unit, count),
        amount_in_pricing_units=priced,
        pricing_unit=_text(pricing_unit, count),
    )


def _credits(lines: Lines) -> pa.Array:
    """Return the list of credits of each row; empty where there are none."""
    rates = lines.charge.credits
    count = len(lines)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * len(rates))
    if not rates:
        return pa.ListArray.from_arrays(offsets, pa.array([], _CREDIT))
    amounts = np.stack(lines.credits, axis=1).ravel() // MICRO / _MICROS
    index = np.tile(np.arange(len(rates)), count)
    name = chosen([rate.name for rate in rates], index).cast(pa.string())
    values = pa.StructArray.from_arrays(
        [
            name,
            pa.array(amounts),
            name,
            chosen([rate.name.lower() for rate in rates], index).cast(pa.string()),
            chosen([rate.type for rate in rates], index).cast(pa.string()),
        ],
        fields=list(_CREDIT),
    )
    return pa.ListArray.from_arrays(offsets, values)


def _resource(lines: Lines) -> pa.Array:
    charge, count = lines.charge, len(lines)
    if not charge.sku.resource_type:
        return _record(name=_text(None, count), global_name=_text(None, count))
    names = [f"{charge.name}-{n:02d}" for n in range(1, charge.resource_count + 1)]
    prefix = f"//googleapis.com/projects/{charge.account.id}/"
    return _record(
        name=chosen(names, lines.resource).cast(pa.string()),
        global_name=chosen([prefix + n for n in names], lines.resource).cast(
            pa.string()
        ),
    )


def _price(lines: Lines) -> pa.Array:
    sku, count = lines.charge.sku, len(lines)
    price = np.full(count, sku.price) if sku.unit else np.zeros(count)
    return _record(
        effective_price=pa.array(price),
        tier_start_amount=pa.array(np.zeros(count)),
        unit=_text(sku.unit or None, count),
        pricing_unit_quantity=pa.array(np.ones(count)),
    )
