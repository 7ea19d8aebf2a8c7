"""Close & reconcile: the month's tie, its close, and later findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.close import accruals as accrual_section
from dashboard.pages.close import month_acts, open_items, progress, queries
from dashboard.pages.close import sentences as closing_sentences
from dashboard.pages.close.tiles import INVOICES, STATES, show_tiles
from dashboard.shared import (
    acting,
    charts,
    comments,
    doubt_notice,
    tables,
    tabs,
)
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import ORGANISATION, Origin
from dashboard.shared.drawing import step_charts, stepper

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_ADJUSTMENTS = "cost.mart_period_adjustments"
_EXPLANATION_LABELS = {
    "tax": "Tax",
    "credit": "Credits",
    "rounding": "Rounding",
    "exchange": "Exchange",
    "timing": "Timing",
    "missing_line": "Missing lines",
}


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    doubt_notice.show(only_months=True)
    states = queries.month_states(view.snapshot, view.selection)
    chosen = [row for row in states.to_pylist() if row["is_chosen"]]
    if not chosen:
        st.info(
            f"**Nothing is known about {view.period}.** Ingest its bills with"
            " `triptych ingest`, its invoices as a table of the stream `invoices`, then"
            " run `triptych build`."
        )
        return
    doubt_notice.show_overlaps(view, view.selection.period.months)
    doubt_notice.show_doubtful_inputs(view, view.selection.period.months)
    totals = queries.invoice_totals(view.snapshot, view.selection)
    show_tiles(view, chosen, totals.to_pylist())
    if not view.selection.covers_everything:
        st.caption("Months are closed as a whole: nothing here is narrowed by a scope.")

    def show_ties() -> None:
        open_items.show(view)
        show_invoices(view, totals)
        show_unmatched(view)

    def show_history() -> None:
        show_adjustments(view)
        show_months(view, states)
        show_events(view)

    tabs.show(
        "close",
        {
            "Steps": lambda: show_steps(view, chosen),
            "Invoices": show_ties,
            "Accruals": lambda: accrual_section.show(view),
            "Parts": lambda: show_parts(view),
            "History": show_history,
            "Comments": lambda: comments.show(view),
        },
    )


def show_steps(view: Page, months: list[dict[str, Any]]) -> None:
    """Draw the progress of each month, missing steps, and available acts."""
    st.header("State and next step", anchor=False)
    steps = queries.closing_steps(view.snapshot, view.selection)
    rows = steps.to_pylist()
    for month in months:
        st.markdown(closing_sentences.standing(month))
    chosen = month_acts.next_of(months)
    name = chosen["billing_month"]
    of_month = [row for row in rows if row["billing_month"] == name]
    stepper.show(
        progress.steps_of(chosen, of_month, acting.proposal("close", name)),
        label=f"Steps of {fmt.month(name)}",
    )
    st.markdown(closing_sentences.missing(of_month))
    month_acts.show(months)
    tables.show(
        steps,
        [
            tables.Column("mark", "Status"),
            tables.Column("step", "Requirement", "prose"),
            tables.Column("owner", "Owner"),
            tables.Column("done_on", "Done on", "day"),
            tables.Column("remark", "Remark", "prose"),
            tables.Column("leads_to", "To be"),
            tables.Column("billing_month", "Month", "month"),
        ],
        page=view,
        name="closing-steps",
        caption=f"Checklist for {view.period}",
        origin=Origin(
            formula="From the state of each month and of each bill in it.",
            mart="cost.mart_period_reconciliation",
        ),
        is_folded=True,
    )


def show_invoices(view: Page, totals: pa.Table) -> None:
    """Draw every invoice against the bills, then the sums by currency."""
    st.header("Invoices", anchor=False)
    rows = totals.to_pylist()
    if not rows:
        st.markdown(
            f"**No invoice for {view.period}.** Deliver them as a table of the stream"
            " `invoices`, run `triptych ingest` and `triptych build`. Until then"
            " nothing of the period can be reconciled."
        )
        return
    st.markdown(closing_sentences.invoices(view, rows))
    table = queries.invoices(view.snapshot, view.selection)
    tables.show(
        table,
        [
            tables.Column("issuer", "Issuer"),
            tables.Column("state", "State"),
            tables.Column("currency", "Currency"),
            tables.Column("invoiced", "Invoiced", "amount", "without_invoice"),
            tables.Column("ledger", "Ledger", "amount", "without_ledger"),
            *_explained_columns(table),
            tables.Column("unexplained", "Unexplained", "amount"),
            tables.Column("invoice", "Invoice"),
            tables.Column("source", "Bill"),
        ],
        page=view,
        name="invoices",
        caption=f"{view.period}, billed, each in its own currency",
        origin=Origin(
            formula="Invoiced = ledger + explained + unexplained, to the last digit.",
            mart=INVOICES,
        ),
    )
    tables.show(
        totals,
        [
            tables.Column("currency", "Currency"),
            tables.Column("invoiced", "Invoiced", "amount"),
            tables.Column("ledger", "Ledger", "amount"),
            *_explained_columns(table),
            tables.Column("unexplained", "Unexplained, net", "amount"),
            tables.Column("unexplained_gross", "By size, less to accrue", "amount"),
        ],
        page=view,
        name="invoice-totals",
        caption="By currency; currencies are never added",
    )


def _explained_columns(invoices: pa.Table) -> list[tables.Column]:
    """Return a column for each kind of explanation that the period has."""
    return [
        tables.Column(kind, label, "amount")
        for kind, label in _EXPLANATION_LABELS.items()
        if any(invoices[kind].to_pylist())
    ]


def show_unmatched(view: Page) -> None:
    """Draw the items on a single side only, in both directions."""
    st.header("On one side only", anchor=False)
    table = queries.unmatched(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.markdown(
            "Every charge that is to be invoiced stands on an invoice, and every"
            " invoice has its charges."
        )
        return
    st.markdown(f"Open, in both directions: {closing_sentences.on_one_side(rows)}.")
    tables.show(
        table,
        [
            tables.Column("side", "What"),
            tables.Column("issuer", "Issuer"),
            tables.Column("invoice", "Invoice"),
            tables.Column("source", "Bill"),
            tables.Column("amount", "Amount", "money"),
            tables.Column("explanation", "Which", "prose"),
        ],
        page=view,
        name="unmatched",
        caption=f"{view.period}, billed, each in its own currency",
        origin=Origin(
            formula="Rows without an invoice, rows without a charge, and the lines that"
            " stand on one side or differ.",
            mart=INVOICES,
        ),
    )


def show_parts(view: Page) -> None:
    """Draw the way from the bills to their parts."""
    st.header("From the bills to their parts", anchor=False)
    table = queries.ledger_parts(view.snapshot, view.selection)
    rows = table.to_pylist()
    st.markdown(closing_sentences.parts(view, rows))
    if view.selection.basis == "Amortised":
        st.caption(
            "Amortised: commitments are spread over their term. Choose the basis billed"
            " for the amounts that invoices tie to."
        )
    charts.show(
        step_charts.steps(table, charts.STEP_NAMES, view.currency, charts.palette()),
        description="A waterfall from the bills to nothing, one bar for each part."
        " The same figures are in the table below.",
        of=view.drawn(scope=ORGANISATION),
    )
    tables.show(
        table,
        [
            tables.Column("name", "Part"),
            tables.Column("amount", "Amount", "money"),
            tables.Column("ends_at", "Left after it", "money"),
        ],
        page=view,
        name="bill-parts",
        caption=f"{view.period}, {view.selection.basis.lower()}, {view.currency}",
        origin=Origin(
            formula="Each part is summed by itself; after the last nothing is left.",
            mart="cost.mart_cost_waterfall",
        ),
        total_rows={0: tables.LOWER_BOUND},
    )


def show_adjustments(view: Page) -> None:
    """Draw later findings about closed months."""
    st.header("Adjustments of closed months", anchor=False)
    totals = queries.adjustment_totals(view.snapshot, view.selection)
    if totals.num_rows == 0:
        st.markdown(
            f"Nothing about a closed month is booked in {view.period}, and nothing came"
            " to light about it since it was closed."
        )
        return
    st.markdown(closing_sentences.adjustments(totals.to_pylist()))
    items = queries.adjustments(view.snapshot, view.selection)
    tables.show(
        items,
        [
            tables.Column("locked_month", "About", "month"),
            tables.Column("booked_month", "Booked in", "month"),
            tables.Column("booking", "Booking"),
            tables.Column("kind", "Kind"),
            tables.Column("source", "Bill"),
            tables.Column("charge_date", "Day", "day"),
            tables.Column("component", "Part"),
            tables.Column("model", "Model"),
            tables.Column("amount", "Adjustment", "change"),
            tables.Column("explanation", "Why", "prose"),
        ],
        page=view,
        name="adjustments",
        caption=f"Booked in {view.period}, or about it; {view.selection.basis.lower()}",
        origin=Origin(
            formula="Current less closed amount of each line. In its bill: the booked"
            " month's figures have it. Booked: that month was closed with it. To be"
            " booked: no other figure has it.",
            mart=_ADJUSTMENTS,
        ),
    )


def show_months(view: Page, states: pa.Table) -> None:
    """Draw the state of each month, and the cost it was closed with."""
    st.header("Months", anchor=False)
    st.markdown(
        "A closed month shows what it was closed with, and what evidence and"
        " rules make of it now."
    )
    tables.show(
        states,
        [
            tables.Column("billing_month", "Month", "month"),
            tables.Column("state", "State"),
            tables.Column("locked_cost", "Closed with", "money"),
            tables.Column("current_cost", "Now", "money"),
            tables.Column("difference", "Difference", "change"),
            tables.Column("adjustment_count", "Adjustments", "count"),
            tables.Column("open_item_count", "Open", "count"),
            tables.Column("locked_by", "Closed by"),
            tables.Column("approved_by", "Approved by"),
            tables.Column("locked_at", "Closed at", "moment"),
        ],
        page=view,
        name="months",
        caption=f"Chosen first, then the newest; {view.selection.basis.lower()}",
        origin=Origin(
            formula="The whole ledger of a month, out of scope included.", mart=STATES
        ),
    )


def show_events(view: Page) -> None:
    """Draw who closed, approved and reopened."""
    st.header("Who did what", anchor=False)
    events = queries.period_events(view.snapshot, view.selection)
    if events.num_rows == 0:
        st.markdown(f"{view.period} was never closed.")
        return
    st.markdown("From the audit log, whose entries are chained by hash, newest first.")
    tables.show(
        events,
        [
            tables.Column("occurred_at", "When", "moment"),
            tables.Column("billing_month", "Month", "month"),
            tables.Column("event", "What"),
            tables.Column("actor", "Who"),
            tables.Column("approver", "Approved by"),
            tables.Column("reason", "Reason", "prose"),
            tables.Column("entry", "Entry"),
        ],
        page=view,
        name="period-events",
        caption=f"Events of {view.period}",
        origin=Origin(
            formula="Entries about months, as the audit log has them.",
            mart="cost.mart_period_events",
        ),
    )


main()
