"""Reads exports of LiteLLM's tables: Parquet, CSV and JSON Lines, line by line.

Only the columns that count are taken from a line; the texts of requests and answers
never leave the file. The columns identify the table.
"""

from __future__ import annotations

import csv
import json
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.sources.llm_gateways.litellm_lines import (
    DAY_COLUMNS,
    LOG_COLUMNS,
    refused_day,
    refused_log,
)
from ingest.storage.files import LocalFiles, open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.reading.text_rows import Row
    from ingest.sources.llm_gateways.gateway_usage import Line, Reading, Tally
    from ingest.sources.llm_gateways.litellm_lines import LineReader

_WANTED = dict.fromkeys((*LOG_COLUMNS, *DAY_COLUMNS))
_NULLS = frozenset({"", "NULL", "null", "\\N"})
#: A request's text may stand in a cell that is passed over.
_LARGEST_CELL = 256 * 1024 * 1024
_BATCH_ROWS = 8_192
_AGAIN = "Deliver it again; what was loaded before stays current."


def count_file(
    path: Path,
    *,
    label: str,
    tally: Tally,
    reader: LineReader,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> None:
    """Add each distinct line of an export to a tally.

    Raises
    ------
    MalformedDeliveryError
        It cannot be read, or is no table that counts requests.
    """
    seen: set[object] = set()
    try:
        columns, lines = _open(path, delimiter=delimiter, encoding=encoding)
        table = _table(columns, label, reader)
        for line in lines:
            identity = line.get(table.key)
            if identity is not None and identity in seen:
                continue
            seen.add(identity)
            table.count(line, tally)
    except (EOFError, zlib.error) as error:
        raise MalformedDeliveryError(
            "The gzip file ends before its end: it was cut off on the way.",
            where=label,
            next_step=_AGAIN,
        ) from error
    except (csv.Error, ValueError, OSError) as error:
        raise MalformedDeliveryError(
            f"It cannot be read: {reason_of(error)}.", where=label, next_step=_AGAIN
        ) from error


@dataclass(frozen=True, slots=True)
class _Table:
    """Reading rules for lines of a table; ``key`` identifies a line."""

    key: str
    read: Callable[[Line], Reading]
    refuse: Callable[[Line], Row]
    tag_prefix: str | None = None

    def count(self, line: Line, tally: Tally) -> None:
        is_other_tag = self.tag_prefix is not None and not str(
            line.get("tag") or ""
        ).startswith(self.tag_prefix)
        if is_other_tag:
            return
        tally.count(line, self.read, self.refuse)


def _table(columns: Sequence[str], label: str, reader: LineReader) -> _Table:
    names = set(columns)
    if {"request_id", "startTime"} <= names:
        return _Table("request_id", reader.of_log, refused_log)
    if {"date", "api_requests"} <= names:
        if "tag" not in names:
            return _Table("id", reader.of_day, refused_day)
        if reader.feature_tag_prefix:
            prefix = reader.feature_tag_prefix
            return _Table("id", reader.of_day, refused_day, prefix)
        raise MalformedDeliveryError(
            "It is the daily spend by tag, in which a request appears once for each of"
            " its tags.",
            where=label,
            next_step="Set 'feature_tag_prefix' to the beginning of the tags of which"
            " a request has one, or deliver the spend logs.",
        )
    raise MalformedDeliveryError(
        "It is no table of LiteLLM that counts requests: it has neither request_id and"
        " startTime nor date and api_requests.",
        where=label,
        next_step="Deliver LiteLLM_SpendLogs, or a daily table such as"
        " LiteLLM_DailyTeamSpend, with its own column names.",
    )


def _open(
    path: Path, *, delimiter: str, encoding: str
) -> tuple[Sequence[str], Iterator[Line]]:
    """Return the columns that are there and the lines, of those that count."""
    format_ = LocalFiles.format_of(path)
    if format_ == "parquet":
        return _open_parquet(path)
    if format_ == "csv":
        return _open_csv(path, delimiter=delimiter, encoding=encoding)
    return _open_json_lines(path, encoding=encoding)


def _open_parquet(path: Path) -> tuple[Sequence[str], Iterator[Line]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    columns = [name for name in file.schema_arrow.names if name in _WANTED]

    def lines() -> Iterator[Line]:
        with file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()

    return columns, lines()


def _open_csv(
    path: Path, *, delimiter: str, encoding: str
) -> tuple[Sequence[str], Iterator[Line]]:
    csv.field_size_limit(_LARGEST_CELL)
    with open_text(path, encoding=encoding) as text:
        header = next(csv.reader(text, delimiter=delimiter), [])
    positions = {name: i for i, name in enumerate(header) if name in _WANTED}

    def lines() -> Iterator[Line]:
        with open_text(path, encoding=encoding) as text:
            rows = csv.reader(text, delimiter=delimiter)
            next(rows, None)
            for row in rows:
                if row:
                    yield {name: _cell(row, i) for name, i in positions.items()}

    return list(positions), lines()


def _cell(row: Sequence[str], position: int) -> str | None:
    value = row[position] if position < len(row) else ""
    return None if value in _NULLS else value


def _open_json_lines(
    path: Path, *, encoding: str
) -> tuple[Sequence[str], Iterator[Line]]:
    def lines() -> Iterator[Line]:
        with open_text(path, encoding=encoding) as text:
            for line in filter(str.strip, text):
                yield _record(line)

    first: Line = next(filter(None, lines()), {})
    return list(first), lines()


def _record(line: str) -> Line:
    """Return the columns that count; a damaged line has none, and is refused."""
    try:
        record = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {name: record[name] for name in _WANTED if name in record}
