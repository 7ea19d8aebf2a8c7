"""Hands over rows of Railway as Arrow batches with the schema of their stream."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from ingest.connector import RowsPart
from ingest.streams import MONEY, QUANTITY, STREAMS, TAGS, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

_ROWS_PER_BATCH = 5_000


def rows_part(
    stream: str,
    rows: Iterable[dict[str, Any]],
    *,
    uri: str,
    extra: tuple[str, ...] = (),
) -> RowsPart:
    """Return rows of a stream; columns that a row does not have are NULL.

    Parameters
    ----------
    stream : str
        Stream with their columns.
    rows : iterable of dict
        Values by column; all are read at once, so that a bad answer commits nothing.
    uri : str
        Origin of the rows.
    extra : tuple of str
        Texts that are kept beside the canonical columns, for people who inspect a row.
    """
    import pyarrow as pa

    schema = _arrow_schema(stream, extra)
    plain = [_plain(row) for row in rows]
    chunks = [
        plain[start : start + _ROWS_PER_BATCH]
        for start in range(0, len(plain), _ROWS_PER_BATCH)
    ]
    batches = [pa.RecordBatch.from_pylist(chunk, schema=schema) for chunk in chunks]
    return RowsPart(batches, schema, uri)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _arrow_schema(stream: str, extra: tuple[str, ...]) -> pa.Schema:
    import pyarrow as pa

    types = {
        MONEY: pa.decimal128(38, 18),
        QUANTITY: pa.decimal128(38, 18),
        TIMESTAMP: pa.timestamp("us", tz="UTC"),
        TAGS: pa.map_(pa.string(), pa.string()),
        "BOOLEAN": pa.bool_(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
    }
    columns = [
        (c.name, types.get(c.type, pa.string())) for c in STREAMS[stream].columns
    ]
    return pa.schema(columns + [(name, pa.string()) for name in extra])
