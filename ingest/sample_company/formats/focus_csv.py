"""FOCUS 1.3 as gzip-compressed CSV, a file per billing month."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ingest.sample_company.formats.columns import constant
from ingest.sample_company.formats.focus import COLUMNS_1_3, focus_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.charges import Lines
    from ingest.sample_company.formats.focus import Biller

_ROWS_PER_PART: Final = 50_000
_COST_AS_TEXT: Final = "twelve"


class FocusCsvMonth:
    """Writer of a single file, row by row as charges come.

    Parameters
    ----------
    path : Path
        File to write; ends in ``.csv.gz``.
    has_hostile_row : bool
        True if the first row gives its cost in words.
    """

    def __init__(self, path: Path, *, has_hostile_row: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("wb")
        # No name and no time in the header: equal content is equal bytes.
        self._file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        self._is_first = True
        self._has_hostile_row = has_hostile_row

    def add(self, lines: Lines, biller: Biller) -> None:
        """Append the lines of a charge."""
        for start in range(0, len(lines), _ROWS_PER_PART):
            self._append(_table(lines.part(start, start + _ROWS_PER_PART), biller))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
        self._raw.close()

    def _append(self, table: pa.Table) -> None:
        if self._is_first and self._has_hostile_row:
            position = table.schema.get_field_index("BilledCost")
            text = pa.array([_COST_AS_TEXT])
            row = table.slice(0, 1).set_column(position, "BilledCost", text)
            table = pa.concat_tables([row, table])
        options = pa_csv.WriteOptions(
            include_header=self._is_first, quoting_style="needed"
        )
        pa_csv.write_csv(table, self._file, options)
        self._is_first = False


def _table(lines: Lines, biller: Biller) -> pa.Table:
    rows = focus_rows(lines, biller)
    rows["Tags"] = constant(json.dumps(dict(lines.charge.tags)), len(lines))
    nothing = constant(None, len(lines))
    columns = [rows.get(name, nothing) for name in COLUMNS_1_3]
    return pa.table([_as_text(column) for column in columns], names=list(COLUMNS_1_3))


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(
            column.cast(pa.timestamp("s", tz="UTC")), "%Y-%m-%dT%H:%M:%SZ"
        )
    return column.cast(pa.string())
