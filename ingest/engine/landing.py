"""Brings one part of a delivery to rest as Parquet, and separates the bad rows.

Parquet is kept byte for byte. Text is converted once, here, into Parquet with
canonical types, so no later step parses it again. A Parquet file that holds rows
which cannot count is written again without them; those rows go to quarantine whole.
Parquet in place is judged alike and stays where it is, unless it holds such rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from ingest.connector import FilePart, LandingOptions, Part, RowsPart
from ingest.engine.parquet_at_rest import (
    LandedPart,
    ParquetAtRest,
    parquet,
    refused_row,
)
from ingest.engine.projection import (
    NULL_SPELLINGS,
    RECORD_COLUMN,
    Projection,
    literal,
    project,
    quote,
)
from ingest.engine.refused_charges import bounded, refused_charge
from ingest.engine.row_checks import flags_of, presence_flags, reject_reason
from ingest.notation import OF_PROGRAMS, Notation, decided, evidence_query
from ingest.reading.malformed import advice_on_missing, read_header
from ingest.reading.parquet_limits import refuse_beyond_limits
from ingest.reading.unpacked import unpacked
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.files import distinct_names
from triptych.core.errors import IncompleteDeliveryError, MalformedDeliveryError
from triptych.core.file_names import read_name
from triptych.core.lake.in_place import file_checksum, is_in_bucket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from ingest.connector import RestingPlace
    from ingest.streams import Stream
    from triptych.core.lake.loads import QuarantinedRow

#: Columns that judging a row adds; a delivery may have some of the same name.
_OUR_COLUMNS = ("_delivered", "_reject_reason", "_row_content", "file_row_number")
_CHUNK_BYTES = 8 * 1024 * 1024


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
        self._rest = ParquetAtRest(connection, stream)

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
        place = part.in_place
        self._rest.takes_sketches = place is not None and is_in_bucket(place.uri)
        if part.format == "parquet":
            landed = self._land_parquet(part, target)
        else:
            landed = self._land_text(part, target)
        _refuse_unless_whole(part, landed)
        self._rest.refuse_two_values(landed)
        return landed

    def _land_parquet(self, part: FilePart, target: Path) -> LandedPart:
        refuse_beyond_limits(part.path, part.uri)
        if self._stream.keeps_declared_only:
            return self._land_declared(part, target)
        if part.in_place is not None:
            resting = self._leave_in_place(part, part.in_place)
            if resting is not None:
                return resting
        checksum = _bring(part, target)
        physical = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        projection = self._project(physical, part)
        return self._separate_bad_rows(target, part.uri, checksum, physical, projection)

    def _land_declared(self, part: FilePart, target: Path) -> LandedPart:
        """Bring a Parquet file to rest without the columns that are not declared."""
        physical = self._rest.describe(f"SELECT * FROM {parquet(part.path)}", part.uri)
        projection = self._project(physical, part)
        options = self._options_of(part)
        checksum = _checksum_as_read(file_checksum(part.path), options)
        declared = target.with_name(f".{target.name}.declared")
        self._rest.copy(
            f"SELECT {_as_delivered(projection)} FROM {parquet(part.path)}",
            declared,
            part.uri,
        )
        if part.is_owned:
            part.path.unlink()
        declared.replace(target)
        kept = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        written = LandingOptions(notation=options.notation)
        at_rest = project(self._stream, kept, written)
        return self._separate_bad_rows(target, part.uri, checksum, kept, at_rest)

    def _leave_in_place(self, part: FilePart, place: RestingPlace) -> LandedPart | None:
        """Judge a file where it is; ``None`` if it has rows that cannot count.

        Nobody may write such a file anew in place, so it is copied without them.
        """
        physical = self._rest.describe(f"SELECT * FROM {parquet(part.path)}", part.uri)
        projection = self._project(physical, part)
        totals, bad_count = self._rest.assess(part.path, projection, part.uri)
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
        rejected: tuple[QuarantinedRow, ...] = ()
        totals, bad_count = self._rest.assess(target, projection, origin)
        if bad_count and not projection.notation.is_decided:
            rows = f"SELECT * FROM {parquet(target)}"
            projection = self._as_written(projection, rows, origin)
            totals, bad_count = self._rest.assess(target, projection, origin)
        if bad_count:
            rejected = self._rest.read_bad_rows(target, origin, projection)
            self._rest.remove_bad_rows(target, projection, origin)
            totals, _ = self._rest.assess(target, projection, origin)
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
        landed = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        # From here on the canonical columns stand in the file under their own names.
        at_rest = project(self._stream, landed, LandingOptions())
        totals, _ = self._rest.assess(target, at_rest, part.uri)
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
        self, rejected: tuple[QuarantinedRow, ...], target: Path, projection: Projection
    ) -> tuple[QuarantinedRow, ...]:
        """Return refused rows with how much money each may hold, by the good ones."""
        if not self._stream.money_columns:
            return rejected
        good = f"SELECT {projection.select_list()} FROM {parquet(target)}"
        return bounded(self._connection, self._stream, rejected, good)

    def _to_parquet(
        self, part: FilePart, target: Path
    ) -> tuple[Notation, tuple[QuarantinedRow, ...]]:
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
        answer = self._rest.run(evidence_query(relation, texts), origin).fetchone()
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
        rows = self._rest.run(
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
    ) -> tuple[QuarantinedRow, ...]:
        canonical = {column.name.casefold() for column in self._stream.columns}
        extras, content = "", f"struct_pack({_as_delivered(projection, ':=')})"
        if not self._stream.keeps_declared_only:
            content = "delivered"
            extras = "".join(
                f", {quote(name)}"
                for name in physical
                if name.casefold() not in canonical
            )
        flags = ", ".join(map(quote, flags_of(projection)))
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
        self._rest.copy(typed, target, part.uri)
        rejected = (*self._rows_refused(target, part), *self._lines_refused(part))
        if rejected:
            self._rest.keep_rows(target, "_reject_reason IS NULL", part.uri)
        return rejected

    def _rows_refused(self, target: Path, part: FilePart) -> tuple[QuarantinedRow, ...]:
        rows = self._connection.execute(
            "SELECT file_row_number + 1, _reject_reason, _row_content,"
            f" {refused_charge(self._stream)} FROM {parquet(target, is_numbered=True)}"
            " WHERE _reject_reason IS NOT NULL ORDER BY file_row_number"
        ).fetchall()
        return tuple(refused_row(part.uri, row) for row in rows)

    def _lines_refused(self, part: FilePart) -> tuple[QuarantinedRow, ...]:
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
        return tuple(refused_row(part.uri, (*row, *charge)) for row in rows)

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


def _as_delivered(projection: Projection, joint: str = "") -> str:
    """Return the declared columns with what was delivered in them, as it was."""
    named = [
        (quote(column.column.name), column.origin.sql())
        for column in projection.columns
        if column.origin is not None
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


__all__ = ["LandedPart", "Lander"]
