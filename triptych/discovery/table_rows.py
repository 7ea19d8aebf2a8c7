"""Opens meters, rates, outcomes and budgets of a workspace as a run would read them.

Rows that a run would refuse are named with their file and line, and figures that are
probably not meant with what they would change.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ingest.connector import Window
from ingest.engine.landing import Lander
from ingest.reading.malformed import BAD_DATA, as_failed
from ingest.streams import STREAMS
from triptych.core.file_names import read_name
from triptych.discovery.ledger_sample import SAMPLED_ABOVE_BYTES
from triptych.discovery.observation import Observation
from triptych.discovery.refused_rows import advice_on, refused_example

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from ingest.connector import Connector, Delivery
    from triptych.core.lake.loads import QuarantinedRow

#: Types of source whose local files are opened.
_OPENED: Final = frozenset({"tables", "prometheus"})
_MOST_FILES: Final = 60


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """Rows of a stream that a source would deliver; ``table`` is in the connection."""

    source: str
    stream: str
    table: str


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """What a source would deliver, and what is wrong with it."""

    tables: tuple[OpenedTable, ...] = ()
    observations: tuple[Observation, ...] = ()


def open_tables(
    connection: duckdb.DuckDBPyConnection, connector: Connector, number: int
) -> OpenedSource:
    """Land the local files of a source that is no bill, and judge their rows."""
    config = connector.config
    path = getattr(config, "path", None) or ""
    if connector.type not in _OPENED or not path or "://" in path:
        return OpenedSource()
    tables: list[OpenedTable] = []
    seen: list[Observation] = []
    with TemporaryDirectory(prefix="triptych-look-") as folder:
        # What is wrong with the path is said by the connector's own probe.
        offered: list[Delivery] = []
        with suppress(*BAD_DATA):
            offered = list(connector.deliveries(Window()))[:_MOST_FILES]
        for position, delivery in enumerate(offered):
            if (delivery.byte_count or 0) > SAMPLED_ABOVE_BYTES:
                continue
            table = f"rows_{number}_{position}"
            workdir = Path(folder) / str(position)
            workdir.mkdir()
            try:
                refused = _land(connection, connector, delivery, workdir, table)
            except BAD_DATA as error:
                failure = as_failed(error, delivery.label)
                text = f"{failure.where or delivery.label}: {failure.what}"
                seen.append(Observation("missing", text, failure.next_step))
                continue
            tables.append(OpenedTable(config.name, delivery.stream, table))
            seen.extend(_of_refused(connection, table, refused))
    return OpenedSource(tuple(tables), tuple(seen))


def _land(
    connection: duckdb.DuckDBPyConnection,
    connector: Connector,
    delivery: Delivery,
    workdir: Path,
    table: str,
) -> list[QuarantinedRow]:
    """Make a table of the rows that would count, and return the others."""
    stream = STREAMS[delivery.stream]
    options = connector.landing(stream.name)
    lander = Lander(connection, stream=stream, options=options)
    refused: list[QuarantinedRow] = []
    queries: list[str] = []
    for count, part in enumerate(connector.read(delivery, workdir)):
        target = workdir / f"landed_{count}.parquet"
        landed = lander.land(part, target)
        refused += landed.rejected
        queries.append(
            f"SELECT {landed.projection.select_list()}"
            f" FROM read_parquet([{read_name(target)}])"
        )
    columns = ", ".join(f"NULL::{c.type} AS {c.name}" for c in stream.columns)
    empty = f"SELECT {columns} WHERE false"
    rows = " UNION ALL BY NAME ".join([empty, *queries])
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {rows}")
    return refused


def _of_refused(
    connection: duckdb.DuckDBPyConnection, table: str, refused: Sequence[QuarantinedRow]
) -> Iterator[Observation]:
    """Name the first refused row of each reason, with its value."""
    by_reason: dict[str, list[QuarantinedRow]] = defaultdict(list)
    for row in refused:
        by_reason[row.reason].append(row)
    answer = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    level = "note" if answer and answer[0] else "missing"
    for rows in by_reason.values():
        more = f" and {len(rows) - 1:,} more rows" if len(rows) > 1 else ""
        example = refused_example(rows[0])
        yield Observation(
            level,
            f"{rows[0].origin}:{rows[0].row_number}{more} would count in nothing:"
            f" {example}.",
            advice_on(rows[0]),
        )
