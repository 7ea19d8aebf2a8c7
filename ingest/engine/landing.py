"""Land a part of a delivery as Parquet, and separate the bad rows.

Parquet is kept byte for byte. Text is converted once, here, into Parquet with
canonical types, so no later step parses it again. A Parquet file that holds rows
which cannot count is written again without them; those rows go to quarantine whole.
Parquet in place is judged alike and stays where it is, unless it holds such rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from ingest.connector import FilePart, LandingOptions, Part, RowsPart
from ingest.engine.parquet_at_rest import LandedPart, ParquetAtRest, parquet
from ingest.engine.projection import Projection, project, quote
from ingest.engine.refused_charges import bounded
from ingest.engine.text_landing import (
    TextLanding,
    as_delivered,
    checksum_as_read,
    own_columns,
    projected,
)
from ingest.notation import OF_PROGRAMS
from ingest.reading.parquet_limits import refuse_beyond_limits
from ingest.reading.unpacked import unpacked
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.workbooks import find_sheet, is_workbook, sheet_rows
from triptych.core.errors import IncompleteDeliveryError, MalformedDeliveryError
from triptych.core.lake.in_place import file_checksum, file_version, is_in_bucket
from triptych.core.personal import personal_columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from ingest.connector import RestingPlace
    from ingest.streams import Stream
    from triptych.core.lake.loads import QuarantinedRow

_CHUNK_BYTES = 8 * 1024 * 1024


class Lander:
    """Lander for parts of a stream.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In-memory connection with the run's memory limit.
    stream : Stream
        Stream that the rows must conform to.
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
        self._text = TextLanding(connection, stream, self._rest)

    def land(self, part: Part, target: Path) -> LandedPart:
        """Bring ``part`` to rest at ``target``.

        Raises
        ------
        MalformedDeliveryError
            It cannot be read, or lacks a required column.
        IncompleteDeliveryError
            It does not hold as many rows as were announced, or was written to
            meanwhile.
        """
        if isinstance(part, RowsPart):
            return self._land_rows(part, target)
        _refuse_unreadable_name(part)
        place = part.in_place
        self._rest.takes_sketches = place is not None and is_in_bucket(place.uri)
        before = written_state(part)
        if part.format == "parquet":
            landed = self._land_parquet(part, target)
        else:
            landed = self._land_text(part, target)
        _refuse_if_written_to(part, before)
        _refuse_unless_whole(part, landed)
        self._rest.refuse_two_values(landed)
        return landed

    def _land_parquet(self, part: FilePart, target: Path) -> LandedPart:
        refuse_beyond_limits(part.path, part.uri)
        if self._stream.keeps_declared_only or self._has_people(part):
            return self._land_declared(part, target)
        if part.in_place is not None:
            resting = self._leave_in_place(part, part.in_place)
            if resting is not None:
                return resting
        checksum = _bring(part, target)
        physical = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        projection = self._projected(physical, part)
        return self._separate_bad_rows(target, part.uri, checksum, physical, projection)

    def _land_declared(self, part: FilePart, target: Path) -> LandedPart:
        """Bring a Parquet file to rest without columns of people.

        Of streams about people that is all that they do not declare.
        """
        physical = self._rest.describe(f"SELECT * FROM {parquet(part.path)}", part.uri)
        projection = self._projected(physical, part)
        options = self._options_of(part)
        checksum = checksum_as_read(file_checksum(part.path), options)
        declared = target.with_name(f".{target.name}.declared")
        columns = self._kept_columns(physical, projection)
        self._rest.copy(
            f"SELECT {columns} FROM {parquet(part.path)}", declared, part.uri
        )
        if part.is_owned:
            part.path.unlink()
        declared.replace(target)
        kept = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        written = LandingOptions(notation=options.notation)
        at_rest = project(self._stream, kept, written)
        return self._separate_bad_rows(target, part.uri, checksum, kept, at_rest)

    def _has_people(self, part: FilePart) -> bool:
        if part.in_place is not None:
            return False
        return bool(self._of_people(pq.read_schema(part.path).names))

    def _of_people(self, names: Iterable[str]) -> list[str]:
        known = [column.name for column in self._stream.columns]
        return personal_columns(names, known=known)

    def _kept_columns(self, physical: dict[str, str], projection: Projection) -> str:
        """Return SQL of the declared columns, and of others that name nobody."""
        declared = as_delivered(projection)
        if self._stream.keeps_declared_only:
            return declared
        known = {column.name.casefold() for column in self._stream.columns}
        of_people = self._of_people(physical)
        others = [
            quote(name)
            for name in physical
            if name.casefold() not in known and name not in of_people
        ]
        return ", ".join([declared, *others])

    def _leave_in_place(self, part: FilePart, place: RestingPlace) -> LandedPart | None:
        """Judge a file where it is; ``None`` if it has rows that cannot count.

        Nobody may rewrite such a file in place, so it is copied without them.
        """
        physical = self._rest.describe(f"SELECT * FROM {parquet(part.path)}", part.uri)
        projection = self._projected(physical, part)
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
            projection = self._text.as_written(projection, rows, origin)
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
        options = self._options_of(part)
        if is_workbook(part.path):
            # Its cells are typed: what a source declares is about text.
            options = replace(options, notation=OF_PROGRAMS)
        with unpacked(part, target) as plain:
            notation, rejected = self._text.to_parquet(plain, options, target)
        if rejected and is_workbook(part.path):
            rejected = _at_rows_of_sheet(part, rejected)
        options = replace(options, notation=notation)
        checksum = checksum_as_read(FILE_CONTENTS.checksum(part.path), options)
        landed = self._rest.describe(f"SELECT * FROM {parquet(target)}", part.uri)
        at_rest = own_columns(self._stream, landed)
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
        """Return refused rows, bounding the money of each by the good rows."""
        if not self._stream.money_columns:
            return rejected
        good = f"SELECT {projection.select_list()} FROM {parquet(target)}"
        return bounded(self._connection, self._stream, rejected, good)

    def _options_of(self, part: FilePart) -> LandingOptions:
        return self._options if part.landing is None else part.landing

    def _projected(self, physical: dict[str, str], part: FilePart) -> Projection:
        return projected(self._stream, physical, part, self._options_of(part))


def _at_rows_of_sheet(
    part: FilePart, rejected: tuple[QuarantinedRow, ...]
) -> tuple[QuarantinedRow, ...]:
    """Return refused rows by the sheet and the row that people see in Excel."""
    origin = f"{part.uri}, sheet {find_sheet(part.path).name}"
    numbers = sheet_rows(part.path, [row.row_number or 0 for row in rejected])
    return tuple(
        replace(row, origin=origin, row_number=numbers.get(row.row_number or 0))
        for row in rejected
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


def written_state(part: FilePart) -> tuple[int, str] | None:
    """Return file state that any write to a delivered file changes.

    ``None`` for our own copy, and where the file is gone: reading it reports that.

    A checksum is taken after the rows were read: of a file that grew meanwhile it would
    be that of more rows than were loaded, and the rest would never be.
    """
    if part.is_owned:
        return None
    try:
        return part.path.stat().st_size, file_version(part.path)
    except OSError:
        return None


def _refuse_if_written_to(part: FilePart, before: tuple[int, str] | None) -> None:
    if before is None or written_state(part) == before:
        return
    raise IncompleteDeliveryError(
        "The file was written to while it was read.",
        where=part.uri,
        next_step="What was loaded before stays current. Run again once it is whole.",
    )


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


def _copy_with_checksum(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


__all__ = ["LandedPart", "Lander"]
