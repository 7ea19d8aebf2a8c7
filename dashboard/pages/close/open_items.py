"""Open items of a month until somebody settles them, and their remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import acting, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import pyarrow as pa

    from dashboard.shared.context import Page
    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_ITEMS = "cost.mart_open_items"


@per_run
def open_items(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return open and settled items of the months, open items first."""
    return table(
        snapshot,
        """
        select
            billing_month,
            state,
            is_settled,
            coalesce(invoice_issuer_name, source) as issuer,
            case when kind = 'charge' then 'charges' else coalesce(invoice_id,
                'no number') end as document,
            currency,
            invoiced_amount as invoiced,
            ledger_billed_cost as ledger,
            open_amount as open,
            open_since,
            age_days,
            reason
        from cost.mart_open_items
        where list_contains($months, billing_month)
        order by is_settled, age_days desc, abs(open_amount) desc, issuer, document
        """,
        months=list(selection.period.months),
    )


def show(view: Page) -> None:
    """Draw open items with their age, and offer to accept a difference."""
    st.header("Open items", anchor=False)
    items = open_items(view.snapshot, view.selection)
    rows = items.to_pylist()
    st.markdown(sentence(rows))
    if not rows:
        return
    tables.show(
        items,
        [
            tables.Column("issuer", "Issuer"),
            tables.Column("state", "State"),
            tables.Column("currency", "Currency"),
            tables.Column("open", "Open", "amount"),
            tables.Column("age_days", "Days", "count"),
            tables.Column("document", "Document"),
            tables.Column("billing_month", "About", "month"),
            tables.Column("invoiced", "Invoiced", "amount"),
            tables.Column("ledger", "Ledger", "amount"),
            tables.Column("open_since", "Open since", "day"),
            tables.Column("reason", "Why", "prose"),
        ],
        page=view,
        name="open-items",
        caption=f"{view.period}, billed, each in its own currency",
        origin=Origin(
            formula="Documents that do not tie; of closed months also what came after"
            " the close.",
            mart=_ITEMS,
        ),
    )
    _offer_to_accept(rows)


def sentence(rows: Sequence[dict[str, Any]]) -> str:
    """Report the number of open items, and the age of the oldest."""
    unsettled = [row for row in rows if not row["is_settled"]]
    if not rows:
        return "Every document ties, and nothing came after a close."
    if not unsettled:
        return "Every item is settled: matched, accepted or booked."
    oldest = max(row["age_days"] for row in unsettled)
    return (
        f"**{fmt.plural(len(unsettled), 'item')} open**, the oldest for"
        f" {fmt.plural(oldest, 'day')}."
    )


def _offer_to_accept(rows: Sequence[dict[str, Any]]) -> None:
    """Offer to accept open items, and to approve proposals."""
    months = sorted({row["billing_month"] for row in rows if not row["is_settled"]})
    if not months or not acting.is_offered("propose_accept"):
        return
    for proposal in acting.proposals("accept", months):
        form = acting.Form(
            fixed={"period": proposal.billing_month, "document": proposal.document},
            variant=proposal.document,
            title=f"Approve: accept {proposal.document}",
        )
        acting.offer("approve_accept", form)
    form = acting.Form(choices={"period": months}, listed=("document",))
    acting.offer("propose_accept", form)
