"""Returns in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt
from dashboard.shared import ledger_sentences as ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = Mapping[str, Any]

#: Finding of a feature, as the mart has it → decision that follows.
_DECISIONS: Final = {
    "pays": "Keep: a gain throughout the range",
    "loses": "Stop or fix: a loss throughout the range",
    "cannot_tell": "Measure on: gain and loss are both likely",
}
#: Line of the ladder → its name.
LADDER: Final = {
    "benefit": "Benefit, measured",
    "cost": "Running cost",
    "other_cost": "People, integration",
    "replaced_cost": "Replaced cost",
    "net_value": "Net value of the measured months",
    "investment": "Invested before the launch",
    "other_investment": "People, integration before",
    "net_after_investment": "Net value after investment",
    "carried_benefit": "Benefit since, fading",
    "cost_since": "Running cost since",
    "other_cost_since": "People, integration since",
    "replaced_cost_since": "Replaced cost, since",
    "net_to_date": "Net value to date",
    "run_rate": "A month now",
}
#: Origin of the cost that was replaced → in words.
BASELINES: Final = {
    "declared": "declared in assumptions.yml",
    "declared_none": "declared: it replaced nothing",
    "measured": "lowest of three months before the launch",
    "nothing_before": "no cost before the launch",
    "nothing_served": "nothing served before the launch",
    "not_metered": "not metered: declare a replaced_cost",
}
#: The window of everything that is measured.
TO_DATE = "to_date"
_ALMOST_SURE, _HARDLY = 0.999, 0.001


def headline(row: Row) -> str:
    """Describe the counted return: months, interval and chance of a gain."""
    if row["begins"] is not None:
        return f"**{not_yet(row)}**"
    if row["net_value"] is None:
        return (
            "**Nothing counts yet.** No feature has both evidence of grade A or B and"
            " approved assumptions of what its effect is worth."
        )
    counted = fmt.plural(row["counted_feature_count"], "feature")
    return f"**{counted} in the headline**: {proven(row)}."


def proven(row: Row) -> str:
    """Write the proven net value, its range and chance, and its part of cost."""
    currency, name = row["currency"], proven_measure(row)
    return (
        f"net value of {window(row)} **{fmt.estimate(row[name], currency)}**"
        f" ({between(row, name, currency)}), chance that it is a gain"
        f" **{chance(row[f'probability_{_CHANCES[name]}'])}**, {coverage(row)}"
    )


#: Figure of the headline → figure with the matching chance of a gain.
_CHANCES: Final = {
    "net_after_investment": "net_after_investment",
    "net_value": "net_positive",
}


def proven_measure(row: Row) -> str:
    """Return the figure of the headline: after investment, where that is known."""
    is_known = row["net_after_investment"] is not None
    return "net_after_investment" if is_known else "net_value"


def proven_chance(row: Row) -> float | None:
    """Return the chance of a gain that belongs to the figure of the headline."""
    probability: float | None = row[f"probability_{_CHANCES[proven_measure(row)]}"]
    return probability


def coverage(row: Row) -> str:
    """Describe the part of AI cost for which anything is proven."""
    if row["counted_cost_ratio"] is None:
        return covered(row)
    return f"{covered(row)}; nothing is proven for the rest"


def covered(row: Row) -> str:
    """Write the part of AI cost for which anything is proven."""
    if row["counted_cost_ratio"] is None:
        return "AI cost of these months unknown"
    return f"on {fmt.percent(row['counted_cost_ratio'])} of AI cost"


def not_yet(row: Row) -> str:
    """Report that no effect had been measured by the end of the period."""
    return (
        "No effect was measured by then: the first measured month is"
        f" {fmt.month(row['begins'])}."
    )


def window(row: Row, prefix: str = "") -> str:
    """Write the months in which effects were measured."""
    first, last = row[f"{prefix}first_month"], row[f"{prefix}last_month"]
    if first is None or last is None:
        return "no month"
    if first == last:
        return fmt.month(first)
    return f"{fmt.month(first)} to {fmt.month(last)}"


def _spent(row: Row, cost: str, other: str, currency: str) -> str:
    """Write reconciled cost, then people and integration; empty for none."""
    if row[cost] is None or not (row[cost] or row[other]):
        return ""
    text = fmt.markdown(fmt.money(row[cost], currency))
    if not row[other]:
        return text
    besides = fmt.markdown(fmt.estimate(row[other], currency))
    return f"{text} and {besides} of people and integration"


def measured(row: Row) -> str:
    """Describe a feature's last measured benefit, and its cost since."""
    text = f"measured and costed {window(row)}"
    since = _spent(row, "cost_since", "other_cost_since", row["currency"])
    if not since:
        return text
    months = fmt.plural(row["since_month_count"], "month")
    return f"{text}; {months} of cost since, {since}"


