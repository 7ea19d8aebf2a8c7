"""Sentences of the page *Budget & forecast*, generated from its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.pages.budget import queries
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

#: Name of each step between two months.
STEP_NAMES: dict[str, str] = {
    "earlier": "Earlier month",
    "rate": "Rate",
    "price": "Cost per use",
    "volume": "Quantity",
    "efficiency": "Efficiency of use",
    "purchase_mix": "Purchase mix",
    "mix": "Model or kind mix",
    "new": "New",
    "retired": "Retired",
    "correction": "Earlier months",
    "unused_commitment": "Unused commitments",
    "fx": "Exchange",
    "other": "Other",
    "not_invoiced": "Not invoiced yet",
    "change": "Change",
    "later": "Later month",
}
#: Meaning of each bar.
BAR_MEANINGS: dict[str, str] = {
    "rate": "unit prices of contracts or lists moved",
    "price": "cost over use, of a run of an earlier version: no price",
    "volume": "more or less was used",
    "efficiency": "the same use took more or less of what is bought",
    "purchase_mix": "on demand, spot, commitments and discounts at the same price",
    "mix": "a model, SKU or kind grew unlike the others",
    "new": "models or SKUs that the earlier month did not have",
    "retired": "models or SKUs that the later month does not have",
    "correction": "refunds, corrections and late charges for earlier months",
    "unused_commitment": "unused commitments",
    "fx": "exchange rates alone",
    "other": "what nothing above explains; each line names the reason",
    "not_invoiced": "used and not billed: no invoice of it has come; the bars above are"
    " of all that was used",
}
#: Name of the method that repeats last week.
NAIVE = "seasonal naive"
NOTHING_FORECAST = (
    "No month or quarter is running that could be forecast: that takes a bill that is"
    " delivered daily."
)
NOT_FORECAST = "Forecasts are of models and of everything, not of this scope."
FORECAST_BASIS = "Forecasts are of AI spend: amortised, before tax and credits."
_STATE_WORDS = {
    "over": "over its budget",
    "within": "within its budget",
    "running": "below its budget so far; the period still runs",
    "ahead": "not over yet",
    "stale": "below its budget on bills that are stale, which says nothing",
    "incomplete": "below its budget with what is known, and its bills lack something",
    "unknown": "not known",
}


def no_budget(view: Page) -> str:
    """Explain a period without a budget; a run of an earlier version has none."""
    if queries.has_periods(view.snapshot):
        return f"No budget for {view.period} in this scope."
    return "This run is of an earlier version: a new run brings budgets."


def budgets(view: Page, rows: list[dict[str, Any]]) -> str:
    """Report the state of the first scope, and others over or not known."""
    first = rows[0]
    text = (
        f"**{fmt.markdown(_upper(first['scope']))}** is {_STATE_WORDS[first['state']]}"
    )
    if first["state"] == "unknown":
        text += f": {fmt.markdown(first['reason'] or 'a month has no amount')}."
    elif first["state"] == "ahead":
        text += f": its budget is {fmt.money(first['budget'], view.currency)}."
    else:
        both = fmt.against_budget(first["variance_ratio"], first["times_budget"])
        text += (
            f": {view.at_least(first['actual'])}"
            f"{fmt.money(first['actual'], view.currency)} of"
            f" {fmt.money(first['budget'], view.currency)}"
            # Nothing, or less, has no part and no multiple.
            f"{'' if first['times_budget'] is None else f', **{both}**'}."
        )
    others = rows[1:]
    for state, words in (
        ("over", "Also over"),
        ("stale", "Stale"),
        ("incomplete", "Not complete"),
        ("unknown", "Not known"),
    ):
        names = [fmt.markdown(row["scope"]) for row in others if row["state"] == state]
        if names:
            text += f" {words}: {', '.join(names)}."
    return text + (teams_over(view, rows) if view.selection.covers_everything else "")


def bridge(view: Page, steps: list[dict[str, Any]], against: str) -> str:
    """Report the later month's change in cost, and its largest bars."""
    by_step = {row["step"]: row for row in steps}
    earlier, later = by_step["earlier"]["amount"], by_step["later"]["amount"]
    change = by_step["change"]["amount"]
    last = max(view.selection.period.months)
    month = fmt.month(last)
    so_far, than = ("", "") if view.is_last_month_over else (" so far", "all of ")
    lacks_before, lacks = view.not_complete(against), view.not_complete(last)
    text = (
        f"{month} cost **{fmt.money(abs(change), view.currency)}"
        f" {'less' if change < 0 else 'more'}**{so_far} than"
        f" {than}{fmt.month(against)}:"
        f" {fmt.money(earlier, view.currency)}{lacks_before} became"
        f" {fmt.money(later, view.currency)}{lacks}."
    )
    bars = [row for row in steps if not row["is_total"] and row["amount"]]
    largest = sorted(bars, key=lambda row: -abs(row["amount"]))[:3]
    if largest:
        said = ", ".join(
            f"{STEP_NAMES[row['step']].lower()}"
            f" {fmt.signed_money(row['amount'], view.currency)}"
            for row in largest
        )
        text += f" What did most: {said}. The bars add up to the change exactly."
    return text


