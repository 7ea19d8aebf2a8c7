"""Comments beneath their subjects, and a form to add a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import acting, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page
    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot


def show(view: Page, *, against: str | None = None) -> None:
    """Draw the comments on the period, or on its bridge from an earlier month."""
    comments = comments_on(view.snapshot, view.selection, against)
    month = max(view.selection.period.months)
    about = f"--period {month}" + (f" --against {against}" if against else "")
    if comments.num_rows == 0:
        st.markdown("No comments yet.")
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
            page=view,
            name="bridge-comments" if against else "comments",
            caption="Comments",
            origin=Origin(
                formula="Entries of the audit log, whose entries are chained by hash.",
                mart="cost.mart_period_comments",
            ),
        )
    if acting.is_offered("comment"):
        fixed = {"period": month, "against": against or ""}
        title = f"Comment on {fmt.month(month)}"
        acting.offer("comment", acting.Form(fixed=fixed, title=title))
    else:
        st.code(f'triptych comment {about} "TEXT"', language=None, wrap_lines=True)


@per_run
def comments_on(
    snapshot: Snapshot, selection: Selection, against: str | None = None
) -> pa.Table:
    """Return the comments on a period, or on a bridge, the newest first.

    Parameters
    ----------
    snapshot, selection
        Run and period; with a model as the scope, comments about it or about all.
    against : str, optional
        The earlier month of a bridge: only comments that compare the last month of the
        period with it.
    """
    is_model = selection.scope_kind == "model"
    months = selection.period.months
    return table(
        snapshot,
        f"""
        select
            commented_at,
            author,
            billing_month,
            prior_billing_month,
            coalesce(model_id, 'all') as about,
            comment_text,
            left(entry_hash, 12) as entry
        from cost.mart_period_comments
        where list_contains($months, billing_month)
            and ($against is null or prior_billing_month = $against)
            and {"(model_id is null or model_id = $scope)" if is_model else "true"}
        order by log_position desc
        """,
        months=list(months) if against is None else [max(months)],
        against=against,
        **({"scope": selection.scope_id} if is_model else {}),
    )
