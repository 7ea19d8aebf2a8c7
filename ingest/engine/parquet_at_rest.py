"""Rows at rest as Parquet: judged, summed, separated from bad rows.

The rows of a file are read through the projection of its columns onto those of a
stream.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.engine.projection import Projection, quote
from ingest.engine.refused_charges import refused_charge
from ingest.engine.row_checks import (
    bad_row_predicate,
    is_known_currency,
    presence_flags,
    reject_reason,
)
from ingest.reading.malformed import as_failed
from ingest.streams import TEXT
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import literal, read_name
from triptych.core.lake.loads import (
    FIRST_HASH_FUNCTION,
    HASH_FUNCTION,
    SKETCH_SIZE,
    QuarantinedRow,
)
from triptych.core.personal import without_people

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from ingest.connector import RestingPlace
    from ingest.streams import Stream

# The lowest level takes a tenth less time than the usual level, for 1 % more space.
_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
_MAX_KEPT_ROW_CHARACTERS = 20_000
_LEAST_OUTLINED = 10_000
_FILE = "_triptych_file"


@dataclass(frozen=True, slots=True)
class PartTotal:
    """Rows and money of a part for a month (``YYYY-MM``) and currency."""

    month: str
    currency: str | None
    row_count: int
    money_row_count: int
    amounts: tuple[Decimal | None, Decimal | None]
    sketch: tuple[int, ...] = ()
    outline: tuple[int, ...] = ()
    charge_count: int | None = None
    hash_function: int = FIRST_HASH_FUNCTION


@dataclass(frozen=True, slots=True)
class LandedPart:
    """Parquet file at rest: in the staging folder, or in place as delivered."""

    path: Path
    origin: str
    checksum: str
    byte_count: int
    physical: tuple[tuple[str, str], ...]
    projection: Projection
    rejected: tuple[QuarantinedRow, ...]
    totals: tuple[PartTotal, ...]
    in_place: RestingPlace | None = None

    @property
    def signature(self) -> str:
        """Return the key that files must share to be read in a single scan."""
        return hashlib.sha256(repr(self.physical).encode()).hexdigest()[:16]


class ParquetAtRest:
    """Judge and writer of Parquet files of a stream.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In-memory connection with the run's memory limit.
    stream : Stream
        Stream that the rows must conform to.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, stream: Stream) -> None:
        self._connection = connection
        self._stream = stream
        #: True if charges are sketched at once: those of parts that cannot be read
        #: again, and of all others of their delivery.
        self.takes_sketches = False

    def run(self, sql: str, origin: str) -> duckdb.DuckDBPyConnection:
        """Execute a statement; attribute failures to the delivery ``origin``."""
        try:
            return self._connection.execute(sql)
        except duckdb.Error as error:
            raise as_failed(error, origin) from error

    def describe(self, select: str, origin: str) -> dict[str, str]:
        """Return column → type of a query."""
        rows = self.run(f"DESCRIBE {select}", origin).fetchall()
        return {row[0]: row[1] for row in rows}

    def copy(self, select: str, target: Path, origin: str) -> None:
        """Write the result of a query as a file."""
        self.run(
            f"COPY ({select}) TO {literal(str(target))} ({_FORMAT})",
            origin,
        )

    def assess(
        self, target: Path, projection: Projection, origin: str
    ) -> tuple[tuple[PartTotal, ...], int]:
        """Sum the money by month and currency, and count the rows that cannot count.

        A single scan does both: currencies are judged on the groups, not on each row.
        """
        of_files = self.assess_files(parquet(target), "''", projection, origin)
        return of_files.get("", ((), 0))

    def assess_files(
        self, relation: str, file: str, projection: Projection, origin: str
    ) -> dict[str, tuple[tuple[PartTotal, ...], int]]:
        """Assess rows of several files; SQL ``file`` gives the file of a row."""
        stream = self._stream
        counts = f"FILTER ({stream.money_predicate})"
        amounts = [f"sum({quote(name)}) {counts}" for name in stream.money_columns[:2]]
        amounts += ["NULL"] * (2 - len(amounts))
        currency = quote(stream.currency_column) if stream.currency_column else "NULL"
        month = f"date_trunc('month', {quote(stream.period_column)})"
        rows = self.run(
            f"SELECT {_FILE}, strftime({month}, '%Y-%m'), {currency}, count(*),"
            f" count(*) {counts}, {', '.join(amounts)},"
            f" count(*) FILTER ({bad_row_predicate(stream, projection)}),"
            f" {sketch_sql(stream) if self.takes_sketches else 'NULL'},"
            f" {HASH_FUNCTION}, {charge_count_sql(stream)}, {outline_sql(stream)}"
            f" FROM (SELECT {file} AS {_FILE}, {projection.select_list()},"
            f" {presence_flags(projection)} FROM {relation})"
            f" GROUP BY {_FILE}, {month}, {currency} ORDER BY ALL",
            origin,
        ).fetchall()
        of_files: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for of, *group in rows:
            of_files[of].append(tuple(group))
        return {of: self._assessed(groups) for of, groups in of_files.items()}

    def _assessed(
        self, rows: Sequence[tuple[Any, ...]]
    ) -> tuple[tuple[PartTotal, ...], int]:
        bad = sum(
            row[6] if row[1] is None or is_known_currency(row[1]) else row[2]
            for row in rows
        )
        totals = tuple(
            PartTotal(
                month=row[0],
                currency=row[1],
                row_count=row[2],
                money_row_count=row[3],
                amounts=(row[4], row[5]),
                sketch=tuple(row[7] or ()),
                outline=self._kept_outline(row[2:]),
                hash_function=row[8],
                charge_count=row[9],
            )
            for row in rows
            if row[0] is not None
        )
        return totals, bad

    def _kept_outline(self, group: tuple[Any, ...]) -> tuple[int, ...]:
        """Return the outline of many charges; of few it is taken when it is asked for.

        Thousands of small loads would otherwise keep more of it than of themselves.
        """
        is_kept = self.takes_sketches or group[0] >= _LEAST_OUTLINED
        return tuple(group[-1] or ()) if is_kept else ()

    def refuse_two_values(self, landed: LandedPart) -> None:
        """Refuse a delivery in which rows of the same key contradict each other."""
        stream = self._stream
        if not stream.one_value:
            return
        texts = [c.name for c in stream.columns if c.type == TEXT]
        same = ", ".join(quote(name) for name in dict.fromkeys((*stream.key, *texts)))
        value = quote(stream.one_value)
        row = self.run(
            f"SELECT concat_ws(' ', {same}), min({value}), max({value})"
            f" FROM (SELECT {landed.projection.select_list()}"
            f" FROM {parquet(landed.path)}) GROUP BY {same}"
            f" HAVING min({value}) <> max({value}) ORDER BY ALL LIMIT 1",
            landed.origin,
        ).fetchone()
        if row is not None:
            raise MalformedDeliveryError(
                f"Two rows for {row[0]} have {stream.one_value} {row[1].normalize():f}"
                f" and {row[2].normalize():f}.",
                where=landed.origin,
                next_step="Keep the one that counts; nothing of it was loaded.",
            )

    def read_bad_rows(
        self, target: Path, origin: str, projection: Projection
    ) -> tuple[QuarantinedRow, ...]:
        """Return the rows that cannot count, each whole and with its reason."""
        judged = self._judged(
            target,
            projection,
            ", file_row_number AS _row_number, to_json(delivered) AS _row_content",
        )
        rows = self.run(
            "SELECT _row_number + 1, _reject_reason, _row_content,"
            f" {refused_charge(self._stream)} FROM ({judged})"
            " WHERE _reject_reason IS NOT NULL ORDER BY ALL",
            origin,
        ).fetchall()
        return tuple(refused_row(origin, row) for row in rows)

    def remove_bad_rows(
        self, target: Path, projection: Projection, origin: str
    ) -> None:
        """Rewrite a file without the rows that cannot count."""
        judged = self._judged(target, projection, ", file_row_number AS _row_number")
        self.keep_rows(
            target,
            f"file_row_number NOT IN (SELECT _row_number FROM ({judged})"
            " WHERE _reject_reason IS NOT NULL)",
            origin,
            columns="* EXCLUDE (file_row_number)",
            is_numbered=True,
        )

    def keep_rows(
        self,
        target: Path,
        condition: str,
        origin: str,
        *,
        columns: str = "*",
        is_numbered: bool = False,
    ) -> None:
        """Rewrite a file with the rows for which a condition holds."""
        kept = target.with_name(f".{target.name}.good")
        self.copy(
            f"SELECT {columns} FROM {parquet(target, is_numbered=is_numbered)}"
            f" WHERE {condition}",
            kept,
            origin,
        )
        kept.replace(target)

    def _judged(self, target: Path, projection: Projection, extra: str = "") -> str:
        source = parquet(target, is_numbered=True)
        return (
            f"SELECT *, {reject_reason(self._stream, projection)} AS _reject_reason"
            f" FROM (SELECT {projection.select_list()},"
            f" {presence_flags(projection)}{extra}"
            f" FROM {source} AS delivered)"
        )


