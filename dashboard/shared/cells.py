"""Cells of tables that are opened by spreadsheets."""

from __future__ import annotations

import io
import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.core.spreadsheet_text import FORMULA_SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Characters for which a cell is quoted. A number sign outside of quotes begins a
#: comment in readers that are to skip the facts.
_QUOTED = re.compile(r'[,"\r\n#]')


def safe_text(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    An apostrophe is put before it, as OWASP recommends against CSV injection.
    """
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def to_cell(value: object) -> str:  # noqa: PLR0911  (one for each kind)
    """Return a value as a CSV cell: numbers exact, text safe, NULL empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case int() | float():
            return repr(value)
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case dict() | list() | tuple():
            return safe_text(json.dumps(value, ensure_ascii=False, default=str))
    return safe_text(str(value))


def to_csv(
    facts: Iterable[tuple[str, str]],
    columns: Sequence[str],
    table: Iterable[Sequence[object]],
) -> bytes:
    """Return CSV in UTF-8: a line ``# name: text`` for each fact, then the table.

    RFC 4180 from the line with the column names on. A fact never breaks its line.
    """
    text = io.StringIO(newline="")
    for name, said in facts:
        text.write(f"# {name}: {' '.join(said.split())}\r\n")
    for row in (columns, *table):
        text.write(f"{csv_row(row)}\r\n")
    return text.getvalue().encode()


def csv_row(values: Iterable[object]) -> str:
    """Return a row of CSV without the end of its line."""
    return ",".join(_quoted(to_cell(value)) for value in values) or '""'


def _quoted(cell: str) -> str:
    if _QUOTED.search(cell) is None:
        return cell
    return '"' + cell.replace('"', '""') + '"'
