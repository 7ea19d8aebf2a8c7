"""Sentences of the page *Close & reconcile*, generated from its content."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.shared import format as fmt
from dashboard.shared.charts import STEP_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

#: The states of a month, in the order in which it goes through them.
STATES = ("open", "estimated", "reconciled", "locked", "restated")
_WORDS = {
    "open": "is open",
    "estimated": "is estimated: its figures are an accrual",
    "reconciled": "is reconciled and may be closed",
    "locked": "is locked: its figures no longer move",
    "restated": "is restated: its figures stand, and something came to light since",
}


def standing(month: dict[str, Any]) -> str:
    """Report the state of a month and the reason for it."""
    text = f"**{fmt.month(month['billing_month'])} {_WORDS[month['state']]}.**"
    if month["reason"]:
        text += f" {fmt.markdown(month['reason'])}"
    if month["state"] == "reconciled":
        text += " Closing it takes two people: whoever closes does not approve."
    return text


def missing(steps: list[dict[str, Any]]) -> str:
    """Report the number of open requirements, and the next requirement."""
    if not steps:
        return "Nothing is known about this period."
    open_steps = [step for step in steps if not step["is_done"]]
    if not open_steps:
        return "Nothing is missing."
    first = open_steps[0]
    return (
        f"**{fmt.plural(len(open_steps), 'requirement')} open.** Next, to be"
        f" **{first['leads_to']}**: {_lower(first['step'])}."
    )


def _lower(text: str) -> str:
    return fmt.markdown(text[0].lower() + text[1:])


def invoices(view: Page, totals: list[dict[str, Any]]) -> str:
    """Report the invoices that tie, and unexplained amounts by currency."""
    tied = sum(row["reconciled_count"] for row in totals)
    count = sum(row["row_count"] for row in totals)
    text = f"**{tied} of {count}** tie in {view.period}"
    open_amounts = [
        fmt.markdown(fmt.money(row["unexplained_gross"], row["currency"]))
        for row in totals
        if row["unexplained_gross"]
    ]
    if open_amounts:
        return f"{text}; nothing explains **{' and '.join(open_amounts)}**."
    if tied < count:
        return f"{text}; what is missing is named, and keeps the month red."
    return f"{text}, to the last digit or within what rounding may leave."


def parts(view: Page, rows: list[dict[str, Any]]) -> str:
    """Report that the parts are the bills, and name the largest part."""
    ledger = rows[0]
    amount = fmt.money(ledger["amount"], view.currency)
    text = (
        f"Bills of **{view.at_least(ledger['amount'])}{amount}** are divided into parts"
    )
    left_over = rows[-1]["ends_at"]
    if left_over == 0:
        text += ", which add up to them to the last digit."
    else:
        left = fmt.money_exact(left_over, view.currency)
        text += f"; **{left} is in no part**."
    if len(rows) > 1:
        largest = max(rows[1:], key=lambda row: row["amount"])
        text += (
            f" The largest is {STEP_NAMES[largest['step']].lower()},"
            f" {fmt.money(largest['amount'], view.currency)}."
        )
    return text


def adjustments(totals: list[dict[str, Any]]) -> str:
    """Report the amount to be booked for closed months."""
    to_book = [row for row in totals if row["to_book"] is not None]
    count = sum(row["row_count"] for row in totals)
    text = (
        f"{fmt.plural(count, 'item')} came to light about closed months."
        " The closed figures do not move."
    )
    bookings = {row["booking"] for row in totals}
    if "not to be booked" in bookings:
        text += (
            " What a month has in another currency than it was closed in is not to be"
            " booked."
        )
    elif bookings == {"in its bill"}:
        text += " All are on a later bill, and in its figures already."
    elif not to_book:
        text += " Nothing is left to be booked: later months were closed with it."
    if not to_book:
        return text
    said = ", ".join(
        f"{fmt.signed_money(row['to_book'], row['currency'])} about"
        f" {fmt.month(row['locked_month'])} in {fmt.month(row['booked_month'])}"
        f" ({row['kind']})"
        for row in to_book
    )
    return f"{text} To be booked, because no bill has it: **{fmt.markdown(said)}**."


def on_one_side(rows: Sequence[dict[str, Any]]) -> str:
    """Report the rows on a single side only, with amounts by currency."""
    told = []
    for side in dict.fromkeys(row["side"] for row in rows):
        of_side = [row for row in rows if row["side"] == side]
        sums: dict[str, Decimal] = {}
        for row in of_side:
            amount = row["amount"] or Decimal(0)
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + amount
        amounts = ", ".join(fmt.money(sums[name], name) for name in sorted(sums))
        told.append(f"{side} **{len(of_side)}** ({fmt.markdown(amounts)})")
    return ", ".join(told)
