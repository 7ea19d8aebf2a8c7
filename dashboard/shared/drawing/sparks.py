"""Spark lines: the shape of a year, without axes, as small as a sentence."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

HEIGHT = 56
#: Names behind lines, the most px of each, size and height of a line of text.
_MOST_NAMES = 3
_NAME_ROOM = 170
_SIZE = 11
_LINE = 13
_PADDING = {"left": 2, "right": 2, "top": 4, "bottom": 2}


def spend(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return cost by month as a line, its last month as a point; budgets are steps.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``month``, ``amount`` and ``budget``, which is NULL where there is none.
    currency : str
        Of the amounts.
    colours : Palette
        Of the theme.
    """
    months = table.to_pylist()
    drawn = _lines(
        [_amount(row, "AI cost", row["amount"], currency) for row in months], colours
    )
    budgets = [
        _amount(row, "Budget", row["budget"], currency)
        for row in months
        if row["budget"] is not None
    ]
    if not budgets:
        return drawn
    first = budgets[0] | {
        "label": f"budget {fmt.compact(Decimal(budgets[0]['value']))}"
    }
    base = alt.Chart(pd.DataFrame(budgets)).encode(
        x=alt.X("month:O", axis=None),
        y=alt.Y("value:Q", axis=None),
        tooltip=[
            alt.Tooltip("series:N", title="Of"),
            alt.Tooltip("name:N", title="Month"),
            alt.Tooltip("text:N", title="Value"),
        ],
    )
    label = alt.Chart(pd.DataFrame([first])).encode(
        x=alt.X("month:O", axis=None), y=alt.Y("value:Q", axis=None), text="label:N"
    )
    return alt.layer(
        *drawn.layer,
        base.mark_line(
            color=colours.quiet, strokeDash=[3, 3], strokeWidth=1.5, interpolate="step"
        ),
        label.mark_text(align="left", dy=9, fontSize=_SIZE, color=colours.quiet),
        height=HEIGHT,
        padding=_PADDING,
    )


def _amount(
    row: dict[str, Any], series: str, amount: Decimal, currency: str
) -> dict[str, Any]:
    """Return the drawn values of a month's amount [currency]."""
    return {
        "month": row["month"],
        "name": fmt.month(row["month"]),
        "series": series,
        "value": float(amount),
        "text": fmt.money(amount, currency),
    }


def lead_times(rows: list[dict[str, Any]], colours: Palette) -> Chart:
    """Return median lead times by month, a line for each team."""
    return _lines(
        [
            {
                "month": row["month"],
                "name": fmt.month(row["month"]),
                "series": row["series"],
                "value": row["hours"],
                "text": f"{row['hours']:,.1f} h",
            }
            for row in rows
        ],
        colours,
    )


def net_values(rows: list[dict[str, Any]], currency: str, colours: Palette) -> Chart:
    """Return net value by month with its 90 % interval, beside a line at nothing."""
    frame = pd.DataFrame(
        [
            {
                **row,
                "name": fmt.month(row["month"]),
                "text": fmt.estimate(row["net_value"], currency),
            }
            for row in rows
        ]
    )
    base = alt.Chart(frame).encode(
        x=alt.X("month:O", axis=None),
        tooltip=[
            alt.Tooltip("name:N", title="Month"),
            alt.Tooltip("text:N", title="Net value"),
        ],
    )
    y = alt.Y("net_value:Q", axis=None)
    nothing = alt.Chart(pd.DataFrame({"net_value": [0.0]}))
    return alt.layer(
        nothing.mark_rule(color=colours.quiet, strokeDash=[3, 3]).encode(y=y),
        base.mark_rule(strokeWidth=4, opacity=0.3, color=colours.categories[0]).encode(
            y=alt.Y("net_value_low_90:Q", axis=None), y2="net_value_high_90:Q"
        ),
        base.mark_line(strokeWidth=1.5, color=colours.categories[0]).encode(y=y),
        height=HEIGHT,
        padding=_PADDING,
    )


def _lines(rows: list[dict[str, Any]], colours: Palette) -> Chart:
    frame = pd.DataFrame(rows)
    greatest = max((row["value"] for row in rows), default=0.0)
    # A line that ends before the newest month has its name at its end, too.
    last = frame.sort_values("month").groupby("series").tail(1) if rows else frame
    series = sorted({row["series"] for row in rows})
    shades = [
        colours.categories[n % len(colours.categories)] for n in range(len(series))
    ]
    encoded = {
        "x": alt.X("month:O", axis=None),
        "y": alt.Y("value:Q", axis=None, scale=alt.Scale(zero=True, nice=False)),
        "color": alt.Color(
            "series:N", legend=None, scale=alt.Scale(domain=series, range=shades)
        ),
        "tooltip": [
            alt.Tooltip("series:N", title="Of"),
            alt.Tooltip("name:N", title="Month"),
            alt.Tooltip("text:N", title="Value"),
        ],
    }
    layers = [
        alt.Chart(frame).mark_line(strokeWidth=1.5).encode(**encoded),
        alt.Chart(last).mark_point(filled=True, size=40).encode(**encoded),
    ]
    if len(series) > 1:
        layers.append(_last_names(last, greatest, colours))
        return alt.layer(*layers, height=HEIGHT, padding=_PADDING)
    text = alt.Chart(last).mark_text(
        align="right", dy=-10, fontSize=_SIZE, color=colours.ink
    )
    layers.append(text.encode(text="text:N", x=encoded["x"], y=encoded["y"]))
    return alt.layer(*layers, height=HEIGHT, padding=_PADDING)


def _last_names(last: pd.DataFrame, greatest: float, colours: Palette) -> alt.Chart:
    """Return name and newest value after each line, without overlaps.

    Of more than three lines the highest and the lowest have theirs; each has a tooltip.
    """
    rows = last.sort_values("value").to_dict("records")
    if len(rows) > _MOST_NAMES:
        rows = [rows[0], rows[-1]]
    places = spread([row["value"] for row in rows], greatest * _LINE / HEIGHT, greatest)
    frame = pd.DataFrame(
        {
            "month": [row["month"] for row in rows],
            "name": [f"{row['series']} {row['text']}" for row in rows],
            "place": places,
        }
    )
    text = alt.Chart(frame).mark_text(
        align="left", dx=7, fontSize=_SIZE, color=colours.ink, limit=_NAME_ROOM
    )
    chart: alt.Chart = text.encode(
        text="name:N",
        x=alt.X("month:O", axis=None),
        y=alt.Y("place:Q", axis=None),
    )
    return chart


def spread(values: Sequence[float], gap: float, greatest: float) -> list[float]:
    """Return places of labels near their values, in order and at least a gap apart.

    Parameters
    ----------
    values : sequence of float
        Ascending.
    gap : float
        Least distance of two labels.
    greatest : float
        Place that none is above.
    """
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + gap) if places else value)
    bound = greatest
    for at in reversed(range(len(places))):
        places[at] = min(places[at], bound)
        bound = places[at] - gap
    return places
