"""Waterfalls: from a total, step by step, to another or to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette

_ROW_HEIGHT = 30
_PADDING = {"left": 5, "right": 70, "top": 5, "bottom": 5}
#: Names of the kinds of bars, in the order of the colours.
_KINDS = ("total", "more", "less")


def steps(
    table: pa.Table, labels: Mapping[str, str], currency: str, colours: Palette
) -> Chart:
    """Return steps as horizontal bars, each from the end of the bar above.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``step``, ``amount``, ``is_total``, ``starts_at``, ``ends_at``, and
        perhaps ``is_drawn``. Steps of zero are left out.
    labels : mapping
        Label of each step.
    currency : str
        Of every amount.
    colours : Palette
        Totals, additions and deductions, in its first three colours.
    """
    rows = [
        _row(row, labels, currency)
        for row in table.to_pylist()
        if row.get("is_drawn", True) and (row["is_total"] or row["amount"] != 0)
    ]
    return bars(rows, _KINDS, currency, colours)


def bars(
    rows: list[dict[str, Any]],
    kinds: tuple[str, ...],
    currency: str,
    colours: Palette,
    more: Sequence[alt.Tooltip] = (),
) -> Chart:
    """Return rows as horizontal bars, each in the colour of its kind, with its text.

    ``more`` is the tooltip text between name and amount.
    """
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y(
            "label:N",
            sort=[row["label"] for row in rows],
            title=None,
            axis=alt.Axis(labelLimit=150, ticks=False),
        )
    )
    drawn = base.mark_bar(height=18).encode(
        x=alt.X("starts:Q", title=currency, axis=axes.compact(5)),
        x2="ends:Q",
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(
                domain=list(kinds), range=list(colours.categories[: len(kinds)])
            ),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("label:N", title="Step"),
            *more,
            alt.Tooltip("amount_text:N", title="Amount"),
        ],
    )
    words = base.mark_text(align="left", dx=5, fontSize=11, color=colours.ink).encode(
        x=alt.X("text_at:Q"), text="bar_label:N"
    )
    return alt.layer(
        drawn, words, height=_ROW_HEIGHT * len(rows) + 40, padding=_PADDING
    )


def _row(
    row: dict[str, Any], labels: Mapping[str, str], currency: str
) -> dict[str, Any]:
    starts, ends = float(row["starts_at"]), float(row["ends_at"])
    is_total = row["is_total"]
    grows = ends > starts
    sign = "" if is_total else "+" if grows else "\u2212"
    size = row["amount"] if is_total else abs(row["amount"])
    return {
        "label": labels[row["step"]],
        "kind": "total" if is_total else "more" if grows else "less",
        "starts": starts,
        "ends": ends,
        "text_at": max(starts, ends),
        "amount_text": f"{sign}{fmt.money(size, currency)}",
        "bar_label": f"{sign}{fmt.compact(size)}",
    }
