"""Words of *Summary*: a sentence per layer, changes and open questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.pages.budget import sentences as budget_sentences
from dashboard.pages.velocity import sentences as velocity
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from dashboard.pages.cost_by_model import queries as cost_by_model_queries
    from dashboard.pages.cost_by_model import unit_cost_queries
    from dashboard.pages.summary import queries
    from dashboard.shared.context import Page

_SHOWN = 3
#: Unlike AI cost it covers the whole bill: no mart separates its tax.
_NOT_AI = "with tax and credits, is not AI"
_EITHER_SIDE = "what is missing could put it on either side of its budget"


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap in the figures, and the page with the details."""

    text: str
    view: str


def spend(view: Page, spent: queries.Spend, budget: dict[str, Any] | None) -> str:
    """State the AI cost, its distance to the budget, and the idle capacity in it."""
    if view.without_ai_cost:
        not_ai = fmt.money(spent.not_ai, view.currency)
        nothing = f"**{view.without_ai_cost}.**"
        return f"{nothing} {not_ai} is not AI; *Set-up* says what counts."
    state = "" if view.standing.is_over else " so far"
    amount = fmt.compact(spent.amount, view.currency)
    text = f"AI cost **{view.at_least(spent.amount)}{amount}** in {view.period}{state}"
    if spent.not_invoiced:
        awaited = fmt.money(spent.not_invoiced, view.currency)
        text += f"; **{awaited}** of what was used is not invoiced yet, and not in it"
    if budget is not None and budget["variance_ratio"] is not None:
        text += f", {_of_budget(view, budget)}"
    elif budget is not None and budget["variance"] and budget["state"] == "over":
        text += f", {_beyond_nothing(view, budget)}"
    if spent.idle:
        text += f"; **{fmt.compact(spent.idle, view.currency)}** of it idle GPUs"
    return f"{text}."


def not_ai(view: Page, spent: queries.Spend) -> str:
    """State the part of the bills that is not AI; nothing without."""
    if not spent.not_ai or view.without_ai_cost:
        return ""
    return f" Another {fmt.money(spent.not_ai, view.currency)}, {_NOT_AI}."


def _of_budget(view: Page, budget: dict[str, Any]) -> str:
    """Write how far cost and budget are apart, if that can be said yet."""
    part = f"{fmt.percent(budget['times_budget'])} of its budget"
    if budget["state"] == "running":
        return part
    if budget["state"] == "stale":
        return f"{part}, on stale bills"
    if budget["state"] == "incomplete":
        return _EITHER_SIDE
    side = fmt.against_budget(budget["variance_ratio"], budget["times_budget"])
    # Missing charges add to the cost: more over budget, and less under it.
    bound = "at least" if budget["variance"] > 0 else "at most"
    is_bound = view.standing.is_material(abs(budget["variance"]))
    return f"{bound} {side}" if is_bound else side


def _beyond_nothing(view: Page, budget: dict[str, Any]) -> str:
    """Write how far cost is over a budget of nothing, or less, which has no part."""
    distance = fmt.compact(budget["variance"], view.currency)
    return f"{distance} over a budget of {fmt.money(budget['budget'], view.currency)}"


def without_budget(view: Page, team: dict[str, Any] | None) -> str:
    """Name the team with the highest cost of a period without a budget."""
    if team is None:
        return f"No budget is set for {view.period}."
    return (
        f"No budget is set for {view.period}. Largest team:"
        f" **{fmt.markdown(team['team'])}**,"
        f" {fmt.compact(team['amount'], view.currency)}"
        f" ({fmt.percent(team['amount_share'])})."
    )


def shift(change: queries.DeliveryChange) -> str:
    """Count the units that ship faster and slower than the month before."""
    if not change.compared_count:
        return ""
    if not change.faster_count + change.slower_count:
        return "; no real change"
    return f"; {change.faster_count} faster, {change.slower_count} slower"


def delivery(change: queries.DeliveryChange, month: str, before: str) -> str:
    """Count the teams that ship faster, and those that fail more often."""
    kind = change.kind
    if not change.unit_count:
        return f"No {kind} had five changes in {fmt.month(month)}: none has a median."
    if not change.compared_count:
        have = fmt.plural(change.unit_count, f"{kind} has", f"{kind}s have")
        return (
            f"{have} a median lead time, and none had one in {fmt.month(before)} to"
            " compare it with."
        )
    moved = change.faster_count + change.slower_count
    compared = fmt.plural(change.compared_count, kind)
    text = (
        f"Lead times of {compared}: **{change.faster_count} really faster,"
        f" {change.slower_count} slower** since {fmt.month(before)}"
        if moved
        else f"**Lead times of {compared}: no real change** since {fmt.month(before)}"
    )
    if not change.failing_compared_count:
        return f"{text}; whether they fail more often is not known."
    return (
        f"{text}; {change.failing_more_count} of {change.failing_compared_count} fail"
        " more often."
    )


