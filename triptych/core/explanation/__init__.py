"""Where a published figure comes from, and whether the evidence still gives it.

:func:`explain` takes the address of a figure (:mod:`triptych.core.warehouse.figures`)
to its meaning, to what the run was told, to the loads and line items behind it, and
works it out again from the evidence files.
"""

from __future__ import annotations

from triptych.core.explanation.documentation import (
    ColumnMeaning,
    NotExplainableError,
    explainable_columns,
    find_column,
    read_columns,
)
from triptych.core.explanation.published_value import PublishedValue, read_value
from triptych.core.explanation.report import (
    Explanation,
    NotRederivedError,
    explain,
    explain_in,
    unit_of,
)

__all__ = [
    "ColumnMeaning",
    "Explanation",
    "NotExplainableError",
    "NotRederivedError",
    "PublishedValue",
    "explain",
    "explain_in",
    "explainable_columns",
    "find_column",
    "read_columns",
    "read_value",
    "unit_of",
]
