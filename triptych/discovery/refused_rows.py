"""Says of a refused row which value is at fault, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

#: A day of this century is a number of five digits in a spreadsheet.
_DIGITS_OF_SERIALS = 5

if TYPE_CHECKING:
    from triptych.core.lake.loads import QuarantinedRow


def refused_example(row: QuarantinedRow) -> str:
    """Return why a row is refused, with the value where one column is at fault."""
    value = _value_of(row)
    return f"{row.reason} ({value!r})" if value else row.reason


def advice_on(row: QuarantinedRow) -> str:
    """Return what to do about a refused row."""
    value = _value_of(row)
    if value.endswith("%"):
        share = value.rstrip("% ")
        return f"Write {value!r} as a fraction, or divide {share} by 100 in 'mapping'."
    if value.isdigit() and len(value) == _DIGITS_OF_SERIALS and "Period" in row.reason:
        return "Format the cells as YYYY-MM-DD before the sheet is saved as CSV."
    if row.reason.endswith("_unreadable") and any(mark in value for mark in "/."):
        return (
            "Correct the row. For dates, set 'dates: day first' or 'dates: month"
            " first' on the source."
        )
    return 'Correct the row. After a run "triptych quarantine list" counts such rows.'


def _value_of(row: QuarantinedRow) -> str:
    """Return the text of the column that a reason names; empty where there is none."""
    try:
        content = json.loads(row.row_content)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    folded = {str(name).casefold(): value for name, value in content.items()}
    column = row.reason.partition("_unreadable")[0].partition("_missing")[0].casefold()
    if row.reason == "date_out_of_range":
        dates = (
            text for name, text in folded.items() if "start" in name or "date" in name
        )
        return str(next((text for text in dates if text), ""))
    return str(folded.get(column) or "")
