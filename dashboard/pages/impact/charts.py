"""Charts of the page *Impact*: effects, counterfactuals, checks.

No colour means good or bad: an interval that excludes zero looks like an interval that
does not, except for its position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt
import pandas as pd

from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import sentences as words
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.pages.impact.queries import Study
    from dashboard.shared.charts import Chart, Palette

#: Kinds of waterfall bars, by colour.
_DIRECTIONS = ("total", "adds", "takes away")
_LABEL: Final[dict[str, Any]] = {"align": "left", "dx": 9, "fontSize": 11}
_ROW_HEIGHT = 30
_RUN_HEIGHT = 22
_PADDING = {"left": 5, "right": 12, "top": 5, "bottom": 5}
#: The same room for each axis of a trio, so that days line up.
_AXIS_WIDTH = 62
_TRIO_HEIGHT = 190
#: From so many days on, an axis names months instead of days.
_DAYS_OF_A_SEASON = 120
#: Small numbers as they are; the SI prefix of thousandths means nothing to a reader.
_PLAIN_OR_COMPACT = (
    "abs(datum.value) < 1000 ? format(datum.value, '~r') : format(datum.value, '~s')"
)
#: Names of the runs of a sensitivity, in the order of the colours.
KINDS: Final = {
    "specification": "Other specification",
    "prior": "Prior",
    "window": "Window",
    "leave_one_out": "One left out",
    "second_opinion": "Other method",
}


def relative_effects(studies: Sequence[Study], colours: Palette) -> Chart:
    """Return relative effects with 90 % intervals, a row per study."""
    frame = pd.DataFrame([_relative_row(study) for study in studies])
    # The name of a feature with a single study is enough, on a phone too.
    if frame["feature"].is_unique:
        frame["row"] = frame["feature"]
    else:
        frame["row"] = frame["study"]
    y = alt.Y(
        "row:N",
        sort=list(frame["row"]),
        title=None,
        axis=alt.Axis(labelLimit=210, ticks=False, labelOverlap=False),
    )
    x_title = "Effect in % of what would have been"
    tooltip = [
        alt.Tooltip("study:N", title="Study"),
        alt.Tooltip("text:N", title="Effect"),
        alt.Tooltip("grade:N", title="Grade"),
    ]
    base = alt.Chart(frame).encode(y=y, tooltip=tooltip)
    labelled = base.encode(x=alt.X("end:Q", title=x_title), text="label:N")
    axis = alt.Axis(format="%", tickCount=5)
    shape = alt.Shape(
        "grade:N",
        title="Grade",
        scale=alt.Scale(
            domain=[words.grade_name(grade) for grade in "ABCD"],
            range=["circle", "square", "triangle-up", "cross"],
        ),
        legend=alt.Legend(orient="bottom", columns=alt.ExprRef("width < 400 ? 2 : 4")),
    )
    return alt.layer(
        _zero_line(colours, axis="x"),
        # The line of zero would run through a minus.
        labelled.mark_text(**_LABEL, **_halo(colours)),
        base.mark_rule(strokeWidth=3, opacity=0.45, color=colours.categories[0]).encode(
            x=alt.X("low:Q", title=x_title, axis=axis), x2="high:Q"
        ),
        base.mark_point(
            filled=True, size=90, opacity=1, color=colours.categories[0]
        ).encode(x=alt.X("point:Q", title=x_title), shape=shape),
        labelled.mark_text(**_LABEL, color=colours.ink),
        height=_ROW_HEIGHT * len(frame) + 100,
        padding=_PADDING | {"right": 60},
    )


def _relative_row(study: Study) -> dict[str, Any]:
    figures = study.average
    if figures is None or figures.relative is None:
        raise ValueError(f"study {study.study_id} has no relative effect to draw")
    relative, high = figures.relative, figures.relative_high
    return {
        "feature": study.feature_name,
        "study": f"{study.feature_name}: {numbers.words(study.outcome)}",
        "grade": words.grade_name(study.grade),
        "point": relative,
        "low": figures.relative_low,
        "high": high,
        # Its label is beside the mark that reaches furthest.
        "end": relative if high is None else max(relative, high),
        "label": fmt.signed_percent(relative),
        "text": words.effect(study),
    }


def _halo(colours: Palette) -> dict[str, Any]:
    """Return a text's ground, in the colour of the page."""
    ground = colours.gap
    return {"color": ground, "stroke": ground, "strokeWidth": 12, "aria": False}


def _zero_line(colours: Palette, *, axis: str) -> alt.Chart:
    rule = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(
        color=colours.quiet, strokeDash=[3, 3]
    )
    drawn: alt.Chart = (
        rule.encode(x=alt.X("zero:Q")) if axis == "x" else rule.encode(y="zero:Q")
    )
    return drawn


