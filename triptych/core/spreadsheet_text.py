"""Text that spreadsheets take for a formula, in files that they open."""

from __future__ import annotations

from typing import Final

#: Text that begins with any of these is taken for a formula; with the last four where a
#: spreadsheet is set to full-width characters.
FORMULA_SIGNS: Final = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    *("\uff1d", "\uff0b", "\uff0d", "\uff20"),
)
