"""Axes shared by several charts."""

from __future__ import annotations

from typing import Final

import altair as alt

#: 1.5M, 200k, 0; below 1 as it is: 0.2 of a dollar is not 200m.
_COMPACT: Final = (
    "abs(datum.value) < 1 ? format(datum.value, '~r') : format(datum.value, '~s')"
)


def compact(tick_count: int | alt.ExprRef | None = None) -> alt.Axis:
    """Return an axis of money or counts, in few digits."""
    if tick_count is None:
        return alt.Axis(labelExpr=_COMPACT)
    return alt.Axis(labelExpr=_COMPACT, tickCount=tick_count)
