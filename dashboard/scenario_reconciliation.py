"""The way from the net value of measured months to the base of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import data, page, tables
from dashboard import format as fmt

if TYPE_CHECKING:
    from dashboard.page import Page

    Result = dict[str, Any]

_FOLDER = "scenarios/results"


def show(here: Page, one: Result) -> None:
    """Draw each line of the net value beside that of the base, and why they differ."""
    lines = data.scenario_reconciliation(one)
    if not lines.num_rows:
        return
    currency, total = one["currency"], lines.to_pylist()[0]
    actual, base = total["actual"], total["base"]
    st.subheader("From the measured net value to the base", anchor=False)
    st.markdown(
        f"The features that count netted"
        f" **{fmt.markdown(fmt.estimate(actual, currency))}** in their measured months;"
        f" the base comes to **{fmt.markdown(fmt.estimate(base, currency))}** over"
        f" {one['horizon_months']} months. The lines below are the whole difference."
    )
    tables.show(
        lines,
        [
            tables.Column("line", "Line"),
            tables.Column("feature", "Feature"),
            tables.Column("actual", "Measured", "estimate"),
            tables.Column("base", "Base", "estimate"),
            tables.Column("difference", "Difference", "estimate"),
            tables.Column("reason", "Why", "prose"),
        ],
        page=here,
        is_of_period=False,
        name="scenario-reconciliation",
        caption="Gains are positive and costs negative, the largest difference first;"
        " means of the same draws",
        origin=page.Origin(
            formula="Measured: what counts, in the months in which its effect was"
            " measured. Base: every known effect and all AI cost, carried forward.",
            mart=_FOLDER,
            row_count=lines.num_rows,
        ),
        total_rows={0: ""},
    )
