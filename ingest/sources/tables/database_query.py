"""A query of a database as deliveries: whole, or month by month of a cursor.

A warehouse keeps no list of changes, so content decides: the requested rows are read to
the end and digested, and only differing parts are loaded. With a cursor, a month is
requested until it was read ``lookback_days`` after its end; then it has settled, which
is noted with its load, and only a requested window or a change of the query asks again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Self

from ingest.connector import Delivery, RowsPart, Window
from ingest.source_kinds.calendar import first_days, month_start
from ingest.sources.tables.databases.database import open_database
from ingest.sources.tables.databases.statement import as_subquery
from triptych.core.spare_engines import spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.tables.connector import TablesConfig
    from ingest.sources.tables.databases.database import Database
    from ingest.sources.tables.databases.options import DatabaseOptions

_WHOLE = "query"
_DIGEST = (
    "SELECT count(*), sum(md5_number_lower(v)), sum(md5_number_upper(v))"
    " FROM (SELECT CAST(batch AS VARCHAR) AS v FROM batch)"
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of an answer that is a separate delivery.

    ``scope`` names it over time; ``period`` is its month, or ``all``; ``has_settled``
    means that nothing of it is expected to change.
    """

    scope: str
    period: str
    sql: str
    has_settled: bool = False


class DatabaseQuery:
    """Query of a ``tables`` source on a database.

    Parameters
    ----------
    config : TablesConfig
        The source, with a ``query`` that is run against ``options``.
    options : DatabaseOptions
        The database, the bounds and the cursor.
    root : Path
        Workspace folder.
    """

    def __init__(
        self, config: TablesConfig, options: DatabaseOptions, *, root: Path
    ) -> None:
        self._config = config
        self._options = options
        self._sql = as_subquery(config.query or "")
        self._root = root
        self._memos: dict[str, str] = {}

    @classmethod
    def of(cls, config: TablesConfig, *, root: Path) -> Self | None:
        """Return the query of a source; ``None`` if it asks no database."""
        if config.database is None:
            return None
        return cls(config, config.database, root=root)

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Accept the notes kept with the loads of the source's stream."""
        stream = self._config.stream
        self._memos = {
            scope: memo for (of, scope), memo in memos.items() if of == stream
        }

    def columns(self) -> dict[str, str]:
        """Return the columns of the query's result: name → DuckDB type."""
        schema = self._opened().schema(f"SELECT * FROM {self._sql} AS answer")
        with spare_engine() as connection:
            connection.register("answer", schema.empty_table())
            described = connection.execute("DESCRIBE answer").fetchall()
        return {str(name): str(type_) for name, type_, *_ in described}

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer the whole answer, or each month that may have changed."""
        for part in self._slices(window):
            row_count, digest = content(self._opened().batches(part.sql))
            is_loaded = part.scope in self._memos
            if not (row_count or is_loaded or part.scope == _WHOLE):
                continue
            yield Delivery(
                stream=self._config.stream,
                scope=part.scope,
                period=part.period,
                fingerprint=f"{digest}-{row_count}-{self._reading}",
                label=f"{part.scope} of source {self._config.name!r}",
                detail=part.sql,
                memo=self._settled if part.has_settled else "",
            )

    def read(self, delivery: Delivery) -> RowsPart:
        """Yield the rows that the query returns now, as they arrive."""
        sql = str(delivery.detail)
        batches = self._opened().batches(sql)
        first = next(batches, None)
        schema = self._opened().schema(sql) if first is None else first.schema
        rows = batches if first is None else chain([first], batches)
        uri = f"{self._options.engine}:{self._config.name}/{delivery.scope}"
        return RowsPart(rows, schema, uri)

    def _opened(self) -> Database:
        where = f"source {self._config.name!r}"
        return open_database(self._options, root=self._root, where=where)

    def _slices(self, window: Window) -> Iterator[Slice]:
        options, columns = self._options, f"SELECT * FROM {self._sql} AS answer"
        cursor = options.cursor
        if cursor is None or options.start_date is None:
            yield Slice(_WHOLE, "all", columns)
            return
        settled = {
            scope for scope, memo in self._memos.items() if memo == self._settled
        }
        today = datetime.now(UTC).date()
        for month in months_to_ask(options.start_date, today, settled, window):
            following = month_start(month, -1)
            yield Slice(
                f"{month:%Y-%m}",
                f"{month:%Y-%m}",
                f"{columns} WHERE {cursor} >= '{month}' AND {cursor} < '{following}'",
                today >= following + timedelta(options.lookback_days),
            )
        # A row without a date belongs to no month; leaving it out would lose it.
        yield Slice(f"without {cursor}", "all", f"{columns} WHERE {cursor} IS NULL")

    @property
    def _settled(self) -> str:
        return f"settled-{self._reading}"

    @property
    def _reading(self) -> str:
        """Return a digest of the settings that decide how rows are read."""
        config = self._config
        text = json.dumps(
            {
                "columns": [config.mapping, config.defaults],
                "notation": [config.decimal, config.dates],
                "query": [config.query, self._options.cursor],
            },
            default=str,
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def months_to_ask(
    start: date, today: date, settled: AbstractSet[str], window: Window
) -> Iterator[date]:
    """Yield the first day of each month that may have changed, oldest first.

    Parameters
    ----------
    start, today : date
        Days in the first and the last month.
    settled : set of str
        Months ``YYYY-MM`` that need not be asked for again.
    window : Window
        Days that the user requested; months in them are requested in any case.

    Examples
    --------
    >>> months = months_to_ask(
    ...     date(2026, 1, 15), date(2026, 3, 1), {"2026-01"}, Window()
    ... )
    >>> [f"{month:%Y-%m}" for month in months]
    ['2026-02', '2026-03']
    """
    is_bounded = window.start is not None or window.end is not None
    for month in first_days(start, today):
        name = f"{month:%Y-%m}"
        is_asked = is_bounded and window.overlaps_month(name)
        if is_asked or (not is_bounded and name not in settled):
            yield month


def content(batches: Iterable[pa.RecordBatch]) -> tuple[int, str]:
    """Return the row count and a digest that does not depend on row order."""
    import pyarrow as pa

    row_count = lower = upper = 0
    with spare_engine() as connection:
        for batch in batches:
            if not batch.num_rows:
                continue
            connection.register("batch", pa.Table.from_batches([batch]))
            [(rows, low, high)] = connection.execute(_DIGEST).fetchall()
            row_count, lower, upper = row_count + rows, lower + low, upper + high
    digest = hashlib.sha256(f"{lower} {upper}".encode()).hexdigest()
    return row_count, digest[:32]
