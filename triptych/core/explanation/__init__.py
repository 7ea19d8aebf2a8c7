"""Origin of a published figure, and a check against the evidence.

:func:`explain` takes the address of a figure (:mod:`triptych.core.warehouse.figures`)
to its meaning, to the inputs of the run, to the loads and line items behind it, and
recomputes it from the evidence files.
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