def rare(rows: Sequence[Mapping[str, Any]], of: str = "") -> str:
    """State incident and release times over twelve months, with their n.

    ``of`` names the scope that they follow, nothing that of the sentence before.
    """
    shown = {
        "time_to_restore": "incidents resolved in",
        "training_to_production": "training to production",
    }
    known = {row["metric"]: row for row in rows if row["value"] is not None}
    parts = [
        f"{label} {velocity.quantity(row['unit'], row['value'])} (n={row['n_used']:,})"
        for metric, label in shown.items()
        if (row := known.get(metric)) is not None
    ]
    window = f"{of[0].upper()}{of[1:]} over 12 months" if of else "Over 12 months"
    return f" {window}: {', '.join(parts)}." if parts else ""


def lead_time_range(change: queries.DeliveryChange) -> str:
    """Write the least and the greatest of the medians."""
    low, high = velocity.duration(change.lead_low), velocity.duration(change.lead_high)
    if low == high:
        return low
    number, _, unit = low.partition("\u00a0")
    return f"{number if high.endswith(unit) else low} to {high}"


def drivers(
    view: Page,
    steps: Iterable[dict[str, Any]],
    largest_line: dict[str, tuple[str, Decimal]],
) -> list[str]:
    """Name the bars of the bridge with the largest changes, and their models."""
    bars = [row for row in steps if not row["is_total"] and row["amount"]]
    bars.sort(key=lambda row: -abs(row["amount"]))
    said = []
    for row in bars[:_SHOWN]:
        name = budget_sentences.STEP_NAMES[row["step"]]
        text = f"**{name} {fmt.signed_money(row['amount'], view.currency)}**"
        line = largest_line.get(row["step"])
        if line is not None:
            amount = fmt.signed_money(line[1], view.currency)
            text += f", mostly {fmt.markdown(line[0])} ({amount})"
        said.append(text)
    return said


def gaps(
    view: Page,
    *,
    invoices: Sequence[dict[str, Any]],
    headline: cost_by_model_queries.Headline,
    summary: unit_cost_queries.UnitSummary,
) -> list[Gap]:
    """Return the gaps of the figures, the most relevant to a signature first.

    Rows that are missing and could change no total come last, together.
    """
    missing = [
        Gap(f"{fmt.markdown(source)} lacks {fmt.markdown(missing)}", "data_health")
        for source, _, missing in view.standing.missing
    ]
    is_material = view.standing.is_material()
    found = missing if is_material else []
    found += [
        Gap(
            f"{fmt.markdown(fmt.money(amount, currency))} has no exchange rate",
            "data_health",
        )
        for currency, amount in view.standing.gap.unconverted
    ]
    found += unreconciled(invoices)
    found += [
        Gap(
            f"{fmt.markdown(source)} is stale: newest data {fmt.moment(newest)}",
            "data_health",
        )
        for source, newest in view.standing.stale_sources
    ]
    if headline.unallocated:
        found.append(
            Gap(
                f"{fmt.money(headline.unallocated, view.currency)}"
                f" ({fmt.percent(headline.unallocated_ratio)} of usage) is"
                " unallocated",
                "cost_by_model",
            )
        )
    with_reason = summary.metered_model_count + summary.moved_model_count
    if unmetered := summary.model_count - with_reason:
        models = fmt.plural(unmetered, "model has", "models have")
        found.append(Gap(f"{models} no meter of requests", "cost_by_model"))
    if missing and not is_material:
        found.append(Gap(view.standing.gap.size, "data_health"))
    return found


def unreconciled(invoices: Sequence[dict[str, Any]]) -> list[Gap]:
    """Return amounts not yet invoiced and unexplained amounts by currency."""
    return [
        Gap(_open_amounts(row), "close")
        for row in invoices
        if row["reconciled_count"] < row["row_count"]
    ]


def _open_amounts(row: dict[str, Any]) -> str:
    """State the amounts not yet invoiced or unexplained; zero is neither."""
    told = []
    if row["not_invoiced"]:
        awaited = fmt.money(row["not_invoiced"], row["currency"])
        told.append(f"{awaited} not invoiced yet")
    if row["unexplained_gross"] or not told:
        amount = fmt.money(row["unexplained_gross"], row["currency"])
        told.append(f"{amount} between invoices and bills is not explained")
    return ", ".join(told)
