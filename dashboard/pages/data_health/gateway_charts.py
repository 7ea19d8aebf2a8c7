"""The charts of gateways on *Data health*: bills with the gateways' estimate inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.shared import charts
from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

_BILL = "Bill"
_ESTIMATE = "Gateways' estimate"
_ROW_HEIGHT = 40
_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}
_LABEL_WIDTH = 74
#: Months with their gap written above them: of more, the tooltip has it.
_LABELLED_MONTHS = 9


def months(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return two bars a month, the gap as a part of the bill above them."""
    rows = table.to_pylist()
    names = [fmt.month(row["billing_month"]) for row in rows]
    axis = alt.Axis(labelAngle=0, values=charts.some_labels(names))
    x = alt.X("month:N", sort=names, title=None, axis=axis)
    bars = (
        alt.Chart(pd.DataFrame([bar for row in rows for bar in _bars(row, currency)]))
        .mark_bar(stroke=colours.gap, strokeWidth=1)
        .encode(
            x=x,
            xOffset=alt.XOffset("side:N", sort=[_BILL, _ESTIMATE]),
            y=alt.Y("height:Q", title=f"{currency} per month", axis=axes.compact()),
            color=_sides(colours),
            tooltip=[
                alt.Tooltip("month:N", title="Month"),
                alt.Tooltip("bill_text:N", title="Bill, no tax or credits"),
                alt.Tooltip("estimate_text:N", title=_ESTIMATE),
                alt.Tooltip("gap_text:N", title="Gap"),
            ],
        )
    )
    tops = alt.Chart(pd.DataFrame([_top(row) for row in rows])).encode(
        x=x, y=alt.Y("height:Q")
    )
    labels = tops.mark_text(
        dy=-9,
        fontSize=11,
        fontWeight="bold",
        color=colours.ink,
        opacity=alt.ExprRef(f"width < {_LABEL_WIDTH * len(rows)} ? 0 : 1"),
    ).encode(text="label:N")
    layers = [bars, labels] if len(rows) <= _LABELLED_MONTHS else [bars]
    return alt.layer(*layers, height=300, padding=_PADDING | {"top": 24})


def above_months(month_count: int) -> str:
    """Describe the place where the gap of each month is written."""
    part = "the gap as a part of the bills, tax and credits out."
    if month_count <= _LABELLED_MONTHS:
        return f"Above each month, where there is room: {part}"
    return f"In the tooltip of each month and in the table: {part}"


def vendors(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return a wide bar per bill, with a thin bar inside for the estimate."""
    rows = [
        _vendor_row(row, currency)
        for row in table.to_pylist()
        if row["compared_cost"] is not None
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "name:N",
            sort=[row["name"] for row in rows],
            title=None,
            axis=alt.Axis(labelLimit=150, ticks=False),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Vendor and gateway"),
            alt.Tooltip("bill_text:N", title="Bill, no tax or credits"),
            alt.Tooltip("estimate_text:N", title="Gateway's estimate"),
            alt.Tooltip("gap_text:N", title="Gap"),
        ],
    )
    x = alt.X("bill:Q", title=currency, axis=axes.compact(5))
    wide = base.mark_bar(height=26, color=colours.categories[0], opacity=0.45)
    thin = base.mark_bar(height=10, color=colours.categories[1])
    words = base.mark_text(align="left", dx=5, fontSize=11, color=colours.ink)
    return alt.layer(
        wide.encode(x=x),
        thin.encode(x=alt.X("estimate:Q")),
        words.encode(x=alt.X("end:Q"), text="label:N"),
        height=_ROW_HEIGHT * len(rows) + 40,
        padding=_PADDING | {"right": 70},
    )


def _sides(colours: Palette) -> alt.Color:
    return alt.Color(
        "side:N",
        scale=alt.Scale(
            domain=[_BILL, _ESTIMATE],
            range=[colours.categories[0], colours.categories[1]],
        ),
        legend=alt.Legend(title=None, orient="bottom"),
    )


def _bars(row: dict[str, Any], currency: str) -> list[dict[str, Any]]:
    shared = {"month": fmt.month(row["billing_month"]), **_texts(row, currency)}
    return [
        {**shared, "side": side, "height": float(amount)}
        for side, amount in (
            (_BILL, row["compared_cost"]),
            (_ESTIMATE, row["gateway_spend"]),
        )
        if amount is not None
    ]


def _top(row: dict[str, Any]) -> dict[str, Any]:
    amounts = [row["compared_cost"] or 0, row["gateway_spend"] or 0]
    return {
        "month": fmt.month(row["billing_month"]),
        "height": float(max(amounts)),
        "label": "no bill"
        if row["gap"] is None
        else f"gap {fmt.percent(row['gap_ratio'])}",
    }


def _vendor_row(row: dict[str, Any], currency: str) -> dict[str, Any]:
    bill, estimate = float(row["compared_cost"]), float(row["gateway_spend"] or 0)
    return {
        "name": f"{row['provider']} · {row['gateway']}",
        "bill": bill,
        "estimate": estimate,
        "end": max(bill, estimate, 0.0),
        "label": f"gap {fmt.percent(row['gap_ratio'])}",
        **_texts(row, currency),
    }


def _texts(row: dict[str, Any], currency: str) -> dict[str, str]:
    gap = fmt.money(row["gap"], currency)
    return {
        "bill_text": fmt.money(row["compared_cost"], currency),
        "estimate_text": fmt.money(row["gateway_spend"], currency),
        "gap_text": f"{gap} ({fmt.percent(row['gap_ratio'])})",
    }
