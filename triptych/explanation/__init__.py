"""Where a published figure comes from, and whether the evidence still gives it.

:func:`explain` takes the address of a figure (:mod:`triptych.warehouse.figures`) to its
meaning, to what the run was told, to the loads and line items behind it, and works it
out again from the evidence files.
"""

from __future__ import annotations

from triptych.explanation.documentation import ColumnMeaning, explainable_columns
from triptych.explanation.report import Explanation, NotRederivedError, explain

__all__ = [
    "ColumnMeaning",
    "Explanation",
    "NotRederivedError",
    "explain",
    "explainable_columns",
]