def beside(row: Row) -> str:
    """Describe feature returns that are not in the headline."""
    currency = row["currency"]
    parts = []
    if row.get("overlap_benefit"):
        amount = fmt.markdown(fmt.estimate(row["overlap_benefit"], currency))
        parts.append(
            f"{amount} that several features claim of one outcome is counted once."
        )
    if row["beside_feature_count"]:
        count = fmt.plural(row["beside_feature_count"], "feature")
        amount = fmt.markdown(fmt.estimate(row["beside_net_value"], currency))
        months = window(row, "beside_")
        parts.append(f"Not counted: {count}, with a net value of {amount} in {months}.")
    if row["not_computable_feature_count"]:
        count = fmt.plural(
            row["not_computable_feature_count"], "feature has", "features have"
        )
        parts.append(f"{count} no return that can be computed.")
    if row["ai_cost"] is not None:
        spent = fmt.markdown(fmt.money(row["not_counted_cost"], currency))
        whole = fmt.markdown(fmt.money(row["ai_cost"], currency))
        parts.append(
            f"Of {whole} AI cost in {window(row)}, {spent} is in no counted return."
        )
    return " ".join(parts)


def shrunk(row: Row) -> str:
    """Describe the sum after shrinkage, its purpose, and the number found."""
    parts = [ledger.found(row), ledger.counts(row)]
    if row["shrunk_net_value"] is not None:
        currency = row["currency"]
        amount = fmt.markdown(fmt.estimate(row["shrunk_net_value"], currency))
        span = fmt.markdown(between(row, "shrunk_net_value", currency))
        parts.insert(
            0,
            f"Shrunk: {amount} ({span}). The largest of several estimates is large in"
            " part by luck; each is drawn towards what all have in common, and that"
            " towards zero.",
        )
    return " ".join(filter(None, parts))


def run_rate(row: Row) -> str:
    """Describe the monthly run rate of counted features, with persistence.

    Nothing for a run that was published before there was a run rate.
    """
    if row.get("run_rate_net") is None:
        return ""
    currency = row["currency"]
    amount = fmt.markdown(fmt.estimate(row["run_rate_net"], currency))
    span = fmt.markdown(between(row, "run_rate_net", currency))
    unknown = row["run_rate_unknown_feature_count"]
    lacking = fmt.plural(unknown, "counted feature has", "counted features have")
    return (
        f"Run rate: {amount} in {fmt.month(row['run_rate_month'])} ({span}). A gain is"
        " taken to fade from its last measured month on, to between all and nothing of"
        " it after twelve months; a harm is not."
        + (f" {lacking} no known effect any more." if unknown else "")
    )


def effect_status(row: Row) -> str:
    """Return the date until which a feature's effect is known."""
    status, last = row.get("effect_status"), row["last_month"]
    if status == "last_measured":
        return f"last measured {fmt.month(last)}"
    if status == "unknown":
        return f"unknown: last measured {fmt.month(last)}"
    return {"measured": "measured", "stopped": "stopped: no cost"}.get(str(status), "")


def between(row: Row, name: str, currency: str) -> str:
    """Write a 90 % interval."""
    low, high = row[f"{name}_low_90"], row[f"{name}_high_90"]
    if low is None or high is None:
        return "90 %: without bound"
    return f"90 %: {fmt.interval(low, high, currency)}"


def decision_of(row: Row) -> str:
    """Return the decision that follows from a counted feature's finding."""
    return _DECISIONS.get(row["finding"], "Not proven")


def chance(probability: float | None) -> str:
    """Write a probability from draws: never as certain."""
    if probability is None:
        return fmt.UNKNOWN
    if probability > _ALMOST_SURE:
        return "over 99.9 %"
    if probability < _HARDLY:
        return "under 0.1 %"
    return fmt.percent(probability)
