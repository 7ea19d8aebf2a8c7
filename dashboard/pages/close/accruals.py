"""Accruals due, booked accruals and true-ups, on *Close & reconcile*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.close import accrual_queries, month_acts
from dashboard.shared import explaining, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_MART = "cost.mart_accruals"
_METHOD = (
    "Bill: what the bill has. Price and usage: metered usage at its prices with last"
    " month's fees, where only an invoice bills usage. Run rate: the missing days at"
    " the pace of the last seven known ones, without the dearest and the cheapest."
    " Less what has final invoices already."
)


def show_tile(view: Page) -> None:
    """Draw the figure on top."""
    totals = accrual_queries.accrual_totals(view.snapshot, view.selection).to_pylist()
    known = [row for row in totals if row["amount"] is not None]
    unknown_count = sum(row["unknown_count"] for row in totals)
    is_partial = bool(unknown_count and known) and not view.at_least()
    label = view.total_label("To accrue, at least" if is_partial else "To accrue")
    amounts = [fmt.money(row["amount"], row["currency"]) for row in known]
    nothing = fmt.unknown("nothing delivered") if unknown_count else "nothing"
    st.metric(label, " + ".join(amounts) or nothing)
    st.caption(_tile_caption(totals, unknown_count))
    explaining.show(
        view,
        Origin(
            formula=_METHOD,
            mart=_MART,
            row_count=sum(row["row_count"] for row in totals),
        ),
    )


def _tile_caption(totals: list[dict[str, Any]], unknown_count: int) -> str:
    if unknown_count:
        return f"{fmt.plural(unknown_count, 'issuer')} not known, and in no amount"
    if totals:
        return "no final invoice yet"
    return "every charge has a final invoice"


def show(view: Page) -> None:
    """Draw the accruals due, and the booked accruals with their outcome."""
    st.header("To accrue", anchor=False)
    table = accrual_queries.accruals(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.markdown(f"Nothing of {view.period} waits for a final invoice.")
    else:
        st.markdown(_sentence(view, rows))
        tables.show(
            table,
            [
                tables.Column("issuer", "Issuer"),
                tables.Column("billing_month", "Month", "month"),
                tables.Column("amount", "To accrue", "money", "reason"),
                tables.Column("low", "At least", "money"),
                tables.Column("high", "At most", "money"),
                tables.Column("method", "Method"),
                tables.Column("missing_day_count", "Days missing", "count"),
                *_only_where_said(rows),
                tables.Column("error_ratio", "Past error", "percent"),
                tables.Column("coverage_ratio", "Held in the past", "percent"),
                tables.Column("booked", "Booked", "money"),
            ],
            page=view,
            name="accruals",
            caption=f"{view.period}, without a final invoice, as of"
            f" {fmt.day(rows[0]['as_of'])}; billed, each in its own currency",
            origin=Origin(formula=_METHOD, mart=_MART),
        )
        _show_command(rows)
    _show_booked(view)


def _only_where_said(rows: list[dict[str, Any]]) -> list[tables.Column]:
    """Return the columns that most months have nothing in."""
    return [
        column
        for column in (
            tables.Column("tax", "Tax in the bill", "money"),
            tables.Column("reason", "Remark", "prose"),
        )
        if any(row[column.name] is not None for row in rows)
    ]


def _sentence(view: Page, rows: list[dict[str, Any]]) -> str:
    record = accrual_queries.accrual_track_record(view.snapshot)
    missing = fmt.plural(len(rows), "final invoice")
    text = (
        f"{missing} of {view.period} not there yet: the expected amount is here, with"
        " the interval that four of five invoices should lie in. It is made from the"
        " errors of the same method in earlier months of the same issuer."
    )
    if record.tried_count:
        text += (
            f" Over all issuers it held in **{record.covered_count} of"
            f" {record.tried_count}** months ({fmt.percent(record.coverage_ratio)})."
        )
    return text


def _show_command(rows: list[dict[str, Any]]) -> None:
    months = [
        row["billing_month"]
        for row in rows
        if row["is_month_over"] and row["amount"] is not None
    ]
    if not months:
        st.markdown("Accruals are booked once the month is over.")
        return
    month_acts.show_accrual(min(months))


def _show_booked(view: Page) -> None:
    table = accrual_queries.booked_accruals(view.snapshot, view.selection)
    if table.num_rows == 0:
        return
    st.subheader("Booked amounts, and invoices since", anchor=False)
    tables.show(
        table,
        [
            tables.Column("issuer", "Issuer"),
            tables.Column("billing_month", "Month", "month"),
            tables.Column("booked", "Booked", "money"),
            tables.Column("low", "At least", "money"),
            tables.Column("high", "At most", "money"),
            tables.Column("invoiced", "Invoiced", "money", "without_invoice"),
            tables.Column("true_up", "True-up", "change", "without_invoice"),
            tables.Column("method", "Method"),
            tables.Column("booked_as_of", "As of", "moment"),
            tables.Column("booked_by", "Booked by"),
            tables.Column("approved_by", "Approved by"),
        ],
        page=view,
        name="booked-accruals",
        caption=f"Accruals booked for {view.period}, as they were booked",
        origin=Origin(
            formula="True-up = final invoices since the booking − what was booked, as"
            " the audit log has it. Positive: more was invoiced.",
            mart=_MART,
        ),
    )
