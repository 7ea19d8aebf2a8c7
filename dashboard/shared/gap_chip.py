"""Chip for missing data: number of rows, amount of money, and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import format as fmt
from dashboard.shared import gap_queries

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from dashboard.shared.gap_queries import RefusedCharges

_SHOWN = 8
_BASES = {
    "row": "as it states",
    "item": "no row of the same item costs more",
    "file": "no row of its file costs more",
}


def show(view: Page) -> None:
    """Draw the chip; its details name the missing data, most money first."""
    gap = view.standing.gap
    with st.popover(gap.size, icon=":material/data_alert:", width="content"):
        st.markdown(f"**Not complete:** {gap.size}, in no total.")
        refused = gap_queries.refused_charges(view.snapshot, view.selection)
        lines = [_line(one) for one in refused[:_SHOWN]]
        # Without refused rows a currency is amiss, and without that rows are.
        lines += [fmt.markdown(text) for text in gap.lacks if _is_of_currency(text)]
        st.markdown("\n".join(f"- {line}" for line in lines))
        more = len(refused) - _SHOWN
        rest = f"And {fmt.plural(more, 'item')} more. " if more > 0 else ""
        share = fmt.percent(view.run.materiality_ratio)
        st.caption(
            f"{rest}Figures of which this could be {share} or more read “at least”."
            " *Data health* lists the rows and how to mend them."
        )


def _is_of_currency(text: str) -> bool:
    signs = ("exchange rate", "could not be converted", "was closed in")
    return any(sign in text for sign in signs)


def _line(one: RefusedCharges) -> str:
    rows = fmt.plural(one.row_count, "row")
    subject = f"{fmt.markdown(one.source)}: {fmt.markdown(one.subject)}"
    if one.amount is None:
        return f"**amount unknown** · {subject} ({rows}, {fmt.markdown(one.reason)})"
    bases = " or ".join(_BASES[name] for name in (one.amount_basis or "").split(", "))
    amount = fmt.money(one.amount, one.currency)
    return (
        f"**{amount}** at most · {subject} ({rows}, {fmt.markdown(one.reason)};"
        f" {bases})"
    )
