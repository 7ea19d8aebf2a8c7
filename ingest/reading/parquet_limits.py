"""Limits on Parquet files, checked by footer before an engine opens them.

Text has the same limits where it is read. A file beyond a limit stops its own delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.reading.malformed import MOST_COLUMNS
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

#: Levels of lists and records; exports of bills have three.
_MOST_LEVELS: Final = 32
_LARGEST_CELL_BYTES = 16 * 1024**2
#: Repeated values take nearly no room, so the size of a file bounds no number of rows.
_HARMLESS_ROWS = 10_000_000
_MOST_ROWS_PER_BYTE: Final = 10


def refuse_beyond_limits(path: Path, origin: str) -> None:
    """Refuse a file with more columns, levels, rows or larger cells than are read.

    Parameters
    ----------
    path : Path
        The file; a file that is not Parquet is left to the engine, which reports it.
    origin : str
        The file as messages name it.

    Raises
    ------
    MalformedDeliveryError
        It is beyond a limit.
    """
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return
    if metadata.num_columns > MOST_COLUMNS:
        raise _beyond(
            f"The file has {metadata.num_columns:,} columns, and at most"
            f" {MOST_COLUMNS:,} are read.",
            origin,
            "Export the columns that the stream has.",
        )
    _refuse_too_deep(metadata, origin)
    most_rows = max(_HARMLESS_ROWS, path.stat().st_size * _MOST_ROWS_PER_BYTE)
    if metadata.num_rows > most_rows:
        raise _beyond(
            f"The file announces {metadata.num_rows:,} rows in"
            f" {path.stat().st_size:,} bytes, which no bill does.",
            origin,
            "Look at what wrote it, and deliver it again.",
        )
    _refuse_too_large(metadata, path, origin)


def _refuse_too_deep(metadata: pq.FileMetaData, origin: str) -> None:
    schema = metadata.schema
    for number in range(metadata.num_columns):
        column = schema.column(number)
        if column.max_definition_level > _MOST_LEVELS:
            raise _beyond(
                f"Column {column.path.partition('.')[0]!r} is nested in more than"
                f" {_MOST_LEVELS} levels.",
                origin,
                "Deliver it without so many levels.",
            )


def _refuse_too_large(metadata: pq.FileMetaData, path: Path, origin: str) -> None:
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        if rows.total_byte_size <= _LARGEST_CELL_BYTES:
            continue
        for number in range(rows.num_columns):
            chunk = rows.column(number)
            if chunk.physical_type != "BYTE_ARRAY":
                continue
            if chunk.total_uncompressed_size <= _LARGEST_CELL_BYTES:
                continue  # it holds no cell that is larger
            name = chunk.path_in_schema
            if _largest_cell(path, group, name, chunk) > _LARGEST_CELL_BYTES:
                raise _beyond(
                    f"A cell of column {name!r} is larger than"
                    f" {_LARGEST_CELL_BYTES // 1024**2} MB.",
                    origin,
                    "Export the column without it, or leave the column out.",
                )


def _largest_cell(
    path: Path, group: int, name: str, chunk: pq.ColumnChunkMetaData
) -> int:
    """Return the size of the largest cell in bytes; on average is enough to refuse."""
    average = chunk.total_uncompressed_size // max(1, chunk.num_values)
    if average > _LARGEST_CELL_BYTES or "." in name:
        return int(average)
    largest = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(4_096, row_groups=[group], columns=[name]):
            column = batch.column(0)
            if pa.types.is_dictionary(column.type):
                column = column.dictionary
            if pa.types.is_decimal(column.type):
                return int(average)  # sixteen or thirty-two bytes each
            size = pc.max(pc.binary_length(column)).as_py()
            largest = max(largest, size or 0)
    return largest


def _beyond(what: str, origin: str, next_step: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(what, where=origin, next_step=next_step)
