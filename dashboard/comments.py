"""Comments beneath what they are about, and how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import data, page, tables
from dashboard import format as fmt

if TYPE_CHECKING:
    from dashboard.page import Page


def show(here: Page, *, against: str | None = None) -> None:
    """Draw the comments on the period, or on its bridge from an earlier month."""
    comments = data.comments(here.snapshot, here.selection, against)
    month = max(here.selection.period.months)
    about = f"--period {month}" + (f" --against {against}" if against else "")
    if comments.num_rows == 0:
        st.markdown("Nobody has commented on this yet.")
    else:
        count = fmt.plural(comments.num_rows, "comment")
        st.markdown(f"{count}, the newest first; none can be changed or removed.")
        tables.show(
            comments,
            [
                tables.Column("commented_at", "When", "moment"),
                tables.Column("author", "Who"),
                tables.Column("billing_month", "Month", "month"),
                tables.Column("about", "Model"),
                tables.Column("comment_text", "Comment", "prose"),
            ],
            page=here,
            name="bridge-comments" if against else "comments",
            caption="Comments",
            origin=page.Origin(
                formula="Entries of the audit log, whose entries are chained by hash.",
                mart="cost.mart_period_comments",
                row_count=comments.num_rows,
            ),
        )
    st.code(
        f'triptych comment {about} --by "NAME" "TEXT"', language="bash", wrap_lines=True
    )
