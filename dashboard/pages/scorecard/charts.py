"""The charts of *Platform scorecard*: a dot and an interval, and slopes of a move.

No colour means good or bad: for each metric, the reader knows if more is better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt
import pandas as pd

from dashboard.pages.scorecard import sentences as words
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.charts import Chart, Palette

_ROW_HEIGHT: Final = 26
#: Part of a chart's height used by the axis beneath, and its padding.
_AXIS_HEIGHT: Final = 46
_PADDING: Final = {"left": 5, "right": 12, "top": 5, "bottom": 5}
_SLOPE_HEIGHT: Final = 150
PERIODS: Final = ("before", "migration", "after")
#: Units with an axis in per cent.
_PERCENT: Final = frozenset({"ratio"})


def dots(
    rows: Sequence[dict[str, Any]],
    platforms: Sequence[str],
    colours: Palette,
    *,
    with_band: bool = False,
) -> Chart:
    """Return a dot and an interval for each platform, on a single scale.

    Parameters
    ----------
    rows : sequence of dict
        Figures of a single metric, each with a value.
    platforms : sequence of str
        Names of all platforms, in the order of the rows; a platform without a figure is
        a gap.
    colours : Palette
        Of the reader's theme.
    with_band : bool
        Draw the rule of thumb for integration behind them.
    """
    frame = _dot_frame(rows)
    is_percent = rows[0]["unit"] in _PERCENT
    axis = alt.Axis(format=".0%", tickCount=4) if is_percent else axes.compact(4)
    x = alt.X("figure:Q", title=None, axis=axis, scale=alt.Scale(zero=True))
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "platform:N",
            sort=None,
            scale=alt.Scale(domain=list(platforms)),
            title=None,
            # A dot without its name would be taken for that of a neighbour.
            axis=alt.Axis(labelLimit=150, labelOverlap=False, ticks=False),
        ),
        tooltip=[
            alt.Tooltip("platform:N", title="Platform"),
            alt.Tooltip("text:N", title="Figure"),
            alt.Tooltip("grade:N", title="Grade"),
        ],
    )
    colour = colours.categories[0]
    layers = [_band(colours)] if with_band else []
    layers += [
        base.mark_rule(strokeWidth=5, opacity=0.3, color=colour).encode(
            x=alt.X("low:Q", axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=80, opacity=1, color=colour).encode(x=x),
    ]
    return alt.layer(
        *layers, height=_ROW_HEIGHT * len(platforms) + _AXIS_HEIGHT, padding=_PADDING
    )


def _dot_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "platform": row["subject_name"],
                "figure": row["metric_value"],
                "low": row["interval_low"],
                "high": row["interval_high"],
                "text": words.with_interval(row),
                "grade": words.GRADES[row["grade"]],
            }
            for row in rows
        ]
    )


def _band(colours: Palette) -> alt.Chart:
    frame = pd.DataFrame([{"from": words.BAND_LOW, "to": words.BAND_HIGH}])
    drawn: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(opacity=0.18, color=colours.other)
        .encode(x=alt.X("from:Q"), x2="to:Q")
    )
    return drawn


def slope(row: dict[str, Any], colours: Palette) -> Chart:
    """Return a figure before, in and after a migration, with intervals."""
    unit, currency = str(row["unit"]), str(row["currency"])
    frame = pd.DataFrame(
        [
            {
                "period": period,
                "figure": row[f"{period}_figure"],
                "low": row[f"{period}_low"],
                "high": row[f"{period}_high"],
                "text": words.figure(row[f"{period}_figure"], unit, currency),
            }
            for period in PERIODS
        ]
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            "period:N",
            sort=list(PERIODS),
            title=None,
            axis=alt.Axis(labelAngle=0, ticks=False),
        ),
        tooltip=[
            alt.Tooltip("period:N", title="Period"),
            alt.Tooltip("text:N", title="Figure"),
        ],
    )
    # Each point is labelled: an axis would repeat it.
    y = alt.Y("figure:Q", axis=None, scale=alt.Scale(zero=True))
    colour = colours.categories[0]
    intervals = base.mark_rule(strokeWidth=6, opacity=0.3, color=colour).encode(
        y=alt.Y("low:Q", axis=None), y2="high:Q"
    )
    return alt.layer(
        # A mark of nothing has no name for a screen reader.
        *([intervals] if frame["low"].notna().any() else []),
        base.mark_line(color=colour, strokeWidth=1.5).encode(y=y),
        base.mark_point(filled=True, size=70, color=colour, opacity=1).encode(y=y),
        base.mark_text(dy=-12, color=colours.ink).encode(y=y, text="text:N"),
        height=_SLOPE_HEIGHT,
        padding={**_PADDING, "top": 18},
    )
