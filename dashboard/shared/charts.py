"""The charts. They draw figures that the warehouse has worked out, and nothing else.

Amounts become floating point only here, as lengths on a screen; texts on a chart or in
its tooltip are made from the exact amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.shared import format as fmt
from dashboard.shared.context import STATE_KEY
from dashboard.shared.drawing import axes, pictures, step_charts
from dashboard.shared.format import OTHER_MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

#: Label of each step between the bills and the models.
STEP_NAMES = {
    "ledger": "Bills (ledger)",
    "out_of_scope": "Outside AI scope",
    "tax": "Tax",
    "credit": "Credits",
    "direct": "Direct",
    "shared": "Shared",
    "idle": "Idle",
    "unused_commitment": "Unused commitment",
    "overhead": "Overhead",
    "unallocated": "Unallocated",
    "remainder": "Remainder",
    "models": "Charged to models",
}
#: Label of its bar: the part of the step that no model carries.
BAR_LABELS = STEP_NAMES | {
    "direct": "Direct, but no model",
    "shared": "Shared, but no model",
    "idle": "Idle, not charged",
    "overhead": "Overhead, not charged",
}
#: Kinds of bars of the waterfall, in the order of the colours.
_BAR_KINDS = ("total", "left out", "added back")
#: Names on an axis of periods.
_MOST_LABELS = 6
_ROW_HEIGHT = 30
_MONTH_LABEL_WIDTH = 58
_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}

Chart = alt.LayerChart | alt.FacetChart


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a theme, in the order of ``chartCategoricalColors``."""

    categories: tuple[str, ...]
    other: str
    ink: str
    quiet: str
    gap: str


LIGHT = Palette(
    categories=(
        *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
        *("#56B4E9", "#D55E00", "#8C7A00", "#5B4B9A"),
    ),
    other="#9A9EA6",
    ink="#1C2430",
    quiet="#5C6470",
    gap="#FBFAF7",
)
DARK = Palette(
    categories=(
        *("#3FA3DC", "#F0B429", "#2BBF94", "#DE97BF"),
        *("#8CCBEE", "#F0793A", "#CDBB3A", "#A597E0"),
    ),
    other="#7C828C",
    ink="#E8E6E0",
    quiet="#A7ACB5",
    gap="#12161C",
)


#: Renderer for the browser. It is put into the text of a chart: Altair copies all
#: layers of a chart that is given properties later.
AS_LINES: Final = {"usermeta": {"embedOptions": {"renderer": "svg"}}}


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A chart that no server holds against the schema of Vega-Lite: the tests do.

    The schema would take a third of a page.
    """

    chart: Chart

    def to_dict(self) -> dict[str, Any]:
        """Return the chart as Vega-Lite has it, which is all that Streamlit asks of."""
        return {**self.chart.to_dict(validate=False), **AS_LINES}


def palette() -> Palette:
    """Return the colours of the theme that the reader sees."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def show(chart: Chart, *, description: str, of: str = "") -> None:
    """Draw a chart over the whole width, with its text for those who cannot see it.

    Beneath it are its pictures; they are made from the browser's drawing, and name the
    data they are ``of``: without it the cost of the selection above.
    """
    drawn = cast("Chart", Unchecked(chart))
    st.altair_chart(drawn, width="stretch", alt=description)
    pictures.offer(description, st.session_state.get(STATE_KEY), of)


