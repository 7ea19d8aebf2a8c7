"""Brings one part of a delivery to rest as Parquet, and separates the bad rows.

Parquet is kept byte for byte. Text is converted once, here, into Parquet with
canonical types, so no later step parses it again. A Parquet file that holds rows
which cannot count is written again without them; those rows go to quarantine whole.
Parquet in place is judged alike and stays where it is, unless it holds such rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq

from ingest.connector import FilePart, LandingOptions, Part, RowsPart
from ingest.file_contents import FILE_CONTENTS
from ingest.files import distinct_names
from ingest.malformed import advice_on_missing, as_malformed, read_header
from ingest.notation import OF_PROGRAMS, Notation, decided, evidence_query
from ingest.projection import (
    NULL_SPELLINGS,
    RECORD_COLUMN,
    Projection,
    bad_row_predicate,
    flagged_columns,
    is_known_currency,
    literal,
    presence_flags,
    project,
    quote,
    refused_charge,
    reject_reason,
)
from ingest.refused_charges import RejectedRow, bounded
from ingest.streams import TEXT
from ingest.unpacked import unpacked
from triptych.errors import IncompleteDeliveryError, MalformedDeliveryError
from triptych.file_names import read_name
from triptych.warehouse.in_place import file_checksum
from triptych.warehouse.loads import SKETCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from ingest.connector import RestingPlace
    from ingest.streams import Stream

# The lowest level takes a tenth less time than the usual one, for 1 % more space.
_AT_REST = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
#: Columns that judging a row adds; a delivery may have some of the same name.
_OUR_COLUMNS = ("_delivered", "_reject_reason", "_row_content", "file_row_number")
_CHUNK_BYTES = 8 * 1024 * 1024
_MAX_KEPT_ROW_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class PartTotal:
    """Rows and money of one part for one month (``YYYY-MM``) and currency."""

    month: str
    currency: str | None
    row_count: int
    money_row_count: int
    amounts: tuple[Decimal | None, Decimal | None]
    sketch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LandedPart:
    """One Parquet file at rest: in the staging folder, or where it was delivered."""

    path: Path
    origin: str
    checksum: str
    byte_count: int
    physical: tuple[tuple[str, str], ...]
    projection: Projection
    rejected: tuple[RejectedRow, ...]
    totals: tuple[PartTotal, ...]
    in_place: RestingPlace | None = None

    @property
    def signature(self) -> str:
        """Return what must be equal for files to be read in one scan."""
        return hashlib.sha256(repr(self.physical).encode()).hexdigest()[:16]


class Lander:
    """Lands parts of one stream.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In-memory connection with the run's memory limit.
    stream : Stream
        What the rows must be.
    options : LandingOptions
        Mapping and defaults of the source.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        stream: Stream,
        options: LandingOptions,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._options = options

    def land(self, part: Part, target: Path) -> LandedPart:
        """Bring ``part`` to rest at ``target``.

        Raises
        ------
        MalformedDeliveryError
            It cannot be read, or lacks a required column.
        IncompleteDeliveryError
            It does not hold as many rows as were announced.
        """
        if isinstance(part, RowsPart):
            return self._land_rows(part, target)
        _refuse_unreadable_name(part)
        if part.format == "parquet":
            landed = self._land_parquet(part, target)
        else:
            landed = self._land_text(part, target)
        _refuse_unless_whole(part, landed)
        self._refuse_two_values(landed)
        return landed

    def _refuse_two_values(self, landed: LandedPart) -> None:
        """Refuse a delivery in which rows of one key say two things."""
        stream = self._stream
        if not stream.one_value:
            return
        texts = [c.name for c in stream.columns if c.type == TEXT]
        same = ", ".join(quote(name) for name in dict.fromkeys((*stream.key, *texts)))
        value = quote(stream.one_value)
        row = self._run(
            f"SELECT concat_ws(' ', {same}), min({value}), max({value})"
            f" FROM (SELECT {landed.projection.select_list()}"
            f" FROM {_parquet(landed.path)}) GROUP BY {same}"
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

    def _land_parquet(self, part: FilePart, target: Path) -> LandedPart:
        if self._stream.keeps_declared_only:
            return self._land_declared(part, target)
        if part.in_place is not None:
            resting = self._leave_in_place(part, part.in_place)
            if resting is not None:
                return resting
        checksum = _bring(part, target)
        physical = self._describe(f"SELECT * FROM {_parquet(target)}", part.uri)
        projection = self._project(physical, part)
        return self._separate_bad_rows(target, part.uri, checksum, physical, projection)

    def _land_declared(self, part: FilePart, target: Path) -> LandedPart:
        """Bring a Parquet file to rest without the columns that are not declared."""
        physical = self._describe(f"SELECT * FROM {_parquet(part.path)}", part.uri)
        projection = self._project(physical, part)
        options = self._options_of(part)
        checksum = _checksum_as_read(file_checksum(part.path), options)
        declared = target.with_name(f".{target.name}.declared")
        self._copy(
            f"SELECT {_as_delivered(projection)} FROM {_parquet(part.path)}",
            declared,
            part.uri,
        )
        if part.is_owned:
            part.path.unlink()
        declared.replace(target)
        kept = self._describe(f"SELECT * FROM {_parquet(target)}", part.uri)
        written = LandingOptions(notation=options.notation)
        at_rest = project(self._stream, kept, written)
        return self._separate_bad_rows(target, part.uri, checksum, kept, at_rest)

    def _leave_in_place(self, part: FilePart, place: RestingPlace) -> LandedPart | None:
        """Judge a file where it is; ``None`` if it has rows that cannot count.

        Nobody may write such a file anew in place, so it is copied without them.
        """
        physical = self._describe(f"SELECT * FROM {_parquet(part.path)}", part.uri)
        projection = self._project(physical, part)
        totals, bad_count = self._assess(part.path, projection, part.uri)
        if bad_count:
            return None
        checksum, byte_count = file_checksum(part.path), part.path.stat().st_size
        if part.is_owned:
            part.path.unlink()
        return LandedPart(
            part.path,
            part.uri,
            checksum,
            byte_count,
            tuple(physical.items()),
            projection,
            (),
            totals,
            place,
        )

    def _separate_bad_rows(
        self,
        target: Path,
        origin: str,
        checksum: str,
        physical: dict[str, str],
        projection: Projection,
    ) -> LandedPart:
        rejected: tuple[RejectedRow, ...] = ()
        totals, bad_count = self._assess(target, projection, origin)
        if bad_count and not projection.notation.is_decided:
            rows = f"SELECT * FROM {_parquet(target)}"
            projection = self._as_written(projection, rows, origin)
            totals, bad_count = self._assess(target, projection, origin)
        if bad_count:
            rejected = self._read_bad_rows(target, origin, projection)
            self._rewrite_without_bad_rows(target, projection, origin)
            totals, _ = self._assess(target, projection, origin)
            rejected = self._bounded(rejected, target, projection)
        return LandedPart(
            target,
            origin,
            checksum,
            target.stat().st_size,
            tuple(physical.items()),
            projection,
            rejected,
            totals,
        )

    def _land_rows(self, part: RowsPart, target: Path) -> LandedPart:
        with pq.ParquetWriter(target, part.schema, compression="zstd") as writer:
            for batch in part.batches:
                writer.write_batch(batch)
        landing = replace(self._options, notation=OF_PROGRAMS)
        owned = FilePart(target, "parquet", part.uri, is_owned=True, landing=landing)
        return self._land_parquet(owned, target)

    def _land_text(self, part: FilePart, target: Path) -> LandedPart:
        with unpacked(part, target) as plain:
            notation, rejected = self._to_parquet(plain, target)
        options = replace(self._options_of(part), notation=notation)
        checksum = _checksum_as_read(FILE_CONTENTS.checksum(part.path), options)
        landed = self._describe(f"SELECT * FROM {_parquet(target)}", part.uri)
        # From here on the canonical columns stand in the file under their own names.
        at_rest = project(self._stream, landed, LandingOptions())
        totals, _ = self._assess(target, at_rest, part.uri)
        return LandedPart(
            target,
            part.uri,
            checksum,
            target.stat().st_size,
            tuple(landed.items()),
            at_rest,
            self._bounded(rejected, target, at_rest),
            totals,
        )

    def _bounded(
        self, rejected: tuple[RejectedRow, ...], target: Path, projection: Projection
    ) -> tuple[RejectedRow, ...]:
        """Return refused rows with how much money each may hold, by the good ones."""
        if not self._stream.money_columns:
            return rejected
        good = f"SELECT {projection.select_list()} FROM {_parquet(target)}"
        return bounded(self._connection, self._stream, rejected, good)

    def _to_parquet(
        self, part: FilePart, target: Path
    ) -> tuple[Notation, tuple[RejectedRow, ...]]:
        """Convert a text file; return how it is written and what was refused."""
        relation, physical = self._text_relation(part)
        projection = self._project(physical, part, self._members(part, relation))
        rejected = self._convert_text(part, relation, physical, projection, target)
        if _may_be_written_otherwise(projection, rejected):
            projection = self._as_written(projection, relation, part.uri)
            rejected = self._convert_text(part, relation, physical, projection, target)
        return projection.notation, rejected

    def _as_written(
        self, projection: Projection, relation: str, origin: str
    ) -> Projection:
        """Read numbers and dates as the values of the file say that they are meant."""
        texts = projection.texts()
        if not texts:
            return projection
        answer = self._run(evidence_query(relation, texts), origin).fetchone()
        self._forget_refused_lines()
        assert answer is not None  # noqa: S101  (an aggregate has one row)
        return projection.written_in(decided(projection.notation, answer, origin))

    def _forget_refused_lines(self) -> None:
        self._connection.execute("DROP TABLE IF EXISTS reject_errors")
        self._connection.execute("DROP TABLE IF EXISTS reject_scans")

    def _text_relation(self, part: FilePart) -> tuple[str, dict[str, str]]:
        path = read_name(part.path)
        if part.format == "jsonl":
            source = f"SELECT json AS {RECORD_COLUMN} FROM read_ndjson_objects({path})"
            return source, {RECORD_COLUMN: "JSON"}
        header = distinct_names(read_header(part), _OUR_COLUMNS)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
        nulls = ", ".join(literal(text) for text in NULL_SPELLINGS)
        source = (
            f"SELECT * FROM read_csv({path}, auto_detect = false, header = true,"
            f" columns = {{{columns}}}, delim = {literal(part.delimiter)},"
            f" quote = '\"', escape = '\"', nullstr = [{nulls}],"
            f" encoding = {literal(part.encoding)},"
            " ignore_errors = true, store_rejects = true, rejects_limit = 0)"
        )
        return source, dict.fromkeys(header, "VARCHAR")

    def _members(self, part: FilePart, relation: str) -> list[str]:
        """Return the names of the members that records have, in an order of their own.

        Later records may have others than the first, so all are looked at.
        """
        if part.format != "jsonl":
            return []
        rows = self._run(
            f"SELECT DISTINCT unnest(json_keys({RECORD_COLUMN})) AS name"
            f" FROM ({relation}) WHERE json_type({RECORD_COLUMN}) = 'OBJECT'"
            " ORDER BY name",
            part.uri,
        ).fetchall()
        return [name for (name,) in rows]

    def _convert_text(
        self,
        part: FilePart,
        relation: str,
        physical: dict[str, str],
        projection: Projection,
        target: Path,
    ) -> tuple[RejectedRow, ...]:
        canonical = {column.name.casefold() for column in self._stream.columns}
        extras, content = "", f"struct_pack({_as_delivered(projection, ':=')})"
        if not self._stream.keeps_declared_only:
            content = "delivered"
            extras = "".join(
                f", {quote(name)}"
                for name in physical
                if name.casefold() not in canonical
            )
        flags = ", ".join(quote(f"_has_{name}") for name in flagged_columns(projection))
        typed = (
            # Rows come to rest in their order, so none needs to be numbered here:
            # numbering would take one core for all of them.
            f"WITH typed AS (SELECT {projection.select_list()}{extras},"
            f" {presence_flags(projection)},"
            f" {content} AS _delivered FROM ({relation}) AS delivered),"
            f" judged AS (SELECT *, {reject_reason(self._stream, projection)}"
            f" AS _reject_reason FROM typed)"
            f" SELECT * EXCLUDE ({flags}, _delivered),"
            f" CASE WHEN _reject_reason IS NOT NULL THEN to_json(_delivered) END"
            f" AS _row_content FROM judged"
        )
        self._copy(typed, target, part.uri)
        rejected = (*self._rows_refused(target, part), *self._lines_refused(part))
        if rejected:
            self._keep_good_rows(target, "_reject_reason IS NULL", part.uri)
        return rejected

    def _rows_refused(self, target: Path, part: FilePart) -> tuple[RejectedRow, ...]:
        rows = self._connection.execute(
            "SELECT file_row_number + 1, _reject_reason, _row_content,"
            f" {refused_charge(self._stream)} FROM {_parquet(target, is_numbered=True)}"
            " WHERE _reject_reason IS NOT NULL ORDER BY file_row_number"
        ).fetchall()
        return tuple(_rejected(part.uri, row) for row in rows)

    def _lines_refused(self, part: FilePart) -> tuple[RejectedRow, ...]:
        if part.format != "csv":
            return ()
        content = "any_value(csv_line)"
        if self._stream.keeps_declared_only:
            content = f"'a line of ' || length({content}) || ' characters'"
        rows = self._connection.execute(
            "SELECT line, lower(replace(any_value(error_type)::VARCHAR, ' ', '_')),"
            f" {content} FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
        self._forget_refused_lines()
        charge = (None, None, bool(self._stream.money_columns), None, None)
        return tuple(_rejected(part.uri, (*row, *charge)) for row in rows)

    def _options_of(self, part: FilePart) -> LandingOptions:
        return self._options if part.landing is None else part.landing

    def _project(
        self, physical: dict[str, str], part: FilePart, members: Sequence[str] = ()
    ) -> Projection:
        projection = project(
            self._stream, physical, self._options_of(part), members=members
        )
        missing = projection.missing_columns
        if missing:
            raise MalformedDeliveryError(
                f"The mandatory column{'s' if len(missing) > 1 else ''}"
                f" {', '.join(missing)} of stream {self._stream.name!r}"
                f" {'are' if len(missing) > 1 else 'is'} missing.",
                where=part.uri,
                next_step=advice_on_missing(
                    members or list(physical),
                    part,
                    is_told=not self._stream.keeps_declared_only,
                ),
            )
        return projection

    def _describe(self, select: str, origin: str) -> dict[str, str]:
        rows = self._run(f"DESCRIBE {select}", origin).fetchall()
        return {row[0]: row[1] for row in rows}

    def _judged(self, target: Path, projection: Projection, extra: str = "") -> str:
        source = _parquet(target, is_numbered=True)
        return (
            f"SELECT *, {reject_reason(self._stream, projection)} AS _reject_reason"
            f" FROM (SELECT {projection.select_list()},"
            f" {presence_flags(projection)}{extra}"
            f" FROM {source} AS delivered)"
        )

    def _assess(
        self, target: Path, projection: Projection, origin: str
    ) -> tuple[tuple[PartTotal, ...], int]:
        """Sum the money by month and currency, and count the rows that cannot count.

        One scan does both: currencies are judged on the groups, not on each row.
        """
        stream = self._stream
        counts = f"FILTER ({stream.money_predicate})"
        amounts = [f"sum({quote(name)}) {counts}" for name in stream.money_columns[:2]]
        amounts += ["NULL"] * (2 - len(amounts))
        currency = quote(stream.currency_column) if stream.currency_column else "NULL"
        month = f"date_trunc('month', {quote(stream.period_column)})"
        rows = self._run(
            f"SELECT strftime({month}, '%Y-%m'), {currency}, count(*),"
            f" count(*) {counts}, {', '.join(amounts)},"
            f" count(*) FILTER ({bad_row_predicate(stream, projection)}),"
            f" {_sketch(stream)}"
            f" FROM (SELECT {projection.select_list()},"
            f" {presence_flags(projection)}"
            f" FROM {_parquet(target)})"
            f" GROUP BY {month}, {currency} ORDER BY ALL",
            origin,
        ).fetchall()
        bad = sum(
            row[6] if row[1] is None or is_known_currency(row[1]) else row[2]
            for row in rows
        )
        totals = tuple(
            PartTotal(
                row[0], row[1], row[2], row[3], (row[4], row[5]), tuple(row[7] or ())
            )
            for row in rows
            if row[0] is not None
        )
        return totals, bad

    def _read_bad_rows(
        self, target: Path, origin: str, projection: Projection
    ) -> tuple[RejectedRow, ...]:
        judged = self._judged(
            target,
            projection,
            ", file_row_number AS _row_number, to_json(delivered) AS _row_content",
        )
        rows = self._run(
            "SELECT _row_number + 1, _reject_reason, _row_content,"
            f" {refused_charge(self._stream)} FROM ({judged})"
            " WHERE _reject_reason IS NOT NULL ORDER BY ALL",
            origin,
        ).fetchall()
        return tuple(_rejected(origin, row) for row in rows)

    def _rewrite_without_bad_rows(
        self, target: Path, projection: Projection, origin: str
    ) -> None:
        judged = self._judged(target, projection, ", file_row_number AS _row_number")
        self._keep_good_rows(
            target,
            f"file_row_number NOT IN (SELECT _row_number FROM ({judged})"
            " WHERE _reject_reason IS NOT NULL)",
            origin,
            columns="* EXCLUDE (file_row_number)",
            is_numbered=True,
        )

    def _keep_good_rows(
        self,
        target: Path,
        condition: str,
        origin: str,
        *,
        columns: str = "*",
        is_numbered: bool = False,
    ) -> None:
        kept = target.with_name(f".{target.name}.good")
        self._copy(
            f"SELECT {columns} FROM {_parquet(target, is_numbered=is_numbered)}"
            f" WHERE {condition}",
            kept,
            origin,
        )
        kept.replace(target)

    def _copy(self, select: str, target: Path, origin: str) -> None:
        self._run(
            f"COPY ({select}) TO {literal(str(target))} ({_AT_REST})",
            origin,
        )

    def _run(self, sql: str, origin: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql)
        except duckdb.Error as error:
            raise as_malformed(error, origin) from error


def _sketch(stream: Stream) -> str:
    """Return the smallest hashes of the charges: alike where charges are.

    Charges of nothing are left out: counted twice, they are still nothing.
    """
    if not stream.identity_columns:
        return "NULL"
    columns = ", ".join(quote(name) for name in stream.identity_columns)
    amount = quote(stream.money_columns[0])
    return (
        f"min(CAST(hash({columns}) >> 1 AS BIGINT), {SKETCH_SIZE})"
        f" FILTER ({stream.money_predicate} AND {amount} <> 0)"
    )


def _parquet(path: Path, *, is_numbered: bool = False) -> str:
    # A folder BILLING_PERIOD=2026-03 is a name, and no column of the file below it.
    numbered = ", file_row_number = true" if is_numbered else ""
    return f"read_parquet({read_name(path)}, hive_partitioning = false{numbered})"


def _as_delivered(projection: Projection, joint: str = "") -> str:
    """Return the declared columns with what was delivered in them, as it was."""
    named = [
        (quote(one.column.name), one.origin.sql())
        for one in projection.columns
        if one.origin is not None
    ]
    if joint:
        return ", ".join(f"{name} {joint} {value}" for name, value in named)
    return ", ".join(f"{value} AS {name}" for name, value in named)


def _may_be_written_otherwise(
    projection: Projection, rejected: Sequence[RejectedRow]
) -> bool:
    return not projection.notation.is_decided and any(
        row.reason.endswith("_unreadable") for row in rejected
    )


def _bring(part: FilePart, target: Path) -> str:
    if part.is_owned:
        if part.path != target:
            part.path.replace(target)
        return file_checksum(target)
    return _copy_with_checksum(part.path, target)


def _refuse_unreadable_name(part: FilePart) -> None:
    try:
        str(part.path).encode()
    except UnicodeEncodeError as error:
        raise MalformedDeliveryError(
            "The name of the file is not UTF-8.",
            where=part.uri,
            next_step="Rename it; what was loaded before stays current.",
        ) from error


def _refuse_unless_whole(part: FilePart, landed: LandedPart) -> None:
    if part.row_count is None:
        return
    count = sum(total.row_count for total in landed.totals) + len(landed.rejected)
    if count != part.row_count:
        raise IncompleteDeliveryError(
            f"The file holds {count} rows, and its manifest announces"
            f" {part.row_count}.",
            where=part.uri,
            next_step="What was loaded before stays current. Wait until it has been"
            " delivered whole, and run again.",
        )


def _checksum_as_read(checksum: str, options: LandingOptions) -> str:
    """Return what differs when the same text is read through another mapping."""
    notation = options.notation
    if not options.mapping and not options.defaults and notation == Notation():
        return checksum
    reading = json.dumps(
        [checksum, options.mapping, options.defaults, notation.decimal, notation.dates],
        sort_keys=True,
    )
    return hashlib.sha256(reading.encode()).hexdigest()


def _copy_with_checksum(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _rejected(origin: str, row: tuple[Any, ...]) -> RejectedRow:
    """Return a refused row: number, reason, content, and what it would have charged."""
    number, reason, content, *charge = row
    return RejectedRow(origin, number, reason, _shortened(content), *charge)


def _shortened(content: str | None) -> str:
    return (content or "")[:_MAX_KEPT_ROW_CHARACTERS]


__all__ = ["LandedPart", "Lander", "PartTotal", "RejectedRow"]
