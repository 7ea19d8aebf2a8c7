"""Explore: any cost by any dimension, filtered, and compared with the period before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.explore import charts as drawn
from dashboard.pages.explore import dimensions, queries, sentences
from dashboard.shared import charts, filters, selection_queries, tables
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin
from triptych.core.warehouse.reader import LineItemsOutOfReachError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.pages.explore.dimensions import Dimension
    from dashboard.pages.explore.queries import Answer, Covers, Question
    from dashboard.shared.context import Page

_COVERS: Mapping[str, Covers] = {
    "AI cost": "ai_cost",
    "AI, tax and credits": "ai_cost_and_tax",
    "Whole bill": "whole_bill",
}
_NOTHING_MORE = "nothing more"
_FORMULAS = {
    "models": "Sum of the cost by day and owner, pools divided by their meters.",
    "services": "Sum of the charges by day and service, before pools are divided.",
    "items": "Sum of the line items that the run's own rules assigned, read again from"
    " its evidence and converted at the rates of the run. Charges of a pool stay with"
    " the pool.",
}


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    top = st.container()
    try:
        question = ask(view)
        with st.spinner("Adding up …"):
            found = queries.answer(view.snapshot, view.selection, question)
        is_empty = found is not None and is_nothing(view, question, found)
        of_all = of_all_months(view, question)
        with top:
            if is_empty:
                show_nothing(view)
            else:
                say(of_all, question, found)
                say_what_lacks(view, of_all, question)
        if found is not None and found.rows and not is_empty:
            show(of_all, question, found)
    except LineItemsOutOfReachError as error:
        st.info(fmt.markdown(str(error)))


def is_nothing(view: Page, question: Question, found: Answer) -> bool:
    """Return True if AI cost is asked for and no month shown has any."""
    amounts = [row["amount"] for row in found.rows]
    rounds = all(fmt.rounds_to_zero(amount, view.currency) for amount in amounts)
    return rounds and question.covers != "whole_bill" and bool(view.without_ai_cost)


def of_all_months(view: Page, question: Question) -> Page:
    """Return the page with the gaps of all months that an answer covers."""
    months = queries.months_of(view.snapshot, view.selection, question)
    if months == view.selection.period.months:
        return view
    period = replace(view.selection.period, months=months)
    widened = replace(view.selection, period=period)
    standing = selection_queries.standing(view.snapshot, widened)
    return replace(view, standing=standing)


def say_what_lacks(view: Page, of_all: Page, question: Question) -> None:
    """Show gaps in months before the period, which the bar does not name."""
    gap = of_all.standing.gap
    if gap.lacks != view.standing.gap.lacks and gap.is_material():
        note = gap.note(is_material=True)
        st.caption(fmt.markdown(f"{_window(view, question)}: {note}"))


def show_nothing(view: Page) -> None:
    """State that no charge is AI cost, with the way out."""
    st.info(sentences.without_ai_cost(view))
    page.link_to("setup", label="**Set-up**")


def ask(view: Page) -> Question:
    """Draw the choices, each in the link, and return the question."""
    offered = dimensions.offered(view.snapshot, view.selection)
    has_lines = view.snapshot.has_line_items
    columns = st.columns([2, 2, 3, 2, 2], vertical_alignment="bottom")
    with columns[0]:
        by = filters.choice("Grouped by", "by", list(offered), width=400)
    with columns[1]:
        others = [_NOTHING_MORE, *(label for label in offered if label != by)]
        then = filters.choice("and by", "then", others, width=400)
    with columns[2]:
        kept = filters.several("Filter by", "filter", list(offered))
    with columns[3]:
        answered = [
            label
            for label, covers in _COVERS.items()
            if covers != "whole_bill" or has_lines
        ]
        of = filters.choice("Cost of", "of", answered, width=400)
    question = queries.Question(
        by=offered[by], then=offered.get(then), covers=_COVERS[of]
    )
    with columns[4]:
        question = replace(question, is_compared=_is_compared(view, question))
    return replace(question, filters=_filters(view, question, kept, offered))


def _is_compared(view: Page, question: Question) -> bool:
    """Draw the switch that compares; dead where there is nothing to compare with."""
    can_be = queries.is_comparable(view.snapshot, view.selection, question)
    label = f"Against {view.compared_period}" if view.prior_period else "Compare"
    chosen = st.toggle(label, key="compare", bind="query-params", disabled=not can_be)
    return chosen and can_be


def _filters(
    view: Page,
    question: Question,
    kept: list[str],
    offered: Mapping[str, Dimension],
) -> tuple[tuple[Dimension, tuple[str, ...]], ...]:
    """Draw the values of each dimension that is filtered; none chosen keeps all."""
    narrowed = replace(question, filters=tuple((offered[each], ()) for each in kept))
    chosen = []
    for label in kept:
        values = queries.values(view.snapshot, view.selection, narrowed, offered[label])
        key = f"in_{label.lower().replace(' ', '_')}"
        picked = filters.several(label, key, list(values), placeholder="All of them")
        chosen.append((offered[label], tuple(picked)))
    return tuple(chosen)


def say(view: Page, question: Question, found: Answer | None) -> None:
    """State the finding before anything is chosen or drawn."""
    if found is None:
        names = " and ".join(each.label for each in question.dimensions)
        st.info(f"No figure has {fmt.markdown(names)} together. Choose other groups.")
        return
    text = sentences.finding(view, question, found, _window(view, question))
    if question.is_compared and found.rows:
        text += f" {sentences.compared(view, question, found)}"
    st.markdown(text)
    changed = queries.restated_months(
        view.snapshot, view.selection, question, found.place
    )
    if changed:
        st.caption(sentences.restated(view, changed))


def _window(view: Page, question: Question) -> str:
    """Return the months that an answer is about, in words."""
    months = queries.months_of(view.snapshot, view.selection, question)
    if len(months) > len(view.selection.period.months):
        return f"{fmt.month(months[0])} to {fmt.month(months[-1])}"
    return view.period


def show(view: Page, question: Question, answer: Answer) -> None:
    """Draw the answer as a chart and as a table."""
    kept = (f"{each.label} {', '.join(of)}" for each, of in question.filters if of)
    charts.show(
        drawn.costs(question, answer, view.currency, charts.palette()),
        description=f"Cost by {_grouping(question)}; the same figures are in the"
        " table below.",
        of=view.drawn(
            period=_window(view, question), scope=" \u00b7 ".join((view.scope, *kept))
        ),
    )
    if answer.place == "items" and _names_owners(view, question):
        st.caption(
            "Charges of a shared pool stay with the pool here; *Cost by model* shows"
            " the part that each model carries."
        )
    show_table(view, question, answer)


def _names_owners(view: Page, question: Question) -> bool:
    owners = dimensions.OF_OWNERS | {"Model"}
    labels = {each.label for each in question.dimensions}
    return bool(labels & owners) or not view.selection.covers_everything


def _grouping(question: Question) -> str:
    both = [each.label for each in (question.by, question.then) if each]
    return " and ".join(both)


def show_table(view: Page, question: Question, answer: Answer) -> None:
    """Draw every row and their total, which is last."""
    shown = [tables.Column("by_value", question.by.label, _kind(question.by))]
    if question.then is not None:
        then = tables.Column("then_value", question.then.label, _kind(question.then))
        shown.append(then)
    shown += [
        tables.Column("amount", "Cost", "money"),
        tables.Column("share_ratio", "Share", "percent"),
    ]
    if question.is_compared:
        shown += [
            tables.Column("prior", view.prior_period, "money"),
            tables.Column("change", "Change", "change"),
            tables.Column("change_ratio", "Change, %", "signed_percent"),
        ]
    shown.append(tables.Column("charge_count", "Rows", "count"))
    total = answer.total | {"by_value": "Total", "then_value": ""}
    table = tables.of_rows([*answer.rows, total], [each.name for each in shown])
    left_out = ", before tax and credits" if question.covers == "ai_cost" else ""
    tables.show(
        table,
        shown,
        page=view,
        name="explore",
        caption=f"{sentences.SUBJECTS[question.covers]} by {_grouping(question)},"
        f" {view.selection.basis.lower()}{left_out}",
        origin=Origin(
            formula=_FORMULAS[answer.place],
            mart=dimensions.MARTS[answer.place],
            row_count=answer.total["charge_count"],
        ),
        total_rows={len(answer.rows): tables.LOWER_BOUND},
    )


def _kind(dimension: Dimension) -> tables.Kind:
    return "month" if dimension.label == "Month" else "text"


main()
