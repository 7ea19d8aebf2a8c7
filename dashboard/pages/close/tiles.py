"""Tiles of Close: the month's state, its invoices, and later changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.close import accruals as accrual_section
from dashboard.pages.close import month_acts
from dashboard.pages.close import sentences as closing_sentences
from dashboard.shared import (
    explaining,
)
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin, Stated
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    from dashboard.shared.context import Page

STATES = "cost.mart_period_states"
INVOICES = "cost.mart_invoice_reconciliation"


def show_tiles(
    view: Page, months: list[dict[str, Any]], totals: list[dict[str, Any]]
) -> None:
    """Draw the four figures on top."""
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_tied(view, totals)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_state(view, months)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        accrual_section.show_tile(view)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        _tile_since(view, months)


def _tile_state(view: Page, months: list[dict[str, Any]]) -> None:
    least = min(months, key=lambda row: closing_sentences.STATES.index(row["state"]))
    st.metric(view.tile_label("State"), least["state"].capitalize())
    basis = {"to_date": "to date", "accrual": "an accrual", "actual": "actual"}
    st.caption(f"{view.period}; its cost is {basis[least['basis']]}")
    explaining.show(
        view,
        Origin(
            formula="Open: not over, or a rate is missing. Estimated: an invoice is"
            " missing, a draft, or does not tie. Reconciled: all tie. Locked: closed by"
            " two people. Restated: something came to light since.",
            mart=STATES,
            row_count=len(months),
            figures=tuple(
                view.figure(
                    f"Bills now, {fmt.month(row['billing_month'])}",
                    f"{STATES}/current_{AMOUNTS[view.selection.basis]}",
                    billing_month=row["billing_month"],
                    currency=row["currency"],
                )
                for row in months
                if row["current_cost"] is not None
            ),
        ),
    )


def _tile_tied(view: Page, totals: list[dict[str, Any]]) -> None:
    tied = sum(row["reconciled_count"] for row in totals)
    count = sum(row["row_count"] for row in totals)
    st.metric(
        view.tile_label("Invoices that tie"),
        f"{tied} of {count}" if count else fmt.unknown("no invoice"),
    )
    amounts = [
        fmt.money(row["unexplained_gross"], row["currency"])
        for row in totals
        if row["unexplained_gross"]
    ]
    is_awaited = any(row["not_invoiced"] for row in totals)
    nothing = "an invoice is missing; nothing else is unexplained"
    st.caption(
        f"{' and '.join(amounts)} unexplained, every invoice by its size"
        if amounts
        else (nothing if is_awaited else "nothing is unexplained")
    )
    explaining.show(
        view,
        Origin(
            formula="Rows whose unexplained and missing amounts come to at most one"
            " unit of the currency, or 0.01 % where that is more. A side that is not"
            " there never ties, also at zero.",
            mart=INVOICES,
            row_count=count,
            figures=tuple(
                figure
                for row in totals
                for figure in _invoice_figures(view, row["currency"])
            ),
        ),
    )


def _invoice_figures(view: Page, currency: str) -> tuple[Stated, ...]:
    names = {
        "Invoiced": "invoiced_amount",
        "Bills": "ledger_billed_cost",
        "Unexplained, net": "unexplained_amount",
    }
    return tuple(
        view.figure(f"{label}, {currency}", f"{INVOICES}/{column}", currency=currency)
        for label, column in names.items()
    )


def _tile_since(view: Page, months: list[dict[str, Any]]) -> None:
    closed = [row for row in months if row["state"] in month_acts.CLOSED]
    differing = [row for row in closed if row["difference"]]
    st.metric(view.tile_label("Changed since the close"), _changed(closed))
    st.caption(since_close(closed, is_changed=bool(differing)))
    explaining.show(
        view,
        Origin(
            formula="What evidence and rules make of the month now, less what it was"
            " closed with.",
            mart=STATES,
            row_count=len(closed),
            figures=tuple(
                view.figure(
                    f"Changed since, {fmt.month(row['billing_month'])}",
                    f"{STATES}/difference_{AMOUNTS[view.selection.basis]}",
                    billing_month=row["billing_month"],
                    currency=row["currency"],
                )
                for row in differing
            ),
        ),
    )


def since_close(closed: list[dict[str, Any]], *, is_changed: bool) -> str:
    """Report open items of closed months, else the place of adjustments."""
    if not closed:
        return "no month is closed: lock one whose invoices tie"
    ages = [row["oldest_open_item_days"] for row in closed if row["open_item_count"]]
    if ages:
        count = sum(row["open_item_count"] for row in closed)
        oldest = fmt.plural(max(ages), "day")
        return f"{fmt.plural(count, 'document')} open, the oldest for {oldest}"
    count = sum(row["adjustment_count"] for row in closed)
    place = "in no closed figure" if is_changed else "in later months"
    return f"{fmt.plural(count, 'adjustment')}, {place}" if count else "nothing is open"


def _changed(closed: list[dict[str, Any]]) -> str:
    """Return how much closed months changed; an unknown difference is not nothing."""
    if not closed:
        return fmt.unknown("not closed")
    amounts = [
        fmt.signed_money(row["difference"], row["currency"])
        for row in closed
        if row["difference"]
    ]
    if any(row["difference"] is None for row in closed):
        amounts.append(fmt.unknown("not comparable"))
    return " + ".join(amounts) or "nothing"