def sketch_sql(stream: Stream) -> str:
    """Return SQL of the smallest hashes of the charges: alike where charges are.

    Charges of nothing are left out: counted twice, they are still nothing.
    """
    if not stream.identity_columns:
        return "NULL"
    return _smallest_hashes(stream, stream.identity_columns)


def outline_sql(stream: Stream) -> str:
    """Return SQL of the smallest hashes of the columns that landing reads at low cost.

    Equal charges are alike in these, too, and others by chance only.
    """
    if not stream.outlined_columns:
        return "NULL"
    return _smallest_hashes(stream, stream.outlined_columns)


def charge_count_sql(stream: Stream) -> str:
    """Return SQL of how many charges a sketch and an outline are of."""
    return f"count(*) {_of_charges(stream)}" if stream.identity_columns else "NULL"


def _smallest_hashes(stream: Stream, names: Sequence[str]) -> str:
    columns = ", ".join(map(quote, names))
    hashed = f"CAST(hash({columns}) >> 1 AS BIGINT)"
    return f"min({hashed}, {SKETCH_SIZE}) {_of_charges(stream)}"


def _of_charges(stream: Stream) -> str:
    amount = quote(stream.money_columns[0])
    return f"FILTER ({stream.money_predicate} AND {amount} <> 0)"


def parquet(path: Path, *, is_numbered: bool = False) -> str:
    """Return the SQL relation of a Parquet file, perhaps with numbers of its rows."""
    # A folder BILLING_PERIOD=2026-03 is a name, and no column of the file below it.
    numbered = ", file_row_number = true" if is_numbered else ""
    return f"read_parquet({read_name(path)}, hive_partitioning = false{numbered})"


def refused_row(origin: str, row: tuple[Any, ...]) -> QuarantinedRow:
    """Return a refused row: number, reason, content, and its lost charge."""
    number, reason, content, *charge = row
    shown = _shortened(without_people(content or ""))
    return QuarantinedRow(origin, number, reason, shown, *charge)


def _shortened(content: str) -> str:
    return content[:_MAX_KEPT_ROW_CHARACTERS]
