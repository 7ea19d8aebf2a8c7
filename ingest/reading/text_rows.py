"""Rows of a stream, each value as the text that lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.connector import RowsPart
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

#: Canonical column → its value as text.
Row = dict[str, "str | None"]

_ROWS_PER_BATCH = 5_000


def text_rows(stream: str, rows: Iterable[Row], uri: str) -> RowsPart:
    """Return rows of a stream as a part with text columns only.

    Raises
    ------
    KeyError
        A row has a column that the stream has not: an error of the caller.
    """
    import pyarrow as pa

    whole = list(rows)
    names = [column.name for column in STREAMS[stream].columns]
    unknown = {name for row in whole for name in row}.difference(names)
    if unknown:
        raise KeyError(min(unknown))
    schema = pa.schema([(name, pa.string()) for name in names])
    return RowsPart(_batches(whole, schema), schema, uri)


def _batches(rows: Sequence[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for start in range(0, len(rows), _ROWS_PER_BATCH):
        yield pa.RecordBatch.from_pylist(
            rows[start : start + _ROWS_PER_BATCH], schema=schema
        )
