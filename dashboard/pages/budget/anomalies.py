"""Cost anomalies: a list, and a chart of a single anomaly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboard.pages.budget import anomaly_queries, anomaly_sentences
from dashboard.pages.budget import charts as budget_charts
from dashboard.shared import charts, filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_ANOMALIES = "cost.mart_cost_anomalies"


def show(view: Page) -> None:
    """Draw the anomalies of the period, and the days around an anomaly."""
    st.header("Anomalies", anchor=False)
    found = anomaly_queries.anomalies(view.snapshot, view.selection)
    rows = found.to_pylist()
    if not rows:
        _say_none(view)
        return
    st.markdown(anomaly_sentences.anomalies(view, rows))
    _show_list(view, found, rows)
    labels = [row["label"] for row in rows]
    label = filters.choice("Days around", "anomaly", labels, width=380)
    _show_days(view, next(row for row in rows if row["label"] == label))


def _say_none(view: Page) -> None:
    months = anomaly_queries.anomaly_months(view.snapshot, view.selection)
    text = f"**No anomaly in {view.period}.**"
    if months:
        text += f" The last one began in {fmt.month(months[0])}."
    st.markdown(text)


def _show_list(view: Page, found: pa.Table, rows: list[dict[str, Any]]) -> None:
    reasons = pa.array([anomaly_sentences.reason(row) for row in rows], pa.string())
    tables.show(
        found.append_column("reason", reasons),
        [
            tables.Column("name", "Of"),
            tables.Column("excess", "Beyond expected", "estimate"),
            tables.Column("first_day", "From", "day"),
            tables.Column("day_count", "Days", "count"),
            tables.Column("reason", "Likely because", "prose"),
            tables.Column("actual", "Cost", "money"),
            tables.Column("expected", "Expected", "estimate"),
            tables.Column("status", "State"),
        ],
        page=view,
        name="anomalies",
        caption="The newest first; amortised, before tax and credits",
        origin=Origin(
            formula="Days far above what level, trend and weekday of the twelve weeks"
            " before let expect, or at nothing. Price: quantity × change of price;"
            " volume: change of quantity × price before; new: what has no past.",
            mart=_ANOMALIES,
        ),
    )


def _show_days(view: Page, row: dict[str, Any]) -> None:
    st.markdown(anomaly_sentences.chosen(view, row))
    days = anomaly_queries.anomaly_days(view.snapshot, view.selection, row["label"])
    if not days.num_rows:
        st.caption("This run has no costs of single days.")
        return
    charts.show(
        budget_charts.fan(days, view.currency, charts.palette()),
        description="A line of the cost per day; on the days of the anomaly a dashed"
        " line of the expected cost, below a band up to the most that is usual.",
        of=f"{row['label']} \u00b7 amortised",
    )
    st.caption("Line: cost. Dashed: expected. Band: up to the most that is usual.")
