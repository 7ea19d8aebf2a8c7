"""Chart of *Explore*: bars by dimension, or columns over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.pages.explore.queries import OTHER
from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    from dashboard.pages.explore.dimensions import Dimension
    from dashboard.pages.explore.queries import Answer, Question
    from dashboard.shared.charts import Chart, Palette

_ROW_HEIGHT = 26
_AXIS_HEIGHT = 66
_LEGEND_ROW = 20
_PADDING = {"left": 5, "right": 5, "top": 8, "bottom": 5}
#: Scale extent relative to the longest bar, as room for its label: a larger part on a
#: phone.
_BEYOND, _BEYOND_ON_PHONE = 1.14, 1.6
_IS_PHONE = "width < 500"


def costs(question: Question, answer: Answer, currency: str, colours: Palette) -> Chart:
    """Return an answer as a chart, other values together."""
    is_first_time = question.by.is_time
    is_over_time = question.time is not None
    rows = [_row(each, question, currency) for each in answer.bars]
    if is_over_time and not is_first_time:
        for row in rows:
            row["bar"], row["series"] = row["series"], row["bar"]
            row["bar_rank"], row["series_rank"] = row["series_rank"], row["bar_rank"]
    if is_over_time:
        return _columns(rows, question, currency, colours)
    return _bars(rows, question, currency, colours)


def _row(row: dict[str, Any], question: Question, currency: str) -> dict[str, Any]:
    share = fmt.percent(row["share_ratio"])
    return {
        "bar": written(question.by, row["by_value"]),
        "series": written(question.then, row["then_value"]),
        "when": row["by_value"] if question.by.is_time else row["then_value"],
        "bar_rank": _rank(row, "by"),
        "series_rank": _rank(row, "then"),
        "length": float(row["amount"]),
        "before": float(row["prior"]),
        "amount_text": fmt.money(row["amount"], currency),
        "prior_text": fmt.money(row["prior"], currency),
        "label": f"{fmt.compact(row['amount'])} · {share}",
    }


def written(dimension: Dimension | None, value: str) -> str:
    """Write a value as its dimension is written: months by their names."""
    is_month = dimension is not None and dimension.label == "Month"
    return fmt.month(value) if is_month else value


def _rank(row: dict[str, Any], name: str) -> float:
    value = f"{name}_value"
    return float("inf") if row[value] == OTHER else row[f"{value}_rank"]


def _in_order(rows: list[dict[str, Any]], name: str) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row[f"{name}_rank"], row[name]))
    return list(dict.fromkeys(row[name] for row in ordered))


def _colour(rows: list[dict[str, Any]], colours: Palette) -> alt.Color:
    series = _in_order(rows, "series")
    plain = [name for name in series if name != OTHER]
    shades = dict(zip(plain, colours.categories, strict=False))
    return alt.Color(
        "series:N",
        scale=alt.Scale(
            domain=series, range=[shades.get(name, colours.other) for name in series]
        ),
        legend=alt.Legend(
            title=None,
            orient="bottom",
            columns=alt.ExprRef("width < 500 ? 2 : 4"),
            labelLimit=alt.ExprRef("width < 500 ? 95 : 170"),
        )
        if len(series) > 1
        else None,
    )


def _tooltips(question: Question, bar: str, series: str) -> list[alt.Tooltip]:
    shown = [alt.Tooltip("bar:N", title=bar)]
    if question.then is not None:
        shown.append(alt.Tooltip("series:N", title=series))
    shown.append(alt.Tooltip("amount_text:N", title="Cost"))
    if question.is_compared:
        shown.append(alt.Tooltip("prior_text:N", title="Before"))
    return shown


def _bars(
    rows: list[dict[str, Any]], question: Question, currency: str, colours: Palette
) -> Chart:
    order = _in_order(rows, "bar")
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "bar:N",
            sort=order,
            title=None,
            axis=alt.Axis(
                labelLimit=alt.ExprRef(f"{_IS_PHONE} ? 100 : 150"), ticks=False
            ),
        )
    )
    then = question.then.label if question.then else ""
    layers = [
        base.mark_bar(height=17).encode(
            x=alt.X(
                "length:Q",
                title=currency,
                axis=axes.compact(alt.ExprRef(f"{_IS_PHONE} ? 3 : 5")),
                scale=alt.Undefined if question.then else _with_room(rows),
            ),
            color=_colour(rows, colours),
            order=alt.Order("series_rank:Q"),
            tooltip=_tooltips(question, question.by.label, then),
        )
    ]
    if question.then is None:
        layers.append(
            base.mark_text(align="left", dx=5, fontSize=11, color=colours.ink)
            .encode(x=alt.X("end:Q"), text="label:N")
            .transform_calculate(
                end="max(datum.length, datum.before, 0)"
                if question.is_compared
                else "max(datum.length, 0)"
            )
        )
        if question.is_compared:
            layers.append(
                base.mark_tick(thickness=3, size=19, color=colours.quiet).encode(
                    x="before:Q"
                )
            )
    return alt.layer(
        *layers,
        height=_ROW_HEIGHT * len(order) + _height_of_axes(rows),
        padding=_PADDING,
    )


def _with_room(rows: list[dict[str, Any]]) -> alt.Scale:
    """Return a scale that leaves room for a label behind the longest bar."""
    longest = max(max(row["length"], row["before"]) for row in rows)
    if longest <= 0:
        return alt.Scale()
    phone, desk = longest * _BEYOND_ON_PHONE, longest * _BEYOND
    return alt.Scale(domainMax=alt.ExprRef(f"{_IS_PHONE} ? {phone} : {desk}"))


def _height_of_axes(rows: list[dict[str, Any]]) -> int:
    """Return how much of a chart's height its axis and legend take [px]."""
    series = len(_in_order(rows, "series"))
    return _AXIS_HEIGHT + (_LEGEND_ROW * -(-series // 2) if series > 1 else 0)


def _columns(
    rows: list[dict[str, Any]], question: Question, currency: str, colours: Palette
) -> Chart:
    other = question.then if question.by.is_time else question.by
    time = question.time.label if question.time else ""
    x = alt.X(
        "bar:N",
        sort=_times(rows),
        title=None,
        axis=alt.Axis(labelAngle=0, labelOverlap=True),
    )
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(stroke=colours.gap, strokeWidth=1)
        .encode(
            x=x,
            y=alt.Y(
                "length:Q",
                title=f"{currency} per {time.lower()}",
                axis=axes.compact(5),
            ),
            color=_colour(rows, colours),
            order=alt.Order("series_rank:Q"),
            tooltip=_tooltips(question, time, other.label if other else ""),
        )
    )
    return alt.layer(bars, height=300, padding=_PADDING)


def _times(rows: list[dict[str, Any]]) -> list[str]:
    """Return days, weeks or months in their own order."""
    return list(dict.fromkeys(row["bar"] for row in sorted(rows, key=_when)))


def _when(row: dict[str, Any]) -> str:
    return str(row["when"])
