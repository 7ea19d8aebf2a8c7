"""Section of *Impact*: metrics of customer experience, and other business metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import queries
from dashboard.shared import format as fmt
from dashboard.shared import tables, tabs
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_MART: Final = "outcomes.mart_outcome_trends"
_KIND: Final = "customer_experience"
_WAY_OUT: Final = (
    "No metric is marked as customer experience: `outcomes` in `catalog.yml`, with"
    " `kind: customer_experience` and what is better. A source with `stream: outcomes`"
    " delivers it."
)


def show(view: Page) -> None:
    """Draw how the metrics of customer experience moved, and the others folded."""
    table = queries.outcome_trends(view.snapshot)
    rows = table.to_pylist()
    if not rows:
        return
    st.header("Customer experience", anchor=False)
    is_experience = [row["outcome_kind"] == _KIND for row in rows]
    if any(is_experience):
        _show_table(view, table.filter(is_experience), "Customer experience")
    else:
        st.markdown(_WAY_OUT)
    others = table.filter([not each for each in is_experience])
    if others.num_rows:

        def draw() -> None:
            _show_table(view, others, "Other business metrics")

        tabs.fold("Other business metrics", "other-metrics", draw)


def _show_table(view: Page, table: pa.Table, caption: str) -> None:
    rows = table.to_pylist()
    tables.show(
        table.append_column("latest", [[latest(row) for row in rows]])
        .append_column("moved", [[moved(row) for row in rows]])
        .append_column("state", [[verdict(row) for row in rows]]),
        [
            tables.Column("metric_name", "Metric"),
            tables.Column("latest", "Last 13 weeks"),
            tables.Column("moved", "Change [90 %]", "prose"),
            tables.Column("state", "Which is"),
            tables.Column("week_count", "n weeks", "count"),
            tables.Column("last_day", "Until", "day"),
            tables.Column("studies", "Studies of it"),
        ],
        page=view,
        name=caption.lower().replace(" ", "-"),
        caption=f"{caption}, all of the organisation",
        is_of_period=False,
        origin=Origin(
            formula="Mean of the last 13 weeks less that of the 13 before; the interval"
            " takes weeks as independent. It says nothing of causes: studies do.",
            mart=_MART,
        ),
    )


def latest(row: dict[str, Any]) -> str:
    """Return the mean of the last weeks, or why there is none."""
    if row["latest_mean"] is None:
        return fmt.unknown(str(row["reason"]))
    if _unit(row) == "ratio":
        return fmt.percent(row["latest_mean"])
    return numbers.quantity(row["latest_mean"], _unit(row))


def moved(row: dict[str, Any]) -> str:
    """Return the change with its interval, or why there is none."""
    if row["change"] is None:
        return fmt.unknown(str(row["reason"]))
    change = numbers.quantity(row["change"], _unit(row), is_signed=True)
    if row["change_low"] is None:
        return change
    return (
        f"{change} [{numbers.span(row['change_low'], row['change_high'], _unit(row))}]"
    )


def verdict(row: dict[str, Any]) -> str:
    """Return the verdict, or the reason why it is unknown."""
    if row["verdict"] == "unknown":
        return fmt.unknown(str(row["reason"]))
    return str(row["verdict"])


def _unit(row: dict[str, Any]) -> str:
    return str(row["currency"] or row["unit_of_measure"] or "")
