"""Answers on *Explore* as sentences with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.pages.explore.queries import Answer, Covers, Question
    from dashboard.shared.context import Page


#: Cost that is added up; budgets are compared with AI cost.
SUBJECTS: Final[Mapping[Covers, str]] = {
    "ai_cost": "AI cost",
    "ai_cost_and_tax": "AI cost with tax and credits",
    "whole_bill": "The whole bill",
}


def finding(view: Page, question: Question, answer: Answer, window: str) -> str:
    """State the finding of the chart: the total and its largest part."""
    total = fmt.money(answer.total["amount"], view.currency)
    kept = " within the filters" if question.is_filtered else ""
    if not answer.rows:
        return f"Nothing in {window}{kept}."
    amount = f"{view.at_least(answer.total['amount'])}{total}"
    start = f"{SUBJECTS[question.covers]}{kept} is **{amount}** in {window}"
    # If the total is below zero, as with credits, the lowest amount is the most.
    most_of = min if answer.total["amount"] < 0 else max
    largest = most_of(answer.rows, key=lambda row: row["amount"])
    share = fmt.percent(largest["share_ratio"])
    name = fmt.markdown(named(question, largest))
    most = fmt.money(largest["amount"], view.currency)
    if len(answer.rows) == 1:
        return f"{start}, all of it {name}."
    if question.time is not None:
        return f"{start}; the most is {name} with {most}."
    return f"{start}; **{share}** of it is {name}, {most}."


def without_ai_cost(view: Page) -> str:
    """State that nothing is AI cost, and where the charges are."""
    whole = "choose *Cost of*: Whole bill, or " if view.snapshot.has_line_items else ""
    way_out = f"{whole}say in *Set-up* what counts."
    return f"**{view.without_ai_cost}.** {way_out[0].upper()}{way_out[1:]}"


def compared(view: Page, question: Question, answer: Answer) -> str:
    """State the change since the period before and its largest driver."""
    total = answer.total
    moved = max(answer.rows, key=lambda row: abs(row["change"]))
    change = fmt.signed_money(total["change"], view.currency)
    ratio = fmt.in_brackets(total["change_ratio"])
    most = fmt.signed_money(moved["change"], view.currency)
    return (
        f"Against {view.compared_period}: {change}{ratio}, the most by"
        f" {fmt.markdown(named(question, moved))}, {most}."
    )


def restated(view: Page, months: Iterable[Mapping[str, Any]]) -> str:
    """Name the months changed after their close, with the closed amount."""
    return " ".join(
        f"{fmt.month(row['month'])} is as the current evidence makes it,"
        + (
            " not as it was closed."
            if row["closed"] is None
            else f" and was closed with {fmt.money(row['closed'], view.currency)}."
        )
        for row in months
    )


def named(question: Question, row: dict[str, Any]) -> str:
    """Return the name of a row."""
    both = (
        (question.by, row["by_value"]),
        (question.then, row["then_value"]),
    )
    return " · ".join(
        fmt.month(value) if dimension.label == "Month" else value
        for dimension, value in both
        if dimension is not None
    )
