"""Ends an answer that is larger or takes longer than the settings allow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from ingest.sources.tables.databases.failures import Asked
    from ingest.sources.tables.databases.options import QueryOptions

_BYTES_PER_MEGABYTE = 1_000_000


def within_bounds(
    batches: Iterable[pa.RecordBatch], options: QueryOptions, asked: Asked
) -> Iterator[pa.RecordBatch]:
    """Yield batches as long as rows, bytes [MB] and time [s] stay within bounds.

    Raises
    ------
    FatalSourceError
        There are more; none of the answer is to be loaded then.
    """
    deadline = time.monotonic() + options.timeout_seconds
    row_count = byte_count = 0
    for batch in batches:
        row_count += batch.num_rows
        byte_count += batch.nbytes
        if row_count > options.max_rows:
            raise _too_much(f"{options.max_rows:,} rows", "max_rows", asked)
        if byte_count > options.max_megabytes * _BYTES_PER_MEGABYTE:
            raise _too_much(f"{options.max_megabytes:,} MB", "max_megabytes", asked)
        if time.monotonic() > deadline:
            raise asked.out_of_time()
        yield batch


def _too_much(bound: str, option: str, asked: Asked) -> FatalSourceError:
    return FatalSourceError(
        f"The query answers more than {bound}; nothing of it was loaded.",
        where=asked.where,
        next_step="Add the rows up in the query (a row per day is enough), declare a"
        f" 'cursor', or raise {option!r}.",
    )
