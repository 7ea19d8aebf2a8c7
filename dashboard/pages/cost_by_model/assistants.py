"""Coding assistants: what they cost, and who does not use their seats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.cost_by_model import assistant_queries
from dashboard.shared import format as fmt
from dashboard.shared import tables
from dashboard.shared.context import Origin
from triptych.core.warehouse.reader import LineItemsOutOfReachError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

_SEATS = "cost.mart_assistant_seats"
_UNSAID = (
    "A seat is idle if nobody used it for 28 days, as far as editors report. Teams of"
    " fewer than five seats are shown together. Seats say nothing of what was gained."
)


def show(view: Page) -> None:
    """Draw the spend on assistants, their seats by team, and what use costs."""
    st.header("Coding assistants", anchor=False)
    seats = assistant_queries.all_seats(view.snapshot, view.selection)
    if not seats["row_count"]:
        st.markdown(f"No seats were counted or billed in {view.period}.")
        return
    spend = assistant_queries.spend_by_source(view.snapshot, view.selection)
    st.markdown(sentence(view, seats, spend.to_pylist()))
    teams = assistant_queries.seats_by_team(view.snapshot, view.selection)
    tables.show(
        teams,
        [
            tables.Column("team_id", "Team", reason_from="team_reason"),
            tables.Column("idle_cost", "Cost of idle seats", "money", "idle_reason"),
            tables.Column("idle", "Idle", "decimal", "use_reason"),
            tables.Column("seats", "Seats", "decimal", "use_reason"),
            tables.Column("cost", "Cost of seats", "money", "cost_reason"),
            tables.Column("cost_per_active", "Per active seat", "unit_cost"),
            tables.Column("assistant", "Assistant"),
        ],
        page=view,
        name="assistant-seats",
        caption=f"Seats by team, {view.period}, {view.selection.basis.lower()}",
        origin=Origin(
            formula="Seats are the average of the days read. A month's charge for seats"
            " is divided by seat days; idle ones have their part of it.",
            mart=_SEATS,
            row_count=seats["row_count"],
        ),
    )
    st.caption(_UNSAID)
    _show_weeks(view)
    _show_use(view)


def _show_weeks(view: Page) -> None:
    """Draw the use of each team by week; nothing if no source counts it."""
    weeks = assistant_queries.use_by_week(view.snapshot, view.selection)
    if not weeks.num_rows:
        return
    st.subheader("Use by team and week", anchor=False)
    tables.show(
        weeks,
        [
            tables.Column("week_begin", "Week of", "day"),
            tables.Column("team_id", "Team", reason_from="team_reason"),
            tables.Column("people", "People", "count", "reason"),
            tables.Column("prompts", "Prompts", "count"),
            tables.Column("acceptance_ratio", "Accepted", "percent"),
            tables.Column("lines", "Lines", "count"),
        ],
        page=view,
        name="assistant-weeks",
        caption="Weeks that begin in the period; lines and suggestions are no value",
        origin=Origin(
            formula="People are counted once a week. Nothing is shown of fewer than"
            " five. Accepted is accepted suggestions \u00f7 suggestions.",
            mart="delivery.mart_assistant_weeks",
            row_count=weeks.num_rows,
        ),
    )


def _show_use(view: Page) -> None:
    """Draw the charges beside seats; nothing for a role without line items."""
    if not (view.snapshot.has_line_items and view.selection.covers_everything):
        return
    try:
        use = assistant_queries.use_by_model(view.snapshot, view.selection)
    except LineItemsOutOfReachError:
        return
    if use is None or not use.num_rows:
        return
    st.subheader("Beyond seats, by model", anchor=False)
    tables.show(
        use,
        [
            tables.Column("charge_description", "On the bill"),
            tables.Column("amount", "Cost", "money"),
            tables.Column("row_count", "Line items", "count"),
        ],
        page=view,
        name="assistant-use",
        caption=f"Credits and requests, {view.period}, in the currency of the bill",
        origin=Origin(
            formula="Sum of line items of the assistant's service that are no seats.",
            mart="lineage.line_items",
        ),
    )


def sentence(view: Page, seats: dict[str, Any], spend: Sequence[dict[str, Any]]) -> str:
    """Report the spend, and how many seats are idle in money."""
    idle = fmt.money(seats["idle_cost"], view.currency)
    if seats["idle_cost"] is None or seats["idle"] is None:
        text = f"In {view.period} it is not known which seats were used."
    else:
        text = (
            f"In {view.period} **{idle}** was paid for idle seats:"
            f" {fmt.decimal(seats['idle'])} of {fmt.decimal(seats['seats'])}"
            f" ({fmt.percent(seats['idle_ratio'])}), the average of"
            f" {fmt.plural(seats['day_count'], 'day')} read."
        )
    if seats["cost"] is not None:
        text += f" Seats cost {fmt.money(seats['cost'], view.currency)}"
        if seats["cost_per_active"] is not None:
            each = fmt.short_unit_cost(seats["cost_per_active"], view.currency)
            text += f", {each} for each active seat and month"
        text += "."
    if view.selection.covers_everything:
        for row in spend:
            text += (
                f" {fmt.markdown(row['assistant'])} cost"
                f" {fmt.money(row['amount'], view.currency)} in all"
                f" (source {fmt.markdown(row['source'])})."
            )
    return text
