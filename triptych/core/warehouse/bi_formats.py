"""Mart files in single formats: Parquet, or CSV for spreadsheets.

Numbers keep every digit in both. Any value other than a number, truth value or time is
text in CSV: quoted, so that a spreadsheet can distinguish it from numbers and NULL, and
begun with an apostrophe where a spreadsheet would take it for a formula. Times are in
UTC.
"""

from __future__ import annotations

import re
from typing import Final

from triptych.core.file_names import literal
from triptych.core.spreadsheet_text import FORMULA_SIGNS

#: Rises when the same rows give another file.
CELL_VERSION: Final = 2
_NESTED: Final = ("[]", "STRUCT(", "MAP(", "UNION(", "JSON")
#: Types that a cell of CSV has as they are.
_PLAIN: Final = re.compile(
    r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE|BOOLEAN|DATE"
    r"|TIME|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)"
)
#: Format → the options of the engine that writes it.
FILE_FORMATS: Final = {
    "parquet": "FORMAT parquet, COMPRESSION zstd",
    "csv": "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"'",
}


def copy_statement(
    table: str, columns: tuple[tuple[str, str], ...], kind: str, target: str
) -> str:
    """Return the statement that writes a mart to a file.

    Parameters
    ----------
    table : str
        Its quoted name.
    columns : tuple of (str, str)
        Names and types.
    kind : str
        A name of :data:`FILE_FORMATS`.
    target : str
        Path of the file.
    """
    rows, options = f"FROM {table}", FILE_FORMATS[kind]
    if kind == "csv":
        texts = [_quoted(name) for name, type_ in columns if _is_text(type_)]
        picked = ", ".join(_cell(_quoted(name), type_) for name, type_ in columns)
        rows = f"SELECT {picked} FROM {table}"
        options += f", FORCE_QUOTE ({', '.join(texts)})" if texts else ""
    return f"COPY ({rows}) TO {literal(target)} ({options})"


def _cell(column: str, type_: str) -> str:
    if not _is_text(type_):
        return column
    text = f"CAST({_words_of(column, type_)} AS VARCHAR)"
    signs = ", ".join(literal(sign) for sign in FORMULA_SIGNS)
    is_formula = f"list_contains([{signs}], {text}[1])"
    return f"if({is_formula}, '''' || {text}, {text}) AS {column}"


def _words_of(column: str, type_: str) -> str:
    is_nested = any(mark in type_ for mark in _NESTED)
    return f"to_json({column})" if is_nested and type_ != "JSON" else column


def _is_text(type_: str) -> bool:
    return _PLAIN.fullmatch(type_) is None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
