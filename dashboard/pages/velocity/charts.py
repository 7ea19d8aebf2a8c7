"""The charts of the page *Velocity*: figures over time, stages, cohorts, hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from dashboard.shared import charts
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}


def by_period(table: pa.Table, title: str, colours: Palette) -> Chart:
    """Return medians with intervals by period; a missing figure is a gap."""
    frame = _frame(table, "period")
    x = alt.X(
        "name:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelAngle=0, values=charts.some_labels(list(frame["name"]))),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Period"),
        alt.Tooltip("value:Q", title=title, format=",.2f"),
        alt.Tooltip("low:Q", title="90 % interval from", format=",.2f"),
        alt.Tooltip("high:Q", title="to", format=",.2f"),
        alt.Tooltip("n_used:Q", title="n"),
    ]
    base = alt.Chart(frame).encode(x=x)
    band = base.mark_rule(strokeWidth=6, opacity=0.25, color=colours.categories[0])
    points = base.mark_point(
        filled=True, size=60, color=colours.categories[0], aria=False
    )
    line = base.mark_line(color=colours.categories[0], strokeWidth=1.5)
    y = alt.Y("value:Q", title=title)
    return alt.layer(
        band.encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        line.encode(y=y),
        points.encode(y=y, tooltip=tooltip),
        height=240,
        padding=_PADDING,
    )


def weeks(table: pa.Table, colours: Palette) -> Chart:
    """Return deployments by week, weeks of zero included."""
    frame = table.to_pandas().sort_values("week")
    frame["whole"] = frame["is_complete"].map({True: "whole week", False: "not over"})
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("week:T", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y("deployment_count:Q", title="Deployments a week"),
            color=alt.Color(
                "whole:N",
                title=None,
                scale=alt.Scale(
                    domain=["whole week", "not over"],
                    range=[colours.categories[0], colours.other],
                ),
            ),
            tooltip=[
                alt.Tooltip("week:T", title="Week of", format="%Y-%m-%d"),
                alt.Tooltip("deployment_count:Q", title="Deployments"),
                alt.Tooltip("deployment_day_count:Q", title="Days with one"),
            ],
        )
    )
    return alt.layer(bars, height=180, padding=_PADDING)


def stages(table: pa.Table, colours: Palette) -> Chart:
    """Return the spread of each stage: half of all inside the box, the median in it."""
    frame = table.to_pandas()
    y = alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(labelLimit=160))
    base = alt.Chart(frame).encode(y=y)
    tooltip = [
        alt.Tooltip("stage:N", title="Stage"),
        alt.Tooltip("n:Q", title="n"),
        alt.Tooltip("p50:Q", title="Median, h", format=",.1f"),
        alt.Tooltip("p90:Q", title="90 % within, h", format=",.1f"),
    ]
    whisker = base.mark_rule(color=colours.quiet).encode(
        x=alt.X("p10:Q", title="hours", axis=alt.Axis(tickCount=6)), x2="p90:Q"
    )
    box = base.mark_bar(size=18, opacity=0.6, color=colours.categories[0]).encode(
        x=alt.X("p25:Q", title="hours", axis=alt.Axis(tickCount=6)),
        x2="p75:Q",
        tooltip=tooltip,
    )
    median = base.mark_tick(size=24, thickness=2, color=colours.ink).encode(
        x=alt.X("p50:Q", title="hours", axis=alt.Axis(tickCount=6))
    )
    return alt.layer(whisker, box, median, height=150, padding=_PADDING | {"left": 10})


def firefighting(table: pa.Table, colours: Palette) -> Chart:
    """Return the share of hours on incidents by month, a line for each team."""
    frame = _frame(table)
    teams = sorted(set(frame["team_id"]))
    lines = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=alt.X("name:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "self_report:Q", title="Booked on incidents", axis=alt.Axis(format="%")
            ),
            color=alt.Color(
                "team_id:N",
                title=None,
                scale=alt.Scale(
                    domain=teams, range=list(colours.categories[: len(teams)])
                ),
            ),
            tooltip=[
                alt.Tooltip("name:N", title="Month"),
                alt.Tooltip("team_id:N", title="Team"),
                alt.Tooltip("self_report:Q", title="Booked", format=".1%"),
                alt.Tooltip("system:Q", title="Engaged", format=".1%"),
            ],
        )
    )
    return alt.layer(lines, height=240, padding=_PADDING)


def conversions(table: pa.Table, colours: Palette) -> Chart:
    """Return the share of each cohort that got there, by days since each item began."""
    frame = table.to_pandas().dropna(subset=["converted_ratio"])
    frame["name"] = [fmt.month(label) for label in frame["cohort"]]
    frame["followed"] = frame["is_mature"].map({True: "all", False: "not all yet"})
    names = list(dict.fromkeys(frame["name"]))
    lines = alt.Chart(frame).encode(
        x=alt.X("horizon_days:Q", title="days since it began"),
        y=alt.Y(
            "converted_ratio:Q",
            title="in production",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
        ),
        color=alt.Color(
            "name:N",
            title=None,
            sort=names,
            scale=alt.Scale(domain=names, range=list(colours.categories[: len(names)])),
        ),
    )
    points = lines.mark_point(filled=True, size=60, aria=False).encode(
        shape=alt.Shape(
            "followed:N",
            # A second legend has no room; the caption explains the triangle.
            legend=None,
            scale=alt.Scale(
                domain=["all", "not all yet"], range=["circle", "triangle"]
            ),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Began in"),
            alt.Tooltip("horizon_days:Q", title="Within days"),
            alt.Tooltip("converted_ratio:Q", title="In production", format=".0%"),
            alt.Tooltip("converted_ratio_low:Q", title="90 % from", format=".0%"),
            alt.Tooltip("converted_ratio_high:Q", title="to", format=".0%"),
            alt.Tooltip("item_count:Q", title="n"),
            alt.Tooltip("followed:N", title="Followed so long"),
        ],
    )
    return alt.layer(
        lines.mark_line(strokeWidth=1.5), points, height=240, padding=_PADDING
    )


def _frame(table: pa.Table, period: str = "month") -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    frame["name"] = [fmt.month(label) for label in frame[period]]
    return frame
