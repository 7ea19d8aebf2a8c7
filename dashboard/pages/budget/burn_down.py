"""Commitments and credits before they expire, on *Budget & forecast*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.budget import burn_down_queries
from dashboard.pages.budget import charts as budget_charts
from dashboard.shared import charts, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import ORGANISATION, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.shared.context import Page

_MART = "cost.mart_commitment_burn_down"
#: Commitments that the answer names of each kind.
_NAMED = 3


def show(view: Page) -> None:
    """Draw remaining commitments and credits, and amounts to expire unused."""
    st.header("Commitments and credits", anchor=False)
    table = burn_down_queries.commitments_burning_down(view.snapshot)
    rows = table.to_pylist()
    if not rows:
        st.markdown(
            "**No commitment is registered.** Deliver savings plans, reservations,"
            " prepaid amounts and grants of credit as a table of the stream"
            " `commitments`, then run `triptych ingest` and `triptych build`."
        )
        return
    st.markdown(sentence(rows))
    points = burn_down_queries.burn_down_months(view.snapshot)
    if points.num_rows:
        charts.show(
            budget_charts.burn_down(points, charts.palette()),
            description="A line for each running commitment: the part that is left at"
            " the end of each month, dashed to its expiry at the present pace. The"
            " figures are in the table below.",
            of=ORGANISATION,
        )
        st.caption("Line: left at the end of a month. Dashed: at the present pace.")
    _show_table(view, table)


def sentence(rows: list[dict[str, Any]]) -> str:
    """Report amounts that will expire unused or already did, largest first."""
    at_risk = [row for row in rows if row["state"] == "running" and row["at_risk"]]
    expired = [row for row in rows if row["state"] == "expired" and row["unused"]]
    risks = [
        f"{fmt.markdown(row['commitment'])}"
        f" **{fmt.markdown(fmt.money(row['at_risk'], row['currency']))}**"
        f" on {fmt.day(row['ends_on'])}"
        for row in at_risk
    ]
    losses = [
        f"{fmt.markdown(row['commitment'])}"
        f" {fmt.markdown(fmt.money(row['unused'], row['currency']))}"
        for row in expired
    ]
    text = f"{fmt.plural(len(rows), 'commitment')}. "
    text += (
        f"Will expire unused at this pace: {_listed(risks)}."
        if risks
        else "No commitment is at risk of expiring unused."
    )
    return f"{text} Expired unused: {_listed(losses)}." if losses else text


def _listed(said: Sequence[str]) -> str:
    more = f" and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    return ", ".join(said[:_NAMED]) + more


def _show_table(view: Page, table: pa.Table) -> None:
    tables.show(
        table,
        [
            tables.Column("commitment", "Commitment"),
            tables.Column("kind", "Kind"),
            tables.Column("state", "State"),
            tables.Column("granted", "Granted", "money"),
            tables.Column("used", "Used to date", "money", "reason"),
            tables.Column("lapsed", "Lapsed", "money"),
            tables.Column("remaining", "Left", "money"),
            tables.Column("ends_on", "Expires", "day"),
            tables.Column("days_to_expiry", "Days left", "count"),
            tables.Column("run_rate", "Used per day", "money"),
            tables.Column("forecast_used", "Used at expiry", "money"),
            tables.Column("at_risk", "At risk", "money"),
            tables.Column("unused", "Unused in all", "money"),
        ],
        page=view,
        name="commitments-burning-down",
        caption="Position at the newest bill, each in its currency",
        origin=Origin(
            formula="At risk = left − pace × days to expiry, at least nothing; the pace"
            " is that of the last three months. Lapsed: passed unused, of savings plans"
            " hour by hour, else at the expiry.",
            mart=_MART,
        ),
    )
