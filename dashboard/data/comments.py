"""What people said about months, with author and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.data.published import per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.data.selection import Selection
    from triptych.warehouse.reader import Snapshot


@per_run
def comments(
    snapshot: Snapshot, selection: Selection, against: str | None = None
) -> pa.Table:
    """Return the comments on a period, or on a bridge, the newest first.

    Parameters
    ----------
    snapshot, selection
        Which run, which period; with a model as the scope, those about it or about all.
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
