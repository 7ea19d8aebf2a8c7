"""Land many small text files of the same form with a single query.

Planning the query that reads a text file takes ten times as long as reading a small
file with it. So small files with the same header are read and judged together, and each
becomes a separate Parquet file, the same as if it had landed alone. A file with any
irregularity is left out here, and lands alone: the fault is reported there.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import duckdb

from ingest.engine.landing import written_state
from ingest.engine.parquet_at_rest import LandedPart, ParquetAtRest, parquet
from ingest.engine.projection import quote
from ingest.engine.text_landing import (
    checksum_as_read,
    columns_of,
    csv_relation,
    judged_rows,
    own_columns,
    parse_strictly,
    projected,
)
from ingest.reading.malformed import BAD_DATA
from ingest.reading.unpacked import unpacked
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.workbooks import is_workbook
from triptych.core.errors import MalformedDeliveryError, TriptychError
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.connector import FilePart, LandingOptions
    from ingest.engine.projection import Projection
    from ingest.streams import Stream

_FILE: Final = "_triptych_path"
_TABLE: Final = "small_files"


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file that may land together with others, and where it is to come to rest."""

    part: FilePart
    target: Path


@dataclass(frozen=True, slots=True)
class _Form:
    """Properties that files must share to be read by a single query."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str


class SmallFiles:
    """Lander of small text files of a stream that are read alike.

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
        stream: Stream,
        options: LandingOptions,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._options = options
        self._rest = ParquetAtRest(connection, stream)

    def land(self, files: Sequence[SmallFile]) -> dict[Path, LandedPart]:
        """Land those files that can land together; return them by their targets."""
        forms: dict[_Form, list[tuple[SmallFile, FilePart]]] = defaultdict(list)
        landed: dict[Path, LandedPart] = {}
        before: dict[Path, tuple[int, str] | None] = {}
        with ExitStack() as stack:
            for file in files:
                if not self._is_plain(file.part):
                    continue
                try:
                    before[file.target] = written_state(file.part)
                    plain = stack.enter_context(unpacked(file.part, file.target))
                    form = _Form(columns_of(plain), plain.delimiter, plain.encoding)
                    parse_strictly(plain)
                except BAD_DATA:
                    continue
                if _FILE not in form.header:
                    forms[form].append((file, plain))
            for form, alike in forms.items():
                if len(alike) > 1:
                    landed |= self._of_one_form(form, alike)
        return {
            file.target: landed[file.target]
            for file in files
            if file.target in landed and written_state(file.part) == before[file.target]
        }

    def _is_plain(self, part: FilePart) -> bool:
        """Return True if the only demand on a file is that its rows can count."""
        return (
            part.format == "csv"
            and not is_workbook(part.path)
            and (part.landing, part.row_count, part.in_place) == (None, None, None)
            and not self._stream.keeps_declared_only
        )

    def _of_one_form(
        self, form: _Form, alike: Sequence[tuple[SmallFile, FilePart]]
    ) -> dict[Path, LandedPart]:
        by_name = {str(plain.path): file for file, plain in alike}
        first = alike[0][1]
        try:
            projection = self._read(form, first, [plain.path for _, plain in alike])
            return self._written(by_name, projection)
        except (TriptychError, duckdb.Error, OSError):
            return {}
        finally:
            for table in (_TABLE, "reject_errors", "reject_scans"):
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")

    def _read(self, form: _Form, first: FilePart, paths: Sequence[Path]) -> Projection:
        """Read and judge all files; return the projection of their columns."""
        physical = dict.fromkeys(form.header, "VARCHAR")
        projection = projected(self._stream, physical, first, self._options)
        relation = csv_relation(first, form.header, paths, _FILE)
        rows = judged_rows(self._stream, physical, projection, relation, carried=_FILE)
        self._rest.run(f"CREATE TEMP TABLE {_TABLE} AS {rows}", first.uri)
        return projection

    def _written(
        self, by_name: dict[str, SmallFile], projection: Projection
    ) -> dict[Path, LandedPart]:
        options = replace(self._options, notation=projection.notation)
        refused = self._refused()
        landed: dict[Path, LandedPart] = {}
        rows = f"SELECT * EXCLUDE ({quote(_FILE)}) FROM {_TABLE}"
        at_rest = own_columns(self._stream, self._rest.describe(rows, ""))
        assessed = self._rest.assess_files(_TABLE, quote(_FILE), at_rest, "")
        physical: tuple[tuple[str, str], ...] = ()
        for name, (totals, bad_count) in assessed.items():
            file = by_name.get(name)
            if file is None or bad_count or name in refused:
                continue
            of_file = f"{rows} WHERE {quote(_FILE)} = {literal(name)}"
            self._rest.copy(of_file, file.target, file.part.uri)
            physical = physical or self._physical(file)
            part = LandedPart(
                file.target,
                file.part.uri,
                checksum_as_read(FILE_CONTENTS.checksum(file.part.path), options),
                file.target.stat().st_size,
                physical,
                at_rest,
                (),
                totals,
            )
            with suppress(MalformedDeliveryError):
                self._rest.refuse_two_values(part)
                landed[file.target] = part
        return landed

    def _physical(self, file: SmallFile) -> tuple[tuple[str, str], ...]:
        written = f"SELECT * FROM {parquet(file.target)}"
        return tuple(self._rest.describe(written, file.part.uri).items())

    def _refused(self) -> set[str]:
        """Return the files that have rows or lines which cannot count."""
        rows = self._connection.execute(
            f"SELECT {quote(_FILE)} FROM {_TABLE} WHERE _reject_reason IS NOT NULL"
            " UNION SELECT file_path FROM reject_errors"
            " JOIN reject_scans USING (scan_id, file_id)"
        ).fetchall()
        return {name for (name,) in rows}