def observed_and_predicted(
    table: pa.Table, launch: object, title: str, colours: Palette
) -> Chart:
    """Return observed values over the counterfactual with its 90 % band."""
    frame = _days(table)
    base = _over_days(frame)
    named = {"observed": "seen", "counterfactual": "without the feature"}
    lines = frame.melt(
        id_vars=["effect_date"], value_vars=list(named), var_name="line"
    ).dropna(subset=["value"])
    lines["line"] = lines["line"].map(named)
    band = base.mark_area(opacity=0.22, color=colours.categories[1]).encode(
        y=alt.Y("counterfactual_low_90:Q", title=title, scale=alt.Scale(zero=False)),
        y2="counterfactual_high_90:Q",
    )
    colour = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(
            domain=list(named.values()), range=[colours.ink, colours.categories[1]]
        ),
        legend=alt.Legend(orient="top"),
    )
    dash = alt.StrokeDash(
        "line:N",
        title=None,
        scale=alt.Scale(domain=list(named.values()), range=[[1, 0], [5, 3]]),
        legend=None,
    )
    drawn = (
        _over_days(lines)
        .mark_line(strokeWidth=1.6)
        .encode(
            y=alt.Y(
                "value:Q",
                title=title,
                scale=alt.Scale(zero=False),
                axis=_trio_axis(),
            ),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("effect_date:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip("line:N", title="What"),
                alt.Tooltip("value:Q", title=title, format=",.4~g"),
            ],
        )
    )
    return alt.layer(
        band,
        drawn,
        _launch_line(launch, colours),
        height=_TRIO_HEIGHT + 40,
        padding=_PADDING,
    )


def effect_over_days(
    table: pa.Table, launch: object, title: str, colours: Palette, *, column: str
) -> Chart:
    """Return an effect by day, or its running sum, with the 90 % band.

    Parameters
    ----------
    table : pyarrow.Table
        Days with ``column``, ``<column>_low_90`` and ``<column>_high_90``.
    launch : date
        Day of the vertical line.
    title : str
        Of the axis.
    colours : Palette
        Of the theme.
    column : {'effect', 'cumulative_effect'}
        Column to draw.
    """
    base = _over_days(_days(table))
    y_band = alt.Y(f"{column}_low_90:Q", title=title, axis=_trio_axis())
    tooltip = [
        alt.Tooltip("effect_date:T", title="Day", format="%Y-%m-%d"),
        alt.Tooltip(f"{column}:Q", title=title, format="+,.4~g"),
        alt.Tooltip(f"{column}_low_90:Q", title="90 % from", format="+,.4~g"),
        alt.Tooltip(f"{column}_high_90:Q", title="to", format="+,.4~g"),
    ]
    return alt.layer(
        _zero_line(colours, axis="y"),
        base.mark_area(opacity=0.22, color=colours.categories[0]).encode(
            y=y_band, y2=f"{column}_high_90:Q"
        ),
        base.mark_line(color=colours.categories[0], strokeWidth=1.6).encode(
            y=alt.Y(f"{column}:Q", title=title, axis=_trio_axis()), tooltip=tooltip
        ),
        _launch_line(launch, colours),
        height=_TRIO_HEIGHT,
        padding=_PADDING,
    )


