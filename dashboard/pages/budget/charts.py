"""The charts of the page *Budget & forecast*: bullets, fan and burn-down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

#: A mark for each state, so that none is identified by its colour alone.
STATE_MARKS = {
    "over": "\u25b2 over",
    "within": "\u2713 within",
    "running": "\u25b7 running",
    "ahead": "\u25b7 not over yet",
    "stale": "\u25cc stale",
    "incomplete": "\u2265 incomplete",
    "unknown": "? unknown",
}
_ROW_HEIGHT = 40
_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}


def bullets(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return a bullet for each scope: the actual as a bar, the budget as a line."""
    rows = [_bullet(row, currency) for row in table.to_pylist()]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "scope:N",
            sort=[row["scope"] for row in rows],
            title=None,
            axis=alt.Axis(labelLimit=150, ticks=False),
        ),
        tooltip=[
            alt.Tooltip("scope:N", title="Scope"),
            alt.Tooltip("actual_text:N", title="Actual"),
            alt.Tooltip("budget_text:N", title="Budget"),
            alt.Tooltip("state:N", title="State"),
        ],
    )
    x = alt.X("actual:Q", title=currency, axis=axes.compact(5))
    bars = base.mark_bar(height=14).encode(
        x=x,
        color=alt.Color(
            "state:N",
            scale=alt.Scale(
                domain=list(STATE_MARKS.values()),
                range=[
                    colours.categories[5],
                    colours.categories[0],
                    colours.categories[4],
                    *(colours.other,) * 4,
                ],
            ),
            legend=None,
        ),
    )
    budget = base.mark_tick(thickness=3, size=28, color=colours.ink).encode(
        x=alt.X("budget:Q")
    )
    words = base.mark_text(align="left", dx=8, fontSize=11, color=colours.ink).encode(
        x=alt.X("longer:Q"), text="label:N"
    )
    return alt.layer(
        bars,
        budget,
        words,
        height=_ROW_HEIGHT * len(rows) + 40,
        padding=_PADDING | {"right": 130},
    )


def _bullet(row: dict[str, Any], currency: str) -> dict[str, Any]:
    state = STATE_MARKS[row["state"]]
    times = row["times_budget"]
    label = state if times is None else f"{state} \u00b7 {fmt.times(times)}"
    return {
        "scope": row["scope"],
        "state": state,
        "actual": _length(row["actual"]),
        "budget": _length(row["budget"]),
        "longer": _length(row["longer"]) or 0.0,
        "label": label,
        "actual_text": fmt.money(row["actual"], currency),
        "budget_text": fmt.money(row["budget"], currency),
    }


def fan(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return the known days as a line, the days ahead as a line within their band."""
    rows = [_day(row, currency) for row in table.to_pylist()]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X(
            "day:T",
            title=None,
            axis=alt.Axis(format="%d %b", tickCount=8, labelOverlap=True),
        ),
        tooltip=[
            alt.Tooltip("day_text:N", title="Day"),
            alt.Tooltip("actual_text:N", title="Known"),
            alt.Tooltip("expected_text:N", title="Expected"),
            alt.Tooltip("interval_text:N", title="90 % interval"),
        ],
    )
    y_axis = axes.compact(5)
    band = base.mark_area(color=colours.categories[1], opacity=0.3).encode(
        y=alt.Y("low:Q", title=f"{currency} per day", axis=y_axis), y2="high:Q"
    )
    known = base.mark_line(color=colours.categories[0], strokeWidth=2).encode(
        y=alt.Y("actual:Q")
    )
    expected = base.mark_line(
        color=colours.categories[5], strokeWidth=2.5, strokeDash=[6, 4]
    ).encode(y=alt.Y("expected:Q"))
    return alt.layer(band, known, expected, height=300, padding=_PADDING)


def burn_down(table: pa.Table, colours: Palette) -> Chart:
    """Return each commitment's balance over time, dashed to its expiry."""
    rows = [
        row
        | {
            "day": f"{row['day']:%Y-%m-%d}T00:00:00",
            "day_text": fmt.day(row["day"]),
            "left_text": fmt.percent(row["left_ratio"]),
        }
        for row in table.to_pylist()
    ]
    names = list(dict.fromkeys(row["commitment"] for row in rows))
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X(
            "day:T",
            title=None,
            axis=alt.Axis(format="%b %Y", tickCount=6, labelOverlap=True),
        ),
        y=alt.Y(
            "left_ratio:Q",
            title="left of the grant",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        color=alt.Color(
            "commitment:N",
            sort=names,
            scale=alt.Scale(domain=names, range=list(colours.categories)),
            legend=alt.Legend(title=None, orient="top", columns=2),
        ),
        tooltip=[
            alt.Tooltip("commitment:N", title="Commitment"),
            alt.Tooltip("day_text:N", title="Day"),
            alt.Tooltip("left_text:N", title="Left"),
            alt.Tooltip("kind:N", title="Kind"),
        ],
    )
    known = base.transform_filter("datum.kind == 'known'")
    expected = base.transform_filter("datum.kind == 'expected'")
    return alt.layer(
        known.mark_line(strokeWidth=2.5, point=True),
        expected.mark_line(strokeWidth=2, strokeDash=[6, 4]),
        height=260,
        padding=_PADDING,
    )


def _day(row: dict[str, Any], currency: str) -> dict[str, Any]:
    low, high = row["low"], row["high"]
    return {
        "day": f"{row['charge_date']:%Y-%m-%d}T00:00:00",
        "day_text": fmt.day(row["charge_date"]),
        "actual": _length(row["actual"]),
        "expected": row["expected"],
        "low": low,
        "high": high,
        "actual_text": fmt.money(row["actual"], currency),
        "expected_text": fmt.estimate(row["expected"], currency),
        "interval_text": fmt.interval(low, high, currency),
    }


def _length(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
