"""The sentence above each chart, generated from the figures it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt
from dashboard.shared.charts import STEP_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.cost_by_model import (
        queries,
        task_queries,
        unit_cost_queries,
    )
    from dashboard.shared.context import Page


#: Models that the sentence names.
_SHOWN: Final = 3


def trend(
    page: Page, headline: queries.Headline, models: Sequence[dict[str, Any]]
) -> str:
    """Report the cost of models, its change, and the three costliest models."""
    cost = fmt.money(headline.model_cost, page.currency)
    text = f"In {page.period} models cost"
    text += f" **{page.at_least(headline.model_cost)}{cost}**"
    text += _change(page, headline)
    # Of a total below zero the first row is the smallest part.
    costly = [row for row in models if row["share_ratio"] is not None][:_SHOWN]
    if headline.model_cost > 0 and costly:
        named = ", ".join(
            f"{fmt.markdown(row['model'])} {fmt.compact(row['amount'], page.currency)}"
            f" ({fmt.percent(row['share_ratio'])})"
            for row in costly
        )
        text += f" The largest: {named}."
    if headline.idle_shown:
        idle = fmt.money(headline.idle_shown, page.currency)
        text += f" Idle capacity of {idle} is not in it, nor charged to a model."
    return text


def _change(page: Page, headline: queries.Headline) -> str:
    if headline.change is None:
        return "; no earlier period to compare it with."
    is_final = page.standing.is_over and not page.standing.is_estimated
    so_far = "" if is_final else " so far"
    if headline.change == 0:
        return f"{so_far}, as much as in {page.compared_period}."
    direction = "more" if headline.change > 0 else "less"
    size = fmt.money(abs(headline.change), page.currency)
    share = fmt.in_brackets(headline.change_ratio)
    return f"{so_far}, {size}{share} {direction} than in {page.compared_period}."


#: Reason for which a model has a cost in a scope, and no unit cost.
_MOVED = "or changed owner in a month"
#: Note beside unit costs on the billed basis.
UNIT_COST_BASIS = "Unit costs are amortised: a prepayment is no cost of one month."


def unit_cost(page: Page, summary: unit_cost_queries.UnitSummary, unit: str) -> str:
    """Report the cost of a unit, its improvement, and its coverage."""
    if summary.unit_cost is None:
        why = "no model has a meter for it in this period"
        if summary.moved_model_count:
            why = f"no model has a meter for it, {_MOVED}"
        if summary.refused:
            why = f"it is {summary.refused}"
        return f"The cost per {unit} is not known for {page.period}: {why}."
    text = (
        f"In {page.period} {_one(unit)} cost"
        f" **{at_least(page, summary)}"
        f"{fmt.short_unit_cost(summary.unit_cost, page.currency)}**"
    )
    if summary.prior_unit_cost is not None:
        before = fmt.short_unit_cost(summary.prior_unit_cost, page.currency)
        text += (
            f", {fmt.signed_percent(summary.change_ratio)} against {before} in"
            f" {page.prior_period}"
        )
    for limit in (summary.metered_days, summary.left_out):
        text += f"; {limit}" if limit else ""
    if summary.metered_model_count == summary.model_count:
        return f"{text}. Every model with cost is metered."
    return (
        f"{text}. This covers {summary.metered_model_count} of"
        f" {fmt.plural(summary.model_count, 'model')} and"
        f" {fmt.coverage(summary.metered_cost_ratio)} of their cost; the others have"
        f" no meter{f', {_MOVED},' if summary.moved_model_count else ''} and are left"
        " out, numerator included."
    )


def at_least(page: Page, summary: unit_cost_queries.UnitSummary) -> str:
    """Return words before a ratio with an incomplete numerator.

    Cost without an exchange rate is missing from the denominator, too: no bound.
    """
    return "" if summary.left_out else page.at_least(summary.cost)


def _one(unit: str) -> str:
    return unit if unit[0].isdigit() else f"one {unit}"


def waterfall(page: Page, rows: list[dict[str, Any]]) -> str:
    """Report the bills that reach models, and the largest part that does not."""
    by_step = {row["step"]: row for row in rows}
    ledger = fmt.money(by_step["ledger"]["amount"], page.currency)
    models = by_step.get("models")
    reached = fmt.money(models["amount"], page.currency) if models else "nothing"
    text = (
        f"Of **{page.at_least()}{ledger}** billed, **{page.at_least()}{reached}** was"
        " allocated to models."
    )
    rest = [row for row in rows if not row["is_total"] and row["left_out"] > 0]
    if rest:
        largest = max(rest, key=lambda row: row["left_out"])
        amount = fmt.money(largest["left_out"], page.currency)
        step = STEP_NAMES[largest["step"]]
        text += f" The largest part that does not reach one is {step}, {amount}."
    return text


def lifecycle(page: Page, rows: list[dict[str, Any]]) -> str:
    """Report the lifecycle stage that costs most."""
    if not rows:
        return f"No model has cost in {page.period}."
    first = max(rows, key=lambda row: row["share_ratio"] or 0.0)
    return (
        f"{first['lifecycle_stage'].capitalize()} takes"
        f" **{fmt.percent(first['share_ratio'])}** of the cost of models,"
        f" {page.at_least(first['amount'])}"
        f"{fmt.money(first['amount'], page.currency)}."
    )


def unallocated(page: Page, headline: queries.Headline) -> str:
    """Report the cost that no rule assigns."""
    if not headline.unallocated:
        return f"No AI cost of {page.period} is unallocated."
    amount = fmt.money(headline.unallocated, page.currency)
    share = fmt.percent(headline.unallocated_ratio)
    return (
        f"**{page.at_least(headline.unallocated)}{amount}** ({share} of usage cost)"
        " matches no rule."
        " Each row below names the rule that would catch it; put it into"
        " `allocation.yml` with the right model and run `triptych build`."
    )


#: Way out where no span names a task.
NO_TASKS: Final = (
    "No span names a task. Add a source of type `opentelemetry`, and name tasks in it."
)


def tasks(page: Page, summary: task_queries.TaskSummary) -> str:
    """Report what a successful task and failures cost, and what is not metered."""
    if summary.cost is None:
        return NO_TASKS
    text = f"In {page.period} "
    if summary.per_success is None:
        text += f"the cost of a successful task is unknown: {summary.reason}."
    else:
        cost = fmt.short_unit_cost(summary.per_success, page.currency)
        text += (
            f"a successful task cost **{cost}** ({summary.success_count:,} succeeded)."
        )
    if summary.failure_cost is not None:
        failed = fmt.money(summary.failure_cost, page.currency)
        text += f" Attempts that failed cost {failed}."
    total = fmt.money(summary.cost, page.currency)
    share = fmt.percent(summary.unmetered_ratio)
    return f"{text} Of {total} of these models {share} are not metered."