def _days(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    frame["effect_date"] = pd.to_datetime(frame["effect_date"])
    return frame


def _over_days(frame: pd.DataFrame) -> alt.Chart:
    days = (frame["effect_date"].max() - frame["effect_date"].min()).days
    form = "%d %b" if days < _DAYS_OF_A_SEASON else "%b %y"
    return alt.Chart(frame).encode(
        x=alt.X("effect_date:T", title=None, axis=alt.Axis(format=form, tickCount=6))
    )


def _trio_axis() -> alt.Axis:
    return alt.Axis(
        labelExpr=_PLAIN_OR_COMPACT,
        tickCount=4,
        minExtent=_AXIS_WIDTH,
        maxExtent=_AXIS_WIDTH,
    )


def _launch_line(launch: object, colours: Palette) -> alt.Chart:
    frame = pd.DataFrame({"launch": [pd.Timestamp(str(launch))]})
    drawn: alt.Chart = (
        alt.Chart(frame)
        .mark_rule(color=colours.ink, strokeDash=[2, 2])
        .encode(
            x=alt.X("launch:T"),
            tooltip=alt.Tooltip("launch:T", title="Launch", format="%Y-%m-%d"),
        )
    )
    return drawn


def placebos(
    values: Sequence[float],
    found: float | None,
    title: str,
    colours: Palette,
) -> Chart:
    """Return placebo effects as ticks, and the estimate as a point."""
    frame = pd.DataFrame({"value": list(values)})
    x = alt.X(
        "value:Q", title=title, axis=alt.Axis(tickCount=6, labelExpr=_PLAIN_OR_COMPACT)
    )
    layers = [
        _zero_line(colours, axis="x"),
        alt.Chart(frame)
        .mark_tick(size=34, thickness=2, opacity=0.55, color=colours.categories[0])
        .encode(x=x, tooltip=alt.Tooltip("value:Q", title="Placebo", format="+,.4~g")),
    ]
    if found is not None:
        mark = alt.Chart(pd.DataFrame({"value": [found], "name": ["this study"]}))
        layers += [
            mark.mark_point(
                filled=True, shape="diamond", size=170, opacity=1, color=colours.ink
            ).encode(
                x=x, tooltip=alt.Tooltip("value:Q", title="This study", format="+,.4~g")
            ),
            mark.mark_text(dy=-24, fontWeight="bold", color=colours.ink).encode(
                x=x, text="name:N"
            ),
        ]
    return alt.layer(*layers, height=130, padding=_PADDING | {"top": 20, "left": 10})


def waterfall(
    table: pa.Table, labels: Sequence[str], unit: str, colours: Palette
) -> Chart:
    """Return contributions as cumulative bars with whiskers.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``starts_at``, ``ends_at``, ``low_at``, ``high_at``, ``is_total``.
    labels : sequence of str
        Names of the rows.
    unit : str
        Of all of them.
    colours : Palette
        Palette with totals, increases and decreases in its first three colours.
    """
    rows = [
        {
            "label": label,
            "starts": row["starts_at"],
            "ends": row["ends_at"],
            "low": row["low_at"],
            "high": row["high_at"],
            "kind": _direction(row),
            "text": numbers.quantity(row["contribution"], unit, is_signed=True),
        }
        for label, row in zip(labels, table.to_pylist(), strict=True)
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "label:N",
            sort=list(labels),
            title=None,
            axis=alt.Axis(labelLimit=170, ticks=False, labelOverlap=False),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="Factor"),
            alt.Tooltip("text:N", title="Contribution"),
        ],
    )
    x = alt.X(
        "starts:Q",
        title=numbers.words(unit),
        axis=alt.Axis(labelExpr=_PLAIN_OR_COMPACT, tickCount=5),
    )
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=_DIRECTIONS, range=list(colours.categories[:3])),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    return alt.layer(
        base.mark_bar(height=16, opacity=0.85).encode(x=x, x2="ends:Q", color=colour),
        base.mark_rule(color=colours.ink, strokeWidth=1.5).encode(
            x=alt.X("low:Q"), x2="high:Q"
        ),
        base.mark_tick(color=colours.ink, size=9, thickness=1.5).encode(x="low:Q"),
        base.mark_tick(color=colours.ink, size=9, thickness=1.5).encode(x="high:Q"),
        height=_ROW_HEIGHT * len(rows) + 100,
        padding=_PADDING,
    )


def _direction(row: dict[str, Any]) -> str:
    if row["is_total"]:
        return "total"
    return "adds" if row["contribution"] >= 0 else "takes away"


def specification_curve(table: pa.Table, title: str, colours: Palette) -> Chart:
    """Return every run with an effect, the smallest first, the plan's own marked."""
    rows = [
        row | {"kind_name": KINDS.get(row["kind"], row["kind"]), "name": row["variant"]}
        for row in table.to_pylist()
        if row["effect"] is not None
    ]
    frame = pd.DataFrame(rows)
    present = [name for name in KINDS.values() if name in set(frame["kind_name"])]
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "run_rank:O",
            title=None,
            axis=None,
            sort="ascending",
        ),
        tooltip=[
            alt.Tooltip("kind_name:N", title="What differs"),
            alt.Tooltip("name:N", title="Run"),
            alt.Tooltip("effect:Q", title="Effect", format="+,.4~g"),
            alt.Tooltip("effect_low_90:Q", title="90 % from", format="+,.4~g"),
            alt.Tooltip("effect_high_90:Q", title="to", format="+,.4~g"),
        ],
    )
    colour = alt.Color(
        "kind_name:N",
        title=None,
        scale=alt.Scale(domain=present, range=list(colours.categories[: len(present)])),
        legend=alt.Legend(orient="bottom", columns=alt.ExprRef("width < 400 ? 2 : 5")),
    )
    x = alt.X(
        "effect:Q", title=title, axis=alt.Axis(labelExpr=_PLAIN_OR_COMPACT, tickCount=5)
    )
    return alt.layer(
        _zero_line(colours, axis="x"),
        base.mark_rule(strokeWidth=2, opacity=0.5).encode(
            x=alt.X("effect_low_90:Q", title=title), x2="effect_high_90:Q", color=colour
        ),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, color=colour),
        base.transform_filter("datum.is_declared")
        .mark_point(
            filled=True, shape="diamond", size=160, opacity=1, color=colours.ink
        )
        .encode(x=x),
        height=min(_RUN_HEIGHT * len(rows), 460) + 60,
        padding=_PADDING,
    )
