"""Read the table of charges of an Excel workbook as text, cell by cell as typed.

Titles above the header and sheets without a table are passed over. A workbook in which
several sheets may be meant is refused. Formulas count with the value that Excel kept.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    _Cells = Sequence[Any]

SUFFIX: Final = ".xlsx"
#: Rows at the beginning of a sheet among which its header is.
_LOOKED_AT_ROWS: Final = 60
#: Share of the widest of those rows that a header fills.
_FILLED_SHARE: Final = 0.8
#: Excel calculates with these many: 0.1 + 0.2 is 0.3, whatever binary remains.
_DIGITS: Final = 15
_MOST_UNPACKED_BYTES: Final = 2 << 30
_OF_DAYS: Final = re.compile(r"(?i)date|day|time|period|month|start|datum|tag$|monat")
_OF_MONEY: Final = re.compile(
    r"(?i)cost|amount|charge|price|total|spend|betrag|kosten|summe"
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the table of a workbook is.

    ``header_row`` counts from 1 as Excel does; ``columns`` maps position to name.
    """

    name: str
    header_row: int
    columns: dict[int, str]
    other_sheets: tuple[str, ...] = ()

    @property
    def is_of_charges(self) -> bool:
        """Tell whether its names speak of days and of money."""
        names = self.columns.values()
        return all(
            any(words.search(name) for name in names) for words in (_OF_DAYS, _OF_MONEY)
        )

    @property
    def line(self) -> str:
        """Return what was read and what was passed over."""
        skipped = self.header_row - 1
        rows = f", below {skipped} rows of titles" if skipped else ""
        others = "; not read: " if self.other_sheets else ""
        return f"Sheet {self.name!r}{rows}{others}{', '.join(self.other_sheets)}"


def is_workbook(path: Path) -> bool:
    """Tell whether a name promises a workbook."""
    return path.suffix.lower() == SUFFIX


def find_sheet(path: Path) -> Sheet:
    """Return the one sheet of a workbook that has a table of charges.

    Raises
    ------
    MalformedDeliveryError
        It is damaged or encrypted, has no table, or several that may be meant.
    """
    with _Opened(path) as book:
        visible = [each for each in book.worksheets if each.sheet_state == "visible"]
        tables = [table for each in visible if (table := _table(each))]
    of_charges = [table for table in tables if table.is_of_charges] or tables
    if not of_charges:
        raise _refusal(path, "No sheet has a table below a header.", "Deliver CSV.")
    if len(of_charges) > 1:
        names = ", ".join(table.name for table in of_charges)
        raise _refusal(
            path,
            f"Several sheets have a table: {names}.",
            "Save the sheet with the charges as a workbook of its own.",
        )
    [only] = of_charges
    others = tuple(each.title for each in visible if each.title != only.name)
    return Sheet(only.name, only.header_row, only.columns, others)


def numbered_rows(path: Path, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each row below the header that is not blank."""
    with _Opened(path) as book:
        rows = book[sheet.name].iter_rows(
            min_row=sheet.header_row + 1, values_only=True
        )
        for number, cells in enumerate(rows, sheet.header_row + 1):
            texts = [
                as_text(cells[place]) if place < len(cells) else ""
                for place in sheet.columns
            ]
            if any(texts):
                yield number, texts


def open_workbook(path: Path, encoding: str = "utf-8") -> io.TextIOWrapper:
    """Open the table of a workbook as CSV, written while it is read."""
    raw = io.BufferedReader(_Lines(_csv_lines(path)))
    del encoding  # of the cells: it is always this one
    return io.TextIOWrapper(raw, encoding="utf-8", newline="")


def sheet_rows(path: Path, ordinals: Sequence[int]) -> dict[int, int]:
    """Return ordinal of a row of the table, from 1 → its number in the sheet."""
    wanted, last = set(ordinals), max(ordinals, default=0)
    rows = islice(numbered_rows(path, find_sheet(path)), last)
    return {n: number for n, (number, _) in enumerate(rows, 1) if n in wanted}


def as_text(value: object) -> str:
    """Return a cell as programs write it: days in ISO form, numbers in full.

    Examples
    --------
    >>> as_text(1e-07), as_text(12.5), as_text(datetime(2026, 9, 1))
    ('0.0000001', '12.5', '2026-09-01')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            is_day = value.time() == time()
            return value.date().isoformat() if is_day else value.isoformat(" ")
        case date():
            return value.isoformat()
        case float():
            return format(Decimal(f"{value:.{_DIGITS}g}"), "f")
        case _:
            return str(value).strip()


class _Opened:
    """A workbook that is open for reading."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:  # noqa: ANN401  (openpyxl has no types)
        from openpyxl import load_workbook

        try:
            self._refuse_if_large()
            self._book = load_workbook(self._path, read_only=True, data_only=True)
        except MalformedDeliveryError:
            raise
        # Whatever the library meets in a damaged file: its errors have no ancestor.
        except Exception as error:
            raise _refusal(
                self._path,
                f"The workbook cannot be opened: {reason_of(error)}.",
                "Save the sheet as CSV, or the workbook again without a password.",
            ) from error
        for sheet in self._book.worksheets:
            sheet.reset_dimensions()  # some programs write wrong ones
        return self._book

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def _refuse_if_large(self) -> None:
        """Refuse an archive that unpacks to more than a workbook has."""
        with zipfile.ZipFile(self._path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_UNPACKED_BYTES:
            what = "It is too large for a workbook."
            raise _refusal(self._path, what, "Deliver CSV.")


class _Lines(io.RawIOBase):
    """Bytes of lines that are made when they are asked for."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (any writable buffer)
        while not self._rest:
            line = next(self._lines, None)
            if line is None:
                return 0
            self._rest = line
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _csv_lines(path: Path) -> Iterator[bytes]:
    """Yield header and rows of a workbook's table as lines of CSV."""
    sheet = find_sheet(path)
    yield _csv_line(list(sheet.columns.values()))
    for _, texts in numbered_rows(path, sheet):
        yield _csv_line(texts)


def _csv_line(texts: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(texts)
    return line.getvalue().encode()


def _table(sheet: Any) -> Sheet | None:  # noqa: ANN401  (openpyxl has no types)
    """Return where a sheet has its header: the first row that is full of words."""
    first: list[_Cells] = list(
        islice(sheet.iter_rows(values_only=True), _LOOKED_AT_ROWS)
    )
    widest = max((_filled(cells) for cells in first), default=0)
    for number, cells in enumerate(first, 1):
        columns = {
            place: value.strip()
            for place, value in enumerate(cells)
            if isinstance(value, str) and value.strip()
        }
        is_of_words = len(columns) == _filled(cells) > 1
        if is_of_words and len(columns) >= _FILLED_SHARE * widest:
            has_rows = any(_filled(below) for below in first[number:])
            return Sheet(sheet.title, number, columns) if has_rows else None
    return None


def _filled(cells: _Cells) -> int:
    return sum(value is not None and value != "" for value in cells)


def _refusal(path: Path, what: str, next_step: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(what, where=path.name, next_step=next_step)
