"""Prints results: tables for people, CSV and JSON for programs.

A decimal is printed with every digit it has; in JSON it is text, because a JSON
number would be read back as a binary fraction.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Wide enough that nothing is cut or folded when nobody's terminal limits it.
_UNLIMITED_WIDTH = 100_000
_LONGEST_WORD, _GAP = 16, 3
#: Characters of a cell that a table shows; CSV and JSON have all.
_CELL_WIDTH = 240


def print_json(value: object) -> None:
    """Print ``value`` as JSON; dataclasses become objects."""
    print(json.dumps(to_plain(value), indent=2, ensure_ascii=False))


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print RFC 4180 CSV; NULL is an empty field."""
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if cell is None else to_text(cell) for cell in row])


def spans_of_months(months: Sequence[str]) -> list[str]:
    """Return months in words, consecutive months as a single span.

    Parameters
    ----------
    months : sequence of str
        Such as ``2026-03``, in order.
    """
    spans: list[list[str]] = []
    for month in months:
        if spans and _month_number(month) == _month_number(spans[-1][-1]) + 1:
            spans[-1].append(month)
        else:
            spans.append([month])
    return [span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans]


def _month_number(month: str) -> int:
    year, _, of_year = month.partition("-")
    return 12 * int(year) + int(of_year)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print an aligned table; on a terminal too narrow for it, a block for each row.

    A long cell is cut: a tag may have hundreds of characters, a bill thousands of tags.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    rows, columns = list(rows), [_cut(column) for column in columns]
    for position, column in enumerate(columns):
        is_number = any(_is_number(row[position]) for row in rows)
        table.add_column(
            Text(column), justify="right" if is_number else "left", overflow="fold"
        )
    texts = [
        ["" if cell is None else _cut(to_text(cell)) for cell in row] for row in rows
    ]
    for cells in texts:
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(width=None if sys.stdout.isatty() else _UNLIMITED_WIDTH)
    if _narrowest([columns, *texts]) <= console.width:
        console.print(table)
        return
    for cells in texts:
        block = Table.grid(padding=(0, 2))
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                block.add_row(Text(column), Text(cell))
        console.print(block)
        console.print()


def _cut(text: str) -> str:
    return text if len(text) <= _CELL_WIDTH else f"{text[: _CELL_WIDTH - 1]}…"


def _narrowest(rows: Sequence[Sequence[str]]) -> int:
    """Return how wide a table is at least, if only words of this length are broken."""
    words = (
        max(len(word) for cell in column for word in cell.split() or [""])
        for column in zip(*rows, strict=True)
    )
    return sum(min(word, _LONGEST_WORD) + _GAP for word in words)


def to_text(value: object) -> str:
    """Return a value as a person or a CSV reader expects it."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(sep=" ")
        case dict() | list() | tuple():
            return json.dumps(to_plain(value), ensure_ascii=False)
        case bytes():
            return value.hex()
    return str(value)


def to_plain(value: object) -> Any:  # noqa: ANN401, PLR0911  (one for each JSON kind)
    """Return a value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: to_plain(getattr(value, name)) for name in names}
    match value:
        case dict():
            return {str(key): to_plain(item) for key, item in value.items()}
        case list() | tuple():
            return [to_plain(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case Decimal() | bytes():
            return to_text(value)
        case date() | datetime() | time():
            return value.isoformat()
        case Path() | timedelta():
            return str(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def records(
    columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> list[Mapping[str, object]]:
    """Return each row as a mapping, for JSON."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
