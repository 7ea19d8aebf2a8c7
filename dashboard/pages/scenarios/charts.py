"""The charts of the page *Scenarios*: outcomes, the fan, the tornado, cost on usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes
from dashboard.shared.return_sentences import between

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

_ROW_HEIGHT = 30
_FAN_HEIGHT = 280
_PADDING = {"left": 5, "right": 12, "top": 5, "bottom": 5}
_MOST_DRIVERS = 12
_NARROW = 480


def outcomes(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return a dot and two bars for each scenario, beside the line of its base."""
    rows = pd.DataFrame(
        [
            {
                **row,
                "text": f"{fmt.estimate(row['npv_difference'], currency)}"
                f" ({between(row, 'npv_difference', currency)})",
            }
            for row in table.to_pylist()
            if row["npv_difference"] is not None
        ]
    )
    base = alt.Chart(rows).encode(
        y=alt.Y(
            "scenario:N",
            sort=list(rows["scenario"]),
            title=None,
            axis=alt.Axis(labelLimit=_on_phone(120, 260), ticks=False),
        ),
        color=_by_scenario(list(rows["scenario"]), colours, legend=False),
        tooltip=[
            alt.Tooltip("scenario:N"),
            alt.Tooltip("text:N", title="Against base"),
        ],
    )
    title = f"Net present value against carrying on, {currency}"
    return alt.layer(
        _zero(colours, "x"),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("npv_difference_low_90:Q", title=title, axis=_money_axis()),
            x2="npv_difference_high_90:Q",
        ),
        base.mark_rule(strokeWidth=7, opacity=0.55).encode(
            x="npv_difference_low_50:Q", x2="npv_difference_high_50:Q"
        ),
        base.mark_point(filled=True, size=75, opacity=1).encode(x="npv_difference:Q"),
        height=max(len(rows), 2) * _ROW_HEIGHT + 75,
        padding=_PADDING,
    )


def fan(table: pa.Table, title: str, colours: Palette) -> Chart:
    """Return means by month with their 50 and 90 % bands, scenarios over each other."""
    rows = table.to_pandas()
    names = list(dict.fromkeys(rows["scenario"]))
    rows["month_start"] = pd.to_datetime(rows["month"] + "-01")
    base = alt.Chart(rows).encode(
        x=alt.X(
            "month_start:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=8)
        ),
        color=_by_scenario(names, colours, legend=True),
    )
    y = alt.Y("value_low_90:Q", title=title, axis=_money_axis())
    return alt.layer(
        _zero(colours, "y"),
        base.mark_area(opacity=0.12).encode(y=y, y2="value_high_90:Q"),
        base.mark_area(opacity=0.22).encode(y="value_low_50:Q", y2="value_high_50:Q"),
        base.mark_line(strokeWidth=2.2).encode(
            y="value:Q",
            strokeDash=alt.StrokeDash(
                "scenario:N", scale=alt.Scale(domain=names), legend=None
            ),
            tooltip=[
                alt.Tooltip("scenario:N"),
                alt.Tooltip("month:N"),
                alt.Tooltip("value:Q", format=",.0f", title="Mean"),
                alt.Tooltip("value_low_90:Q", format=",.0f", title="90 % from"),
                alt.Tooltip("value_high_90:Q", format=",.0f", title="90 % to"),
            ],
        ),
        height=_FAN_HEIGHT,
        padding=_PADDING,
    )


def tornado(
    table: pa.Table, measure: str, value: float, title: str, colours: Palette
) -> Chart:
    """Return bars from low to high around a value, the ends printed.

    Parameters
    ----------
    table : pyarrow.Table
        Drivers, the widest first, with columns ``…_at_low`` and ``…_at_high``.
    measure : str
        Beginning of the names of these columns.
    value : float
        Value with all assumptions unchanged.
    title : str
        Of the axis.
    """
    drawn = [row for row in table.to_pylist() if row[f"{measure}_at_low"] is not None]
    bars = [_bar(row, measure) for row in drawn]
    moved = [bar for bar in bars if bar["left"] < bar["right"]] or bars
    rows = pd.DataFrame(moved[:_MOST_DRIVERS])
    y = alt.Y(
        "driver:N",
        sort=list(rows["driver"]),
        title=None,
        axis=alt.Axis(labelLimit=_on_phone(105, 230), ticks=False),
    )
    base = alt.Chart(rows).encode(y=y)
    middle = alt.Chart(pd.DataFrame({"value": [value]}))
    # Beside the bars there is room for their ends, but on a phone.
    scale = alt.Scale(zero=False, padding=_on_phone(8, 70))
    return alt.layer(
        middle.mark_rule(color=colours.quiet, strokeDash=[4, 3]).encode(x="value:Q"),
        base.mark_rule(strokeWidth=9, opacity=0.35, color=colours.other).encode(
            x=alt.X("left:Q", title=title, axis=_money_axis(), scale=scale),
            x2="right:Q",
            tooltip=[
                alt.Tooltip("driver:N", title="Assumption"),
                alt.Tooltip("low_text:N", title="At its low end"),
                alt.Tooltip("high_text:N", title="At its high end"),
                alt.Tooltip("share:N", title="Part of the variance"),
            ],
        ),
        _ends_of_bars(rows, y, colours),
        *(_text_of_bars(base, side, colours) for side in ("left", "right")),
        height=max(len(rows), 2) * _ROW_HEIGHT + 105,
        padding=_PADDING,
    )


