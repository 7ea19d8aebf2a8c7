"""Ledger of studies on *Impact*: all registered studies with their status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboard.pages.impact.figures import readable
from dashboard.shared import ledger_sentences as words
from dashboard.shared import return_queries, tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_LEDGER = "roi.mart_study_ledger"


def show(view: Page) -> None:
    """Draw every study that was ever registered; nothing without a ledger."""
    rows = return_queries.study_ledger(view.snapshot)
    if not rows:
        return
    st.subheader("Ledger of studies", anchor=False)
    told = [
        row
        | {
            "standing_name": words.STANDINGS[row["standing"]],
            "counted_text": words.share(row),
            "p_value_text": words.p_value(row["adjusted_p_value"]),
            "notes": readable(row["notes"] or ""),
        }
        for row in rows
    ]
    tables.show(
        pa.Table.from_pylist(told),
        [
            tables.Column("study_id", "Study"),
            tables.Column("feature", "Feature"),
            tables.Column("standing_name", "Standing"),
            tables.Column("counted_text", "Counted", "prose"),
            tables.Column("benefit", "Benefit", "estimate"),
            tables.Column("benefit_low_90", "90 % from", "estimate"),
            tables.Column("benefit_high_90", "90 % to", "estimate"),
            tables.Column("p_value_text", "Adjusted p-value"),
            tables.Column("notes", "Outcome", "prose"),
        ],
        page=view,
        name="study-ledger",
        caption="What was registered stays: a plan that is deleted, renamed or edited"
        " is measured and counted as it was locked. Standings and benefits are to date",
        origin=Origin(
            formula="Studies overlap where outcome, units and days are the same; there"
            " the one with the better grade counts, and of equal grades the one that"
            " claims less. p-values are adjusted for all registered studies (Benjamini"
            " and Hochberg).",
            mart=_LEDGER,
        ),
    )
