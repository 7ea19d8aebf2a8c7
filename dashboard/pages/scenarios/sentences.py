"""Findings of saved scenarios, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.shared import format as fmt
from dashboard.shared.return_sentences import between, chance

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = Mapping[str, Any]

#: From here on more draws never get there than do.
_HALF = 0.5


def outcome(result: Row) -> str:
    """State a scenario's gain over its base, its uncertainty and payback."""
    name = fmt.markdown(result["name"])
    summary, currency = result["summary"], result["currency"]
    if summary["difference_reason"]:
        return f"**{name}**: {fmt.markdown(summary['difference_reason'])}."
    if summary["npv_difference"] == 0 and not result["changes"]:
        return f"**{name}** changes nothing: it is its base, carried forward."
    amount = fmt.markdown(fmt.estimate(summary["npv_difference"], currency))
    span = fmt.markdown(between(summary, "npv_difference", currency))
    return (
        f"**{name}** against carrying on: **{amount}** of net present value over"
        f" {fmt.plural(result['horizon_months'], 'month')} ({span}), chance that it is"
        f" a gain **{chance(summary['probability_difference_positive'])}**."
        f" {pays(summary)}"
    )


def monthly_cost(result: Row) -> str:
    """State the monthly cost in a scenario and without it."""
    summary, currency = result["summary"], result["currency"]
    amount = fmt.markdown(fmt.estimate(summary["monthly_cost"], currency))
    span = fmt.markdown(between(summary, "monthly_cost", currency))
    base = fmt.markdown(fmt.estimate(summary["base_monthly_cost"], currency))
    return f"A month costs **{amount}** ({span}), in place of {base}."


def pays(summary: Row) -> str:
    """State the payback date of a scenario against its base."""
    months, note = payback(summary)
    return f"Paid back: {months}; {note}."


def payback(summary: Row) -> tuple[str, str]:
    """Write the likely months to payback, and the late case with the risk of never."""
    middle = summary["difference_payback_months_p50"]
    probability = summary["difference_probability_never_paid_back"]
    never = f"{chance(probability)} risk of never"
    if middle is None and probability < _HALF:
        return "at once", never
    if middle is None:
        return "unlikely", never
    late = summary["difference_payback_months_p90"]
    nine = "within the horizon" if late is None else f"by month {late:.0f}"
    likely = "not in 9 of 10 draws " if late is None else "in 9 of 10 draws "
    return fmt.plural(round(middle), "month"), f"{likely}{nine}; {never}"


def level(result: Row) -> str:
    """State the total outcome of a scenario and its evidence."""
    summary, currency = result["summary"], result["currency"]
    if summary["npv_reason"]:
        return f"Net present value: {fmt.markdown(summary['npv_reason'])}."
    amount = fmt.markdown(fmt.estimate(summary["npv"], currency))
    span = fmt.markdown(between(summary, "npv", currency))
    count = fmt.plural(len(summary["counted_features"]), "feature")
    return (
        f"Net present value of {count} with grade A or B and approved values:"
        f" {amount} ({span}), above zero in"
        f" {chance(summary['probability_npv_positive'])}. It is their net"
        " value, and what the scenario changes of all other cost."
    )


def driver(rows: list[dict[str, Any]], measure: str, called: str, currency: str) -> str:
    """Name the strongest driver of a measure, such as net present value."""
    ends = f"{measure}_at_low", f"{measure}_at_high"
    drawn = [row for row in rows if None not in (row[ends[0]], row[ends[1]])]
    if not drawn:
        return "Nothing in it has an interval, so nothing moves it."
    first = drawn[0]
    low, high = sorted(first[end] for end in ends)
    span = fmt.markdown(fmt.interval(low, high, currency))
    return (
        f"**{fmt.markdown(first['driver'])}** moves it most: between the ends of its"
        f" 90 % interval the {called} is {span}. {_break_even(first, measure)}"
    )


def _break_even(row: dict[str, Any], measure: str) -> str:
    """State the break-even value of an assumption, or why there is none."""
    value = row.get(f"break_even_{measure}")
    if value is None:
        reason = row.get(f"{measure}_break_even_reason")
        why = f": {fmt.markdown(str(reason))}" if reason else ""
        return f"It has no break-even{why}."
    return f"It breaks even at {fmt.decimal(value)} {fmt.markdown(row['unit'])}."


def elasticity(found: Row, currency: str) -> str:
    """State the growth of the whole bill relative to usage served."""
    if found["reason"]:
        return f"How cost grows with usage is {fmt.markdown(found['reason'])}."
    slope = fmt.decimal(found["elasticity"])
    ends = (
        f"{fmt.decimal(found['elasticity_low_90'])} to"
        f" {fmt.decimal(found['elasticity_high_90'])}"
    )
    meaning = {
        "economies": "below 1: the bill grows more slowly than usage",
        "diseconomies": "above 1: the bill grows faster than usage",
        "undecided": "with 1 inside: it does not say whether the bill grows more slowly"
        " or faster than usage",
    }[found["scale"]]
    cost = fmt.markdown(fmt.estimate(found["doubled_cost"], currency))
    span = fmt.interval(
        found["doubled_cost_low_90"], found["doubled_cost_high_90"], currency
    )
    seen = " So much was never served." if found["doubled_is_extrapolated"] else ""
    return (
        f"One per cent more requests went with **{slope} %** more cost (90 %: {ends}),"
        f" {meaning}. On this line, a month with twice the last usage costs {cost}"
        f" (90 %: {fmt.markdown(span)}).{seen} Prices, moves and commitments that"
        " changed meanwhile are in it."
    )
