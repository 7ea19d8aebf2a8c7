"""Rows of a mart as a workbook."""

from __future__ import annotations

import io
import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.exports.provenance import SYNTHETIC, whole_second
from dashboard.exports.statement_xlsx import new_workbook
from dashboard.shared.cells import safe_text, to_cell
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from xlsxwriter.worksheet import Worksheet

    from dashboard.shared import selection_queries

#: Rows that a worksheet holds, without a line for the mark and a line for the names.
_MOST_ROWS = 1_048_576 - 2
#: A cell holds so many characters; a longer text is left out by the writer.
_MOST_CHARACTERS = 32_767
#: A DOUBLE holds every number of so many digits; longer numbers are written as text.
_EXACT_DIGITS = 15


def render_table_xlsx(
    answer: pa.Table, facts: list[tuple[str, str]], run: selection_queries.Run
) -> bytes:
    """Return rows as XLSX with a sheet *Table* and a sheet *About*.

    A number of more than fifteen digits is text, because a number in a workbook is a
    DOUBLE.

    Raises
    ------
    UsageError
        The rows do not fit into a worksheet, or a text into a cell.
    """
    if answer.num_rows > _MOST_ROWS:
        raise UsageError(
            f"{answer.num_rows:,} rows do not fit into a worksheet, which holds"
            f" {_MOST_ROWS:,}.",
            where="--format",
            next_step="Export as csv or parquet.",
        )
    target = io.BytesIO()
    title = dict(facts)["Mart"]
    workbook = new_workbook(target, dated=whole_second(run.started_at), title=title)
    _write_table(workbook, answer, is_synthetic=run.is_synthetic)
    about = workbook.add_worksheet("About")
    about.set_column(0, 0, 20)
    about.set_column(1, 1, 90)
    for row, (name, said) in enumerate(facts):
        about.write_string(row, 0, name, workbook.add_format({"bold": True}))
        about.write_string(row, 1, _cut(safe_text(said)))
    workbook.close()
    return target.getvalue()


def _write_table(
    workbook: Any,  # noqa: ANN401
    answer: pa.Table,
    *,
    is_synthetic: bool,
) -> None:
    sheet = workbook.add_worksheet("Table")
    bold = workbook.add_format({"bold": True})
    top = 1 if is_synthetic else 0
    if is_synthetic:
        sheet.write_string(0, 0, f"{SYNTHETIC}: figures of a simulated company", bold)
        sheet.set_header(f"&R&B{SYNTHETIC}")
    for column, name in enumerate(answer.column_names):
        sheet.write_string(top, column, name, bold)
        sheet.set_column(column, column, max(len(name) + 2, 14))
    sheet.freeze_panes(top + 1, 0)
    formats: dict[type, Any] = {
        date: workbook.add_format({"num_format": "yyyy-mm-dd"}),
        datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }
    for column, values in enumerate(answer.columns):
        for row, value in enumerate(values.to_pylist(maps_as_pydicts="strict")):
            _write_cell(sheet, top + 1 + row, column, value, formats)


def _write_cell(
    sheet: Worksheet, row: int, column: int, value: object, formats: dict[type, Any]
) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float() | Decimal() if _fits(value):
            sheet.write_number(row, column, value)
        case datetime():
            moment = value.replace(tzinfo=None)
            sheet.write_datetime(row, column, moment, formats[datetime])
        case date():
            sheet.write_datetime(row, column, value, formats[date])
        case int() | float() | Decimal():
            sheet.write_string(row, column, f"{value:f}")
        case _:
            text = to_cell(value)
            if len(text) > _MOST_CHARACTERS:
                raise UsageError(
                    f"A text of {len(text):,} characters does not fit into a cell,"
                    f" which holds {_MOST_CHARACTERS:,}.",
                    where="--format",
                    next_step="Export as csv or parquet.",
                )
            sheet.write_string(row, column, text)


def _cut(text: str) -> str:
    """Return a text that fits into a cell, with a note at the cut."""
    if len(text) <= _MOST_CHARACTERS:
        return text
    end = " … (cut; CSV and Parquet have all of it)"
    return text[: _MOST_CHARACTERS - len(end)] + end


def _fits(value: float | Decimal) -> bool:
    """Return True if a DOUBLE holds a number exactly, to the digits shown."""
    if isinstance(value, float):
        return math.isfinite(value)
    return len(Decimal(value).normalize().as_tuple().digits) <= _EXACT_DIGITS