def _ends_of_bars(rows: pd.DataFrame, y: alt.Y, colours: Palette) -> alt.Chart:
    points = pd.DataFrame(
        [
            {**row, "end": f"at its {end} end", "at": row[end]}
            for row in rows.to_dict("records")
            for end in ("low", "high")
        ]
    )
    ends = alt.Color(
        "end:N",
        scale=alt.Scale(
            domain=["at its low end", "at its high end"],
            range=[colours.categories[1], colours.categories[0]],
        ),
        legend=alt.Legend(title=None, orient="top"),
    )
    drawn: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=80, opacity=1)
        .encode(y=y, x="at:Q", color=ends, shape=alt.Shape("end:N", legend=None))
    )
    return drawn


def _text_of_bars(base: alt.Chart, side: str, colours: Palette) -> alt.Chart:
    drawn: alt.Chart = base.mark_text(
        align="right" if side == "left" else "left",
        dx=-9 if side == "left" else 9,
        fontSize=11,
        opacity=_on_phone(0, 1),
        color=colours.ink,
    ).encode(x=f"{side}:Q", text=f"{side}_text:N")
    return drawn


def _bar(row: dict[str, Any], measure: str) -> dict[str, Any]:
    low, high, currency = (
        row[name] for name in (f"{measure}_at_low", f"{measure}_at_high", "currency")
    )
    texts = {
        "low_text": fmt.estimate(low, currency),
        "high_text": fmt.estimate(high, currency),
    }
    left, right = ("low", "high") if low <= high else ("high", "low")
    return {
        "driver": row["driver"],
        "low": low,
        "high": high,
        "left": min(low, high),
        "right": max(low, high),
        "share": fmt.percent(row[f"{measure}_variance_share"]),
        **texts,
        "left_text": texts[f"{left}_text"],
        "right_text": texts[f"{right}_text"],
    }


def cost_on_usage(table: pa.Table, found: dict[str, Any], colours: Palette) -> Chart:
    """Return months as dots on log-log axes, a fit and a line of slope 1."""
    known = [row for row in table.to_pylist() if row["requests"] and row["cost"]]
    rows = pd.DataFrame(known)
    currency = known[0]["currency"]
    x = alt.X(
        "requests:Q",
        title="Successful requests a month (log)",
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=axes.compact(5),
    )
    y = alt.Y(
        "cost:Q",
        title=f"Bill of the month, {currency} (log)",
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=axes.compact(5),
    )
    dots = (
        alt.Chart(rows)
        .mark_point(filled=True, size=70, color=colours.categories[0])
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("month:N"),
                alt.Tooltip("requests:Q", format=","),
                alt.Tooltip("cost:Q", format=",.0f"),
            ],
        )
    )
    names = ["fitted", "slope 1: a bill that grows as usage does"]
    lines = pd.DataFrame(
        [
            {"line": name, **point}
            for name, key in zip(names, ("line", "slope_one"), strict=True)
            for point in found[key]
        ]
    )
    drawn = (
        alt.Chart(lines)
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "line:N",
                scale=alt.Scale(domain=names, range=[colours.ink, colours.other]),
                legend=alt.Legend(title=None, orient="top", labelLimit=320),
            ),
            strokeDash=alt.StrokeDash(
                "line:N",
                scale=alt.Scale(domain=names, range=[[1, 0], [5, 4]]),
                legend=None,
            ),
        )
    )
    return alt.layer(drawn, dots, height=_FAN_HEIGHT, padding=_PADDING)


def _by_scenario(names: list[str], colours: Palette, *, legend: bool) -> alt.Color:
    shown = alt.Legend(
        title=None, orient="top", labelLimit=320, columns=2, symbolOpacity=1.0
    )
    return alt.Color(
        "scenario:N",
        scale=alt.Scale(domain=names, range=list(colours.categories[: len(names)])),
        legend=shown if legend else None,
    )


def _on_phone(narrow: float, wide: float) -> alt.ExprRef:
    """Return a value for narrow charts, and another value for wide charts."""
    return alt.ExprRef(f"width < {_NARROW} ? {narrow} : {wide}")


def _money_axis() -> alt.Axis:
    return axes.compact(6)


def _zero(colours: Palette, axis: str) -> alt.Chart:
    rule = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(
        color=colours.quiet, strokeDash=[4, 3]
    )
    at: alt.Chart = (
        rule.encode(x=alt.X("zero:Q")) if axis == "x" else rule.encode(y="zero:Q")
    )
    return at
