"""The ways from measured net value to date and from there to a scenario's base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.scenarios import queries
from dashboard.shared import format as fmt
from dashboard.shared import return_sentences as returns
from dashboard.shared import tables
from dashboard.shared.context import Origin
from dashboard.shared.drawing import return_ladder

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

    Result = dict[str, Any]

_FOLDER = "scenarios/results"


def show(view: Page, one: Result) -> None:
    """Draw each measured line next to that of the base, with the reason."""
    _show_to_date(view, one)
    _show_net_value(view, one)
    _show_run_rate(view, one)


def _show_to_date(view: Page, one: Result) -> None:
    """Draw the ladder of the run that the base was carried forward from."""
    lines = queries.scenario_ladder(one)
    if lines.num_rows:
        st.subheader("From the measured months to date", anchor=False)
        return_ladder.show(view, lines, mart=_FOLDER, is_of_period=False)


def _show_net_value(view: Page, one: Result) -> None:
    lines = queries.scenario_reconciliation(one)
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
    _show_lines(
        view,
        lines,
        tables.Column("actual", "Measured", "estimate"),
        name="scenario-reconciliation",
        caption="Gains are positive and costs negative, the largest difference first;"
        " means of the same draws",
        formula="Measured: what counts, in the months in which its effect was"
        " measured. Base: the same features carried forward, with gains that fade.",
    )


def _show_run_rate(view: Page, one: Result) -> None:
    lines = queries.scenario_run_rate(one)
    if not lines.num_rows:
        return
    rate, currency = one["run_rate"], one["currency"]
    base = lines.to_pylist()[0]["base"]
    st.subheader("From the run rate to a month of the base", anchor=False)
    st.markdown(
        f"{returns.run_rate(rate | {'currency': currency})} The base comes to"
        f" **{fmt.markdown(fmt.estimate(base, currency))}** in"
        f" {fmt.month(rate['base_month'])}, by the same rule. The lines below are the"
        " whole difference."
    )
    _show_lines(
        view,
        lines,
        tables.Column("run_rate", "Run rate", "estimate"),
        name="scenario-run-rate",
        caption="Net value of a month, the largest difference first",
        formula="Run rate: what counts, in the last whole month, gains faded since"
        " they were last measured. Base: the same, a month or more later, at the mean"
        " cost of the last months.",
    )


def _show_lines(
    view: Page,
    lines: pa.Table,
    start: tables.Column,
    *,
    name: str,
    caption: str,
    formula: str,
) -> None:
    tables.show(
        lines,
        [
            tables.Column("line", "Line"),
            tables.Column("feature", "Feature"),
            start,
            tables.Column("base", "Base", "estimate"),
            tables.Column("difference", "Difference", "estimate"),
            tables.Column("reason", "Why", "prose"),
        ],
        page=view,
        is_of_period=False,
        name=name,
        caption=caption,
        origin=Origin(formula=formula, mart=_FOLDER),
        total_rows={0: ""},
    )
