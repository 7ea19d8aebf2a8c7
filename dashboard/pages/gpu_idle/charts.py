"""Charts of the page *GPU & idle*: uses of money and idle hours of GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

#: Name of each part of a pool's money, in the order of the bars.
PART_NAMES = {
    "used": "Used",
    "requested_idle": "Requested, idle",
    "infrastructure_idle": "Infrastructure idle",
    "unmeasured": "Requested, use not measured",
    "unmapped": "Used by no known model",
    "unobserved": "Not observed",
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
IdleKind = Literal["Infrastructure idle", "Requested, idle"]
#: Average that each kind of idle is drawn from.
COLUMN_OF_KIND: dict[str, str] = {
    "Infrastructure idle": "infrastructure_idle_gpus",
    "Requested, idle": "requested_idle_gpus",
}
_ROW_HEIGHT = 40
_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}
_LABEL_WIDTH = 74


def months(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return stacked bars by month, with the idle part written above each."""
    rows = table.to_pylist()
    names = [fmt.month(row["billing_month"]) for row in rows]
    parts = [
        part
        for row, name in zip(rows, names, strict=True)
        for part in _parts(row, name, currency)
    ]
    x = alt.X("name:N", sort=names, title=None, axis=alt.Axis(labelAngle=0))
    bars = (
        alt.Chart(pd.DataFrame(parts))
        .mark_bar(stroke=colours.gap, strokeWidth=1)
        .encode(
            x=x,
            y=alt.Y("size:Q", title=f"{currency} per month", axis=axes.compact()),
            color=_part_colours(parts, colours),
            order=alt.Order("position:Q"),
            tooltip=_part_tooltip("Month"),
        )
    )
    tops = [
        {
            "name": name,
            "height": sum(max(float(row[part] or 0), 0.0) for part in PART_NAMES),
            "label": f"idle {fmt.compact(row['idle'])}",
        }
        for row, name in zip(rows, names, strict=True)
    ]
    labels = (
        alt.Chart(pd.DataFrame(tops))
        .mark_text(
            dy=-9,
            fontSize=11,
            fontWeight="bold",
            color=colours.ink,
            opacity=alt.ExprRef(f"width < {_LABEL_WIDTH * len(rows)} ? 0 : 1"),
        )
        .encode(x=x, y=alt.Y("height:Q"), text="label:N")
    )
    return alt.layer(bars, labels, height=320, padding=_PADDING | {"top": 24})


def pools(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return a stacked bar per pool, with the idle part written at its end."""
    rows = table.to_pylist()
    names = [row["pool_id"] for row in rows]
    parts = [part for row in rows for part in _parts(row, row["pool_id"], currency)]
    y = alt.Y(
        "name:N",
        sort=names,
        title=None,
        axis=alt.Axis(labelLimit=150, ticks=False),
    )
    bars = (
        alt.Chart(pd.DataFrame(parts))
        .mark_bar(height=22, stroke=colours.gap, strokeWidth=1)
        .encode(
            y=y,
            x=alt.X("size:Q", title=currency, axis=axes.compact(5)),
            color=_part_colours(parts, colours),
            order=alt.Order("position:Q"),
            tooltip=_part_tooltip("Pool"),
        )
    )
    ends = [
        {
            "name": row["pool_id"],
            "end": sum(max(float(row[part] or 0), 0.0) for part in PART_NAMES),
            "label": f"idle {fmt.compact(row['idle'])}",
        }
        for row in rows
    ]
    labels = (
        alt.Chart(pd.DataFrame(ends))
        .mark_text(align="left", dx=5, fontSize=11, color=colours.ink)
        .encode(y=y, x=alt.X("end:Q"), text="label:N")
    )
    return alt.layer(
        bars,
        labels,
        height=_ROW_HEIGHT * len(rows) + 120,
        padding=_PADDING | {"right": 70},
    )


def week(table: pa.Table, kind: IdleKind, colours: Palette) -> Chart:
    """Return weekday × hour, coloured by GPUs idle; unread hours stay grey."""
    rows = [_cell(row, kind) for row in table.to_pylist()]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X(
            "hour:O",
            title="hour of the day, UTC",
            axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False),
        ),
        y=alt.Y(
            "day:N",
            sort=list(WEEKDAYS),
            title=None,
            axis=alt.Axis(ticks=False, labelOverlap=False),
        ),
        tooltip=[
            alt.Tooltip("day:N", title="Day"),
            alt.Tooltip("time:N", title="UTC"),
            alt.Tooltip("idle:N", title=f"{kind}, on average"),
            alt.Tooltip("capacity:N", title="GPU hours available"),
            alt.Tooltip("requested:N", title="GPU hours requested"),
            alt.Tooltip("active:N", title="GPU hours used"),
        ],
    )
    known = base.transform_filter("isValid(datum.gpus)").mark_rect(
        stroke=colours.gap, strokeWidth=1
    )
    unknown = base.transform_filter("!isValid(datum.gpus)").mark_rect(
        stroke=colours.gap, strokeWidth=1, color=colours.other, opacity=0.25
    )
    return alt.layer(
        unknown,
        known.encode(
            color=alt.Color(
                "gpus:Q",
                scale=alt.Scale(
                    range=[colours.gap, colours.categories[5]], domainMin=0
                ),
                legend=alt.Legend(
                    title="GPUs idle", orient="bottom", direction="horizontal"
                ),
            )
        ),
        height=330,
        padding=_PADDING,
    )


def _parts(row: dict[str, Any], name: str, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "part": label,
            "position": position,
            "size": float(row[part]),
            "amount_text": fmt.money(row[part], currency),
            "total_text": fmt.money(row["total"], currency),
        }
        for position, (part, label) in enumerate(PART_NAMES.items())
        if row[part]
    ]


def _part_tooltip(name: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title=name),
        alt.Tooltip("part:N", title="Part"),
        alt.Tooltip("amount_text:N", title="Cost"),
        alt.Tooltip("total_text:N", title="Whole"),
    ]


def _part_colours(parts: list[dict[str, Any]], colours: Palette) -> alt.Color:
    there = {part["part"] for part in parts}
    known = dict(
        zip(
            PART_NAMES.values(),
            (
                colours.categories[0],
                colours.categories[1],
                colours.categories[5],
                colours.categories[4],
                colours.categories[3],
                colours.other,
            ),
            strict=True,
        )
    )
    shown = [name for name in known if name in there]
    return alt.Color(
        "part:N",
        scale=alt.Scale(domain=shown, range=[known[name] for name in shown]),
        legend=alt.Legend(
            title=None,
            orient="bottom",
            columns=alt.ExprRef("width < 500 ? 2 : 4"),
            labelLimit=190,
        ),
    )


def _cell(row: dict[str, Any], kind: IdleKind) -> dict[str, Any]:
    gpus = row[COLUMN_OF_KIND[kind]]
    return {
        "day": row["day"],
        "hour": row["hour_of_day"],
        "time": f"{row['hour_of_day']:02d}:00",
        "gpus": gpus,
        "idle": "not read" if gpus is None else f"{fmt.gpus(gpus)} GPUs",
        "capacity": _hours(row["capacity_gpu_hours"]),
        "requested": _hours(row["requested_gpu_hours"]),
        "active": _hours(row["active_gpu_hours"]),
    }


def _hours(hours: Any) -> str:  # noqa: ANN401  (a decimal of any size, or nothing)
    return "not read" if hours is None else fmt.hours(hours)
