"""What the returns say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from dashboard.shared import format as fmt
from dashboard.shared import ledger_sentences as ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = Mapping[str, Any]

#: What a whole range is; ``unknown`` where an end of it is not known.
Side = Literal["gain", "loss", "both", "unknown"]
_DECISIONS: Final[dict[Side, str]] = {
    "gain": "Keep: a gain throughout the range",
    "loss": "Stop or fix: a loss throughout the range",
    "both": "Measure on: gain and loss are both likely",
    "unknown": "Not proven",
}
#: The window of everything that is measured.
TO_DATE = "to_date"
_ALMOST_SURE, _HARDLY = 0.999, 0.001


def headline(row: Row) -> str:
    """Say what counts in which months, with its interval and the chance of a gain."""
    currency = row["currency"]
    if row["begins"] is not None:
        return f"**{not_yet(row)}**"
    if row["net_value"] is None:
        return (
            "**Nothing counts yet.** No feature has both evidence of grade A or B and"
            " approved assumptions of what its effect is worth."
        )
    counted = fmt.plural(row["counted_feature_count"], "feature")
    return (
        f"**{counted} in the headline**: net value of {window(row)}"
        f" **{fmt.markdown(fmt.estimate(row['net_value'], currency))}**"
        f" ({fmt.markdown(between(row, 'net_value', currency))}), chance that it is a"
        f" gain **{chance(row['probability_net_positive'])}**. {outside(row)}"
    )


def not_yet(row: Row) -> str:
    """Say that no effect had been measured by the end of the period."""
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


def outside(row: Row) -> str:
    """Say what was spent before the measured months, and what has been since."""
    currency = row["currency"]
    said = [
        "Benefit and cost are those of the same months, feature by feature: the months"
        " in which its effect was measured."
    ]
    before = _spent(row, "investment_cost", "other_investment", currency)
    net = row["net_after_investment"]
    if before and net is not None:
        after = fmt.markdown(fmt.estimate(net, currency))
        said.append(f"Before them {before} had been invested; net of that {after}.")
    elif row["investment_cost"] is None:
        said.append("A part of what was invested before has no known amount.")
    since = _spent(row, "cost_since", "other_cost_since", currency)
    if since:
        months = fmt.plural(row["since_month_count"], "month")
        said.append(f"Since then {since} in {months}, without measured benefit.")
    return " ".join(said)


def _spent(row: Row, cost: str, other: str, currency: str) -> str:
    """Write reconciled cost, and people and integration besides; nothing for none."""
    if row[cost] is None or not (row[cost] or row[other]):
        return ""
    text = fmt.markdown(fmt.money(row[cost], currency))
    if not row[other]:
        return text
    besides = fmt.markdown(fmt.estimate(row[other], currency))
    return f"{text} and {besides} of people and integration"


def measured(row: Row) -> str:
    """Say until when a feature's benefit was measured, and what it has cost since."""
    text = f"measured and costed {window(row)}"
    since = _spent(row, "cost_since", "other_cost_since", row["currency"])
    if not since:
        return text
    months = fmt.plural(row["since_month_count"], "month")
    return f"{text}; {months} of cost since, {since}, without measured benefit"


def beside(row: Row) -> str:
    """Say what is not in the headline, though features have it."""
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
    """Say what the sum is after shrinkage, why it is shown, and how much was found."""
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
    """Say what counted features bring in a month now, and under which persistence.

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
    """Say until when a feature's effect is known."""
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
    """Return what follows from a counted feature's interval of net value."""
    return _DECISIONS[side_of(row)]


def side_of(row: Row) -> Side:
    """Return what the whole 90 % range of net value is."""
    low, high = row["net_value_low_90"], row["net_value_high_90"]
    if low is None or high is None:
        return "unknown"
    if low > 0:
        return "gain"
    return "loss" if high < 0 else "both"


def chance(probability: float | None) -> str:
    """Write a probability from draws: never as certain."""
    if probability is None:
        return fmt.UNKNOWN
    if probability > _ALMOST_SURE:
        return "over 99.9 %"
    if probability < _HARDLY:
        return "under 0.1 %"
    return fmt.percent(probability)