def unknown_rates(view: Page, steps: list[dict[str, Any]]) -> str | None:
    """Report the part of the later month without a unit price on its bills."""
    unknown = steps[0]["unknown_rate_cost"]
    if not unknown:
        return None
    return (
        f"{fmt.money(unknown, view.currency)} of"
        f" {fmt.month(max(view.selection.period.months))} has no unit price on a bill:"
        " a move of its rate is under efficiency of use or other."
    )


def unevenly_metered(
    view: Page, models: list[dict[str, Any]], against: str
) -> str | None:
    """Report models with quantity and efficiency that may reflect the meter."""
    if not models:
        return None
    first, others = models[0], len(models) - 1
    too = f" So may those of {fmt.count(others)} more." if others else ""
    return (
        f"{first['model']} was metered on {fmt.percent(first['prior_coverage_ratio'])}"
        f" of its days with cost in {fmt.month(against)} and on"
        f" {fmt.percent(first['coverage_ratio'])} in"
        f" {fmt.month(max(view.selection.period.months))}: its quantity and"
        f" efficiency may tell of the meter.{too}"
    )


def beyond_ai_cost(view: Page, sums: dict[str, Any]) -> str | None:
    """Report the tax and credits on top of the month; statements have both."""
    if not sums["tax"] and not sums["credit"]:
        return None
    parts = [
        f"{fmt.signed_money(sums[name], view.currency)} of {name}"
        for name in ("tax", "credit")
        if sums[name]
    ]
    return (
        f"AI cost is before tax and credits: {' and '.join(parts)} come on top, so that"
        f" statements of the month add up to"
        f" {fmt.money(sums['cost_with_both'], view.currency)}."
    )


def outturn(
    view: Page, totals: Sequence[dict[str, Any]], quality: dict[str, Any] | None
) -> str:
    """Report landings of month, quarter and year, and the method's error."""
    ends = [
        f"**{fmt.month(row['period'])}** ends at"
        f" {fmt.estimate(row['expected'], view.currency)}"
        f" ({fmt.interval(row['low'], row['high'], view.currency)})"
        for row in totals
    ]
    text = f"{', '.join(ends)}; 90 % intervals."
    if quality is None or not quality["origin_count"]:
        return text
    error = fmt.percent(quality["error_ratio"])
    return f"{text} Back-tested, its error was {error} of a typical day."


def landing(view: Page, row: dict[str, Any]) -> str:
    """Report the known part of a month, quarter or year, and its budget."""
    text = (
        f"**{fmt.month(row['period'])}**:"
        f" {fmt.money(row['known'], view.currency)} known up to"
        f" {fmt.day(row['last_complete_day'])},"
        f" {fmt.plural(row['remaining_day_count'], 'day')} to go."
    )
    if row["dated_on_other_bills"] or row["billed_on_other_days"]:
        dated = fmt.money(row["dated_on_other_bills"], view.currency)
        billed = fmt.money(row["billed_on_other_days"], view.currency)
        text += (
            f" Forecasts count by the day of a charge: {dated} of it is on bills of"
            f" other months, and {billed} of this month's bills is of other days."
        )
    text += f"{missing(view, row)} Its interval: {held(row)}."
    if row["budget"] is None:
        return f"{text} It has no budget."
    return (
        f"{text} Budget {fmt.money(row['budget'], view.currency)}:"
        f" **{row['outlook']}**."
    )


