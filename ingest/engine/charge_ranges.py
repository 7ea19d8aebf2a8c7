"""Read a file's charge start times and accounts from its footer.

The footer of a Parquet file has the smallest and the largest value of each column, so
this takes no pass over the rows. It bounds the file's contents, in any month; where a
column is computed from others, or the writer left statistics out, nothing is known.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from triptych.core.lake.in_place import is_in_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.streams import Stream

#: A column, or a column that is only cast to the type of the stream.
_COLUMN = re.compile(
    r"""^(?:TRY_CAST\(|CAST\(|\()?"((?:[^"]|"")+)"(?:\)|\sAS\s\w+\)|"""
    r"""\sAT\sTIME\sZONE\s'UTC'\))?$"""
)
_Bound = TypeVar("_Bound", datetime, str)
#: The first and the last; NULL where that is not known.
Range = tuple[_Bound | None, _Bound | None]
Ranges = tuple[Range[datetime], Range[str]]
UNKNOWN: Ranges = ((None, None), (None, None))


def ranges_of(file: str, projection: Mapping[str, str], stream: Stream) -> Ranges:
    """Return when charges of a file began, and the accounts that all of them name.

    Parameters
    ----------
    file : str
        Path of a Parquet file; nothing is known of a file that cannot be read or lies
        in a bucket.
    projection : mapping of str to str
        SQL of each canonical column over those of the file.
    stream : Stream
        Stream with ``identity_columns``.
    """
    if is_in_bucket(file):
        return UNKNOWN
    try:
        metadata = pq.read_metadata(file)
    except (OSError, pa.ArrowException):
        return UNKNOWN
    began = _bounds(metadata, projection.get(stream.identity_columns[0], ""))
    accounts = _bounds(metadata, projection.get(stream.account_column, ""))
    return (
        _outermost_of([(_moment(low), _moment(high)) for low, high in began]),
        _outermost_of([_texts(low, high) for low, high in accounts]),
    )


def outermost(ranges: Sequence[Ranges]) -> Ranges:
    """Return ranges that enclose those of all files; unknown if any is."""
    return (
        _outermost_of([moments for moments, _ in ranges]),
        _outermost_of([accounts for _, accounts in ranges]),
    )


def _outermost_of(ranges: Sequence[Range[_Bound]]) -> Range[_Bound]:
    starts = [start for start, _ in ranges if start is not None]
    ends = [end for _, end in ranges if end is not None]
    if not ranges or len(starts) < len(ranges) or len(ends) < len(ranges):
        return None, None
    return min(starts), max(ends)


def _bounds(metadata: pq.FileMetaData, value: str) -> Iterator[tuple[Any, Any]]:
    """Yield the least and the greatest value of a column in each group of rows."""
    named = _COLUMN.match(value)
    names = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
    name = named[1].replace('""', '"') if named else None
    if name not in names:
        yield None, None
        return
    for number in range(metadata.num_row_groups):
        yield _bounds_of(metadata.row_group(number).column(names.index(name)))


def _bounds_of(chunk: pq.ColumnChunkMetaData) -> tuple[Any, Any]:
    statistics = chunk.statistics
    is_whole = statistics is not None and statistics.has_null_count
    if not is_whole or not statistics.has_min_max or statistics.null_count:
        return None, None
    try:
        return statistics.min, statistics.max
    except (pa.ArrowException, ValueError, OverflowError):
        return None, None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    utc = value.astimezone(UTC) if value.tzinfo else value
    # A timestamp with nanoseconds has a separate type if pandas is installed.
    return datetime.combine(utc.date(), utc.time())


def _texts(low: object, high: object) -> Range[str]:
    """Return the bounds of texts: numbers have another order, a blank is no name."""
    if not isinstance(low, str) or not isinstance(high, str):
        return None, None
    return (low, high) if low.strip() and low <= high else (None, None)
