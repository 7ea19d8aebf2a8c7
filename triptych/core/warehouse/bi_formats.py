"""How a mart is written as a file of its own: Parquet, or CSV for spreadsheets.

Numbers keep every digit in both. Text in CSV is quoted, so that a spreadsheet can tell
it from numbers and NULL, and what one would take for a formula begins with an
apostrophe, as in exports.
"""

from __future__ import annotations

from typing import Final

from triptych.core.file_names import literal
from triptych.core.spreadsheet_text import FORMULA_SIGNS

_TEXT: Final = "VARCHAR"
_NESTED: Final = ("[]", "STRUCT(", "MAP(", "JSON")
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
    text = column if type_ == _TEXT else f"CAST(to_json({column}) AS VARCHAR)"
    signs = ", ".join(literal(sign) for sign in FORMULA_SIGNS)
    is_formula = f"list_contains([{signs}], {text}[1])"
    return f"if({is_formula}, '''' || {text}, {text}) AS {column}"


def _is_text(type_: str) -> bool:
    return type_ == _TEXT or any(mark in type_ for mark in _NESTED)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