def outlook(view: Page, row: dict[str, Any]) -> str:
    """Report a landing against its budget, and how its intervals held."""
    against = (
        "it has no budget"
        if row["budget"] is None
        else f"budget {fmt.money(row['budget'], view.currency)}, **{row['outlook']}**"
    )
    return f"**{fmt.month(row['period'])}**: {against}; {held(row)}."


def nothing_ahead(view: Page, known: str) -> str:
    """Explain why a past month has no forecast, and name a month that does."""
    return (
        f"{view.period} was over before forecasts began: nothing later is shown here."
        f" Choose {fmt.month(known)} or a later month above."
    )


def held(row: dict[str, Any]) -> str:
    """Report how often past intervals held, and the widening of this interval.

    Sums overlap, and none is longer than a quarter.
    """
    count = row["sum_count"]
    if not count:
        return "not back-tested: its history is too short or comes in bursts"
    sums = f"{count} past sums of {fmt.plural(row['week_count'], 'week')}"
    kept = f"held {round(row['held_ratio'] * count)} of {sums}"
    if row["widening"] <= 1.0:
        return kept
    before = round(row["unwidened_ratio"] * count)
    return f"widened {row['widening']:.1f} \u00d7: {kept}, {before} before"


def missing(view: Page, row: dict[str, Any]) -> str:
    """Report a period's gap: an amount in its interval, or an unknown amount."""
    if row["missing"] is None:
        return f" What is missing is not known: {fmt.markdown(row['reason'] or '')}."
    if not row["missing"]:
        return ""
    amount = fmt.money(row["missing"], view.currency)
    return f" At most {amount} is missing; the interval includes it."


def furthest_team(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the team that is furthest over its budget, or closest to it."""
    teams = [
        row
        for row in rows
        if row["scope_type"] == "team" and row["variance_ratio"] is not None
    ]
    return max(teams, key=lambda row: float(row["variance_ratio"]), default=None)


def teams_over(view: Page, rows: Sequence[dict[str, Any]]) -> str:
    """Report the state of the furthest team, and the number of teams over."""
    furthest = furthest_team(rows)
    if furthest is None:
        return ""
    teams = [row for row in rows if row["scope_type"] == "team"]
    over = [team for team in teams if team["state"] == "over"]
    both = fmt.against_budget(furthest["variance_ratio"], furthest["times_budget"])
    return (
        f" Furthest of the teams: **{fmt.markdown(furthest['scope'])}**, {both}"
        f" ({fmt.money(furthest['actual'], view.currency)} of"
        f" {fmt.money(furthest['budget'], view.currency)});"
        f" {len(over)} of {fmt.plural(len(teams), 'team')} over."
    )


def forecast(series: str, quality: dict[str, Any]) -> str:
    """Report the forecast method of a series, and its error."""
    name = fmt.markdown(series)
    if not quality["origin_count"]:
        return (
            f"**{name}** is forecast by {quality['method']}. Its history is too short"
            " to know how wrong that is, so there is no interval."
        )
    return (
        f"**{name}** is forecast by {quality['method']}, chosen for sums of a month and"
        f" a quarter. From the later half of"
        f" {fmt.plural(quality['origin_count'], 'past day')}, day by day, its error was"
        f" **{fmt.percent(quality['error_ratio'])}** of a typical day, that of"
        f" repeating last week {fmt.percent(quality['naive_error_ratio'])}."
        f" {_held(quality)}"
    )


def _held(quality: dict[str, Any]) -> str:
    if quality["coverage_ratio"] is None:
        return "Its history is too short for intervals of days."
    held = fmt.percent(quality["coverage_ratio"])
    return f"Its 90 % intervals held **{held}** of the days held out."


def methods(rows: list[dict[str, Any]]) -> str:
    """Report the number of series with a method no worse than the naive.

    A series that itself repeats last week equals the naive method, and proves nothing.
    """
    tried = [row for row in rows if row["origin_count"]]
    others = [row for row in tried if row["method"] != NAIVE]
    if not others:
        return "No series has a method that could be compared with repeating last week."
    good = [row for row in others if row["is_no_worse_than_naive"]]
    text = (
        f"In **{len(good)} of {fmt.plural(len(others), 'series', 'series')}** with a"
        " method of their own, the error is at or below that of repeating last week."
    )
    if naive := len(tried) - len(others):
        text += f" {fmt.plural(naive, 'series', 'series')} repeat last week."
    return text


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