def monthly_costs(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return stacked bars by month, the total above each, idle capacity beside it."""
    rows = [_monthly_row(row, currency) for row in table.to_pylist()]
    totals = list({row["month"]: row for row in rows}.values())
    series = list(
        dict.fromkeys(
            row["series"] for row in sorted(rows, key=lambda row: row["series_order"])
        )
    )
    months = [row["month"] for row in totals]
    x = alt.X("month:N", sort=months, title=None, axis=alt.Axis(labelAngle=0))
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(stroke=colours.gap, strokeWidth=1)
        .encode(
            x=x,
            y=alt.Y("height:Q", title=f"{currency} per month", axis=axes.compact()),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=series, range=_colours(series, colours)),
                legend=alt.Legend(
                    title=None,
                    orient="bottom",
                    columns=alt.ExprRef("width < 500 ? 2 : 4"),
                    labelLimit=150,
                ),
            ),
            order=alt.Order("series_order:Q"),
            opacity=alt.condition(
                "datum.is_estimated", alt.value(0.62), alt.value(1.0)
            ),
            tooltip=[
                alt.Tooltip("month:N", title="Month"),
                alt.Tooltip("series:N", title="Model"),
                alt.Tooltip("amount_text:N", title="Cost"),
                alt.Tooltip("total_text:N", title="All models"),
                alt.Tooltip("idle_text:N", title="Idle, not charged"),
            ],
        )
    )
    labels = alt.Chart(pd.DataFrame(totals)).encode(x=x, y=alt.Y("total_height:Q"))
    room = _label_room(len(months))
    return alt.layer(
        bars,
        labels.mark_text(
            **room.turning(up=-20, size=12), fontWeight="bold", color=colours.ink
        ).encode(text="total_label:N"),
        labels.mark_text(
            dy=-7, fontSize=10, color=colours.quiet, opacity=room.only_when_wide()
        ).encode(text="second_label:N"),
        height=400,
        padding=_PADDING | {"top": 36},
    )


@dataclass(frozen=True, slots=True)
class _LabelRoom:
    """Room for labels above a month's column to lie flat."""

    is_narrow: str

    def turning(self, *, up: int, size: int) -> dict[str, Any]:
        """Return text that is vertical where months are narrow."""
        return {
            "angle": self._choose("270", "0"),
            "align": self._choose("'left'", "'center'"),
            "dx": self._choose("7", "0"),
            "dy": self._choose("0", str(up)),
            "fontSize": size,
        }

    def only_when_wide(self) -> alt.ExprRef:
        """Return an opacity that hides text too wide to fit."""
        return self._choose("0", "1")

    def _choose(self, narrow: str, wide: str) -> alt.ExprRef:
        return alt.ExprRef(f"{self.is_narrow} ? {narrow} : {wide}")


def _label_room(month_count: int) -> _LabelRoom:
    return _LabelRoom(f"width < {_MONTH_LABEL_WIDTH * month_count}")


def _monthly_row(row: dict[str, Any], currency: str) -> dict[str, Any]:
    idle = row["idle_shown"]
    notes = []
    if idle:
        notes.append(f"+{fmt.compact(idle)} idle")
    if row["is_estimated"]:
        notes.append("est.")
    at_least = "\u2265\u00a0" if row["is_partial"] else ""
    return {
        "month": fmt.month(row["billing_month"]),
        "series": row["series"],
        "series_order": row["series_order"],
        "height": float(row["amount"]),
        "total_height": float(row["month_total"]),
        "is_estimated": row["is_estimated"],
        "amount_text": fmt.money(row["amount"], currency),
        "total_text": at_least + fmt.money(row["month_total"], currency),
        "idle_text": fmt.money(idle, currency),
        "total_label": at_least + fmt.compact(row["month_total"]),
        "second_label": " · ".join(notes),
    }


def _colours(series: list[str], colours: Palette) -> list[str]:
    ranked = iter(colours.categories)
    return [colours.other if name == OTHER_MODELS else next(ranked) for name in series]


def waterfall(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return the way from the bills to the models as horizontal bars."""
    rows = [
        _waterfall_row(row, currency)
        for row in table.to_pylist()
        if row["is_total"] or row["bar"] != 0
    ]
    kind = alt.Tooltip("kind:N", title="Kind")
    return step_charts.bars(rows, _BAR_KINDS, currency, colours, (kind,))


def _waterfall_row(row: dict[str, Any], currency: str) -> dict[str, Any]:
    left_out = row["bar"]
    kind = "total" if row["is_total"] else "left out" if left_out > 0 else "added back"
    sign = {"total": "", "left out": "\u2212", "added back": "+"}[kind]
    size = left_out if row["is_total"] else abs(left_out)
    starts, ends = float(row["starts_at"]), float(row["ends_at"])
    return {
        "label": BAR_LABELS[row["step"]],
        "kind": kind,
        "starts": starts,
        "ends": ends,
        "text_at": max(starts, ends),
        "amount_text": f"{sign}{fmt.money(size, currency)}",
        "bar_label": f"{sign}{fmt.compact(size)}",
    }


def lifecycle_costs(table: pa.Table, currency: str, colours: Palette) -> Chart:
    """Return cost by lifecycle stage as horizontal bars."""
    rows = [
        {
            "stage": row["lifecycle_stage"],
            "width": float(row["amount"]),
            "text": f"{fmt.compact(row['amount'])} · {fmt.percent(row['share_ratio'])}",
            "amount_text": fmt.money(row["amount"], currency),
        }
        for row in table.to_pylist()
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "stage:N",
            sort=[row["stage"] for row in rows],
            title=None,
            axis=alt.Axis(ticks=False),
        ),
        x=alt.X("width:Q", title=currency, axis=axes.compact(5)),
    )
    bars = base.mark_bar(height=18, color=colours.categories[0]).encode(
        tooltip=[
            alt.Tooltip("stage:N", title="Stage"),
            alt.Tooltip("amount_text:N", title="Cost"),
        ]
    )
    texts = base.mark_text(align="left", dx=5, fontSize=11, color=colours.ink).encode(
        text="text:N"
    )
    return alt.layer(
        bars,
        texts,
        height=_ROW_HEIGHT * len(rows) + 40,
        padding=_PADDING | {"right": 90},
    )


def some_labels(names: Sequence[str]) -> list[str]:
    """Return the names that an axis writes: so few that each can be read, and the last.

    Parameters
    ----------
    names : sequence of str
        Of all places, in order.
    """
    step = max(1, -(-len(names) // _MOST_LABELS))
    return [name for n, name in enumerate(names) if (len(names) - 1 - n) % step == 0]


def unit_costs(table: pa.Table, currency: str, unit: str, colours: Palette) -> Chart:
    """Return the unit cost by month, each point with its value."""
    rows = [
        {
            "month": fmt.month(row["billing_month"]),
            "height": row["unit_cost"],
            "label": fmt.unit_cost(row["unit_cost"], currency)
            if row["unit_cost"] is not None
            else "not metered",
            "bare_label": fmt.bare_unit_cost(row["unit_cost"]),
            "cost_text": fmt.money(row["cost"], currency),
            "quantity_text": fmt.count(row["quantity"]),
        }
        for row in table.to_pylist()
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X(
            "month:N",
            sort=[row["month"] for row in rows],
            title=None,
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y(
            "height:Q",
            title=f"{currency} per {unit}",
            scale=alt.Scale(zero=True),
            axis=alt.Axis(tickCount=4),
        ),
        tooltip=[
            alt.Tooltip("month:N", title="Month"),
            alt.Tooltip("label:N", title=f"Per {unit}"),
            alt.Tooltip("cost_text:N", title="Cost of metered models"),
            alt.Tooltip("quantity_text:N", title="Quantity"),
        ],
    )
    return alt.layer(
        base.mark_line(color=colours.categories[0], strokeWidth=2.5),
        base.mark_point(color=colours.categories[0], filled=True, size=60, opacity=1),
        base.mark_text(
            **_label_room(len(rows)).turning(up=-13, size=11), color=colours.ink
        ).encode(text="bare_label:N"),
        height=240,
        padding=_PADDING | {"top": 36},
    )
