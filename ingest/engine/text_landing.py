"""Converts a text file into Parquet with canonical columns, and parts the bad rows.

Text is parsed once, here. Data needed to judge a row is dropped when it has been
judged.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.connector import LandingOptions
from ingest.engine.parquet_at_rest import parquet, refused_row
from ingest.engine.projection import (
    NULL_SPELLINGS,
    RECORD_COLUMN,
    Projection,
    literal,
    project,
    quote,
)
from ingest.engine.refused_charges import refused_charge
from ingest.engine.row_checks import flags_of, presence_flags, reject_reason
from ingest.notation import Notation, decided, evidence_query
from ingest.reading.malformed import advice_on_missing, mixed_line_ends, read_header
from ingest.storage.files import distinct_names, open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import read_name
from triptych.core.personal import personal_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from ingest.connector import FilePart
    from ingest.engine.parquet_at_rest import ParquetAtRest
    from ingest.streams import Stream
    from triptych.core.lake.loads import QuarantinedRow

#: Columns that judging a row adds; a delivery may have some of the same name.
_OUR_COLUMNS = ("_delivered", "_reject_reason", "_row_content", "file_row_number")


class TextLanding:
    """Converter of text files of a stream.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In-memory connection with the run's memory limit.
    stream : Stream
        Stream that the rows must conform to.
    rest : ParquetAtRest
        Writer of the converted rows.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, stream: Stream, rest: ParquetAtRest
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._rest = rest

    def to_parquet(
        self, part: FilePart, options: LandingOptions, target: Path
    ) -> tuple[Notation, tuple[QuarantinedRow, ...]]:
        """Convert a text file; return its notation and the refused rows."""
        relation, physical = text_relation(part)
        members = self._members(part, relation)
        projection = projected(self._stream, physical, part, options, members)
        rejected = self._convert(part, relation, physical, projection, target)
        if _may_be_written_otherwise(projection, rejected):
            projection = self.as_written(projection, relation, part.uri)
            rejected = self._convert(part, relation, physical, projection, target)
        self._forget_people(members, target, part.uri)
        return projection.notation, rejected

    def _forget_people(self, members: list[str], target: Path, origin: str) -> None:
        """Remove members of records that name people."""
        known = [column.name for column in self._stream.columns]
        people = personal_columns(members, known=known)
        if not people or self._stream.keeps_declared_only:
            return
        none = literal(json.dumps(dict.fromkeys(people)))
        kept = f"json_merge_patch({RECORD_COLUMN}, {none}) AS {RECORD_COLUMN}"
        self._rest.keep_rows(target, "true", origin, columns=f"* REPLACE ({kept})")

    def as_written(
        self, projection: Projection, relation: str, origin: str
    ) -> Projection:
        """Read numbers and dates in the notation that the file's values imply."""
        texts = projection.texts()
        if not texts:
            return projection
        answer = self._rest.run(evidence_query(relation, texts), origin).fetchone()
        self._forget_refused_lines()
        assert answer is not None  # noqa: S101  (an aggregate has one row)
        return projection.written_in(decided(projection.notation, answer, origin))

    def _forget_refused_lines(self) -> None:
        self._connection.execute("DROP TABLE IF EXISTS reject_errors")
        self._connection.execute("DROP TABLE IF EXISTS reject_scans")

    def _members(self, part: FilePart, relation: str) -> list[str]:
        """Return the names of the members of records, in a fixed order.

        Later records may have others than the first, so all are looked at.
        """
        if part.format != "jsonl":
            return []
        rows = self._rest.run(
            f"SELECT DISTINCT unnest(json_keys({RECORD_COLUMN})) AS name"
            f" FROM ({relation}) WHERE json_type({RECORD_COLUMN}) = 'OBJECT'"
            " ORDER BY name",
            part.uri,
        ).fetchall()
        return [name for (name,) in rows]

    def _convert(
        self,
        part: FilePart,
        relation: str,
        physical: dict[str, str],
        projection: Projection,
        target: Path,
    ) -> tuple[QuarantinedRow, ...]:
        judged = judged_rows(self._stream, physical, projection, relation)
        self._rest.copy(judged, target, part.uri)
        rejected = (
            *self._rows_refused(target, part, projection),
            *self._lines_refused(part, list(physical)),
        )
        if rejected:
            self._rest.keep_rows(target, "_reject_reason IS NULL", part.uri)
        return rejected

    def _rows_refused(
        self, target: Path, part: FilePart, projection: Projection
    ) -> tuple[QuarantinedRow, ...]:
        counted = self._connection.execute(
            f"SELECT count(_reject_reason) FROM {parquet(target)}"
        ).fetchone()
        # To plan the question below takes longer than to land a small file.
        if counted == (0,):
            return ()
        absent = (p for p in projection.columns if p.is_absent)
        nothing = "".join(f", {p.value} AS {quote(p.column.name)}" for p in absent)
        rows = self._connection.execute(
            "SELECT file_row_number + 1, _reject_reason, _row_content,"
            f" {refused_charge(self._stream)}"
            f" FROM (SELECT *{nothing} FROM {parquet(target, is_numbered=True)})"
            " WHERE _reject_reason IS NOT NULL ORDER BY file_row_number"
        ).fetchall()
        return tuple(refused_row(part.uri, row) for row in rows)

    def _lines_refused(
        self, part: FilePart, names: Sequence[str]
    ) -> tuple[QuarantinedRow, ...]:
        if part.format != "csv":
            return ()
        self._refuse_open_quotes(part)
        content = "any_value(csv_line)"
        known = [column.name for column in self._stream.columns]
        if self._stream.keeps_declared_only or personal_columns(names, known=known):
            content = f"'a line of ' || length({content}) || ' characters'"
        rows = self._connection.execute(
            "SELECT line, lower(replace(any_value(error_type)::VARCHAR, ' ', '_')),"
            f" {content} FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
        self._forget_refused_lines()
        charge = (None, None, bool(self._stream.money_columns), None, None)
        return tuple(refused_row(part.uri, (*row, *charge)) for row in rows)

    def _refuse_open_quotes(self, part: FilePart) -> None:
        """Refuse a file with a quote that is never closed: it swallowed lines.

        The number of charges in these lines is unknown. Without a line break it is a
        single row with something behind a quote, unless the file ends before an even
        number.
        """
        answer = self._connection.execute(
            "SELECT min(line) FROM reject_errors WHERE error_type = 'UNQUOTED VALUE'"
            " AND (regexp_matches(csv_line, '[\\r\\n]')"
            " OR (strlen(replace(csv_line, '\"', '')) + strlen(csv_line)) % 2 = 1"
            " AND line_byte_position + strlen(csv_line) >= ?)",
            [part.path.stat().st_size],
        ).fetchone()
        assert answer is not None  # noqa: S101  (an aggregate has one row)
        if answer[0] is None:
            return
        self._forget_refused_lines()
        if _are_quotes_closed(part):
            raise mixed_line_ends(part.uri)
        raise MalformedDeliveryError(
            "A quote opens in this line and is never closed, so the lines after it"
            " cannot be told apart.",
            where=f"{part.uri}:{answer[0]}",
            next_step="The file was cut off, or a quote is missing: deliver it whole."
            " What was loaded before stays current.",
        )


def _are_quotes_closed(part: FilePart) -> bool:
    """Return True if every quote is closed, with any style of line ending."""
    try:
        parse_strictly(part)
    except csv.Error:
        return False
    return True


def parse_strictly(part: FilePart) -> None:
    """Raise where a quote stays open: of several files the engine notes none.

    Raises
    ------
    csv.Error
        A quote is never closed, or is followed by more than a delimiter.
    """
    if b'"' not in part.path.read_bytes():
        return
    with open_text(part.path, encoding=part.encoding) as text:
        for _ in csv.reader(text, delimiter=part.delimiter, strict=True):
            pass


def text_relation(part: FilePart) -> tuple[str, dict[str, str]]:
    """Return SQL of the rows of a text file as they stand, and their columns."""
    if part.format == "jsonl":
        path = read_name(part.path)
        source = f"SELECT json AS {RECORD_COLUMN} FROM read_ndjson_objects({path})"
        return source, {RECORD_COLUMN: "JSON"}
    header = columns_of(part)
    return csv_relation(part, header, [part.path]), dict.fromkeys(header, "VARCHAR")


def columns_of(part: FilePart) -> tuple[str, ...]:
    """Return the names used here for the columns of a CSV file."""
    return tuple(distinct_names(read_header(part), _OUR_COLUMNS))


def csv_relation(
    form: FilePart, header: Sequence[str], paths: Sequence[Path], file_column: str = ""
) -> str:
    """Return SQL of the rows of like CSV files, optionally with file names."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    nulls = ", ".join(literal(text) for text in NULL_SPELLINGS)
    named = f", filename = {literal(file_column)}" if file_column else ""
    return (
        f"SELECT * FROM read_csv([{', '.join(map(read_name, paths))}],"
        f" auto_detect = false, header = true,"
        f" columns = {{{columns}}}, delim = {literal(form.delimiter)},"
        f" quote = '\"', escape = '\"', nullstr = [{nulls}],"
        f" encoding = {literal(form.encoding)}, hive_partitioning = false,"
        f" ignore_errors = true, store_rejects = true, rejects_limit = 0{named})"
    )


def judged_rows(
    stream: Stream,
    physical: dict[str, str],
    projection: Projection,
    relation: str,
    *,
    carried: str = "",
) -> str:
    """Return SQL of the rows in canonical columns, each with why it cannot count.

    ``_reject_reason`` is NULL for a row that counts; ``_row_content`` has the delivered
    values of a row that does not. Columns that were not delivered are left out: most
    bills lack twenty, and a column of nothing but NULL costs a tenth of a column with
    values. ``carried`` is a column of ``relation`` that was not delivered and is kept.
    """
    canonical = {column.name.casefold() for column in stream.columns}
    extras, content = "", f"struct_pack({as_delivered(projection, ':=')})"
    if not stream.keeps_declared_only:
        content = "delivered"
        of_people = personal_columns(physical, known=canonical)
        extras = "".join(
            f", {quote(name)}"
            for name in physical
            if name.casefold() not in canonical and name not in of_people
        )
    if carried:
        extras += f", {quote(carried)}"
    passing = (*flags_of(projection), *projection.absent_columns, "_delivered")
    return (
        # Rows come to rest in their order, so they need not be numbered here: numbering
        # would take a single core for all of them.
        f"WITH typed AS (SELECT {projection.select_list()}{extras},"
        f" {presence_flags(projection)},"
        f" {content} AS _delivered FROM ({relation}) AS delivered),"
        f" judged AS (SELECT *, {reject_reason(stream, projection)}"
        f" AS _reject_reason FROM typed)"
        f" SELECT * EXCLUDE ({', '.join(map(quote, passing))}),"
        f" CASE WHEN _reject_reason IS NOT NULL THEN to_json(_delivered) END"
        f" AS _row_content FROM judged"
    )


def projected(
    stream: Stream,
    physical: dict[str, str],
    part: FilePart,
    options: LandingOptions,
    members: Sequence[str] = (),
) -> Projection:
    """Return the projection of a part's columns.

    Raises
    ------
    MalformedDeliveryError
        It lacks a column that every delivery of the stream must have.
    """
    projection = project(stream, physical, options, members=members)
    missing = projection.missing_columns
    if missing:
        raise MalformedDeliveryError(
            f"The mandatory column{'s' if len(missing) > 1 else ''}"
            f" {', '.join(missing)} of stream {stream.name!r}"
            f" {'are' if len(missing) > 1 else 'is'} missing.",
            where=part.uri,
            next_step=advice_on_missing(
                members or list(physical),
                part,
                is_told=not stream.keeps_declared_only,
            ),
        )
    return projection


def own_columns(stream: Stream, landed: dict[str, str]) -> Projection:
    """Return the columns of a file that was converted: under their own names alone."""
    named = tuple(replace(column, aliases=()) for column in stream.columns)
    return project(replace(stream, columns=named), landed, LandingOptions())


def checksum_as_read(checksum: str, options: LandingOptions) -> str:
    """Return a checksum that differs if text is read by another mapping."""
    notation = options.notation
    if not options.mapping and not options.defaults and notation == Notation():
        return checksum
    reading = json.dumps(
        [checksum, options.mapping, options.defaults, notation.decimal, notation.dates],
        sort_keys=True,
    )
    return hashlib.sha256(reading.encode()).hexdigest()


def as_delivered(projection: Projection, joint: str = "") -> str:
    """Return the declared columns with their values as delivered."""
    named = [
        (quote(each.column.name), each.origin.sql())
        for each in projection.columns
        if each.origin is not None
    ]
    if joint:
        return ", ".join(f"{name} {joint} {value}" for name, value in named)
    return ", ".join(f"{value} AS {name}" for name, value in named)


def _may_be_written_otherwise(
    projection: Projection, rejected: Sequence[QuarantinedRow]
) -> bool:
    return not projection.notation.is_decided and any(
        row.reason.endswith("_unreadable") for row in rejected
    )
