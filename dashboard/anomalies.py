"""Days that cost more than their past lets expect: a list, and one drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboard import (
    anomaly_sentences,
    budget_charts,
    charts,
    data,
    filters,
    page,
    tables,
)
from dashboard import format as fmt

if TYPE_CHECKING:
    from dashboard.page import Page

_ANOMALIES = "cost.mart_cost_anomalies"


def show(here: Page) -> None:
    """Draw the anomalies of the period, and the days around one of them."""
    st.header("Anomalies", anchor=False)
    found = data.anomalies(here.snapshot, here.selection)
    rows = found.to_pylist()
    if not rows:
        _say_none(here)
        return
    st.markdown(anomaly_sentences.anomalies(here, rows))
    _show_list(here, found, rows)
    labels = [row["label"] for row in rows]
    label = filters.choice("Days around", "anomaly", labels, width=380)
    _show_days(here, next(row for row in rows if row["label"] == label))


def _say_none(here: Page) -> None:
    months = data.anomaly_months(here.snapshot, here.selection)
    text = f"**No anomaly in {here.period}.**"
    if months:
        text += f" The last one began in {fmt.month(months[0])}."
    st.markdown(text)


def _show_list(here: Page, found: pa.Table, rows: list[dict[str, Any]]) -> None:
    reasons = pa.array([anomaly_sentences.reason(row) for row in rows], pa.string())
    tables.show(
        found.append_column("reason", reasons),
        [
            tables.Column("name", "Of"),
            tables.Column("excess", "Too much", "estimate"),
            tables.Column("first_day", "From", "day"),
            tables.Column("day_count", "Days", "count"),
            tables.Column("reason", "Likely because", "prose"),
            tables.Column("actual", "Cost", "money"),
            tables.Column("expected", "Expected", "estimate"),
            tables.Column("status", "State"),
        ],
        page=here,
        name="anomalies",
        caption="The newest first; amortised, before tax and credits",
        origin=page.Origin(
            formula="Days far above what level, trend and weekday of the six weeks"
            " before let expect. Price: quantity × change of price; volume: change of"
            " quantity × price before; new: resources without a past.",
            mart=_ANOMALIES,
            row_count=len(rows),
        ),
    )


def _show_days(here: Page, row: dict[str, Any]) -> None:
    st.markdown(anomaly_sentences.chosen(here, row))
    days = data.anomaly_days(here.snapshot, here.selection, row["label"])
    charts.show(
        budget_charts.fan(days, here.currency, charts.palette()),
        description="A line of the cost per day, and on the days of the anomaly a"
        " dashed line of what was expected below a band up to the most that is usual.",
    )
    st.caption("Line: cost. Dashed: expected. Band: up to the most that is usual.")


__all__ = ["show"]
