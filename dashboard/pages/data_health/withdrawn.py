"""Charges that are left out because another delivery of them counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.data_health import queries
from dashboard.shared import format as fmt
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page


def show(view: Page) -> None:
    """Draw the charges with their decisions; nothing where all charges count."""
    table = queries.withdrawn_charges(view.snapshot)
    if table is None or not table.num_rows:
        return
    st.header("Left out", anchor=False)
    st.markdown(
        f"Charges of {fmt.plural(len(set(table['load_id'].to_pylist())), 'load')} are"
        " in no figure: another delivery of them counts. The rest of each load counts."
    )
    tables.show(
        table,
        [
            tables.Column("source", "Source"),
            tables.Column("provider", "Vendor"),
            tables.Column("billing_month", "Month", "month"),
            tables.Column("billed_cost", "Left out, as billed", "money"),
            tables.Column("counted_source", "Counted from"),
            tables.Column("answer", "Answer"),
            tables.Column("reason", "Reason", "prose"),
            tables.Column("decided_by", "By"),
            tables.Column("decided_at", "Decided", "moment"),
            tables.Column("next_step", "Take back", "prose"),
        ],
        page=view,
        name="left-out",
        caption="Charges left out, the newest month first",
        origin=Origin(
            formula="Charges of current loads whose overlap was settled as same or"
            " supersedes, by load, month and vendor.",
            mart="core.mart_withdrawn_charges",
        ),
    )
