"""What the returns say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = Mapping[str, Any]

_ALMOST_SURE, _HARDLY = 0.999, 0.001


def headline(row: Row) -> str:
    """Say what counts, with its interval, and the chance that it is a gain."""
    currency = row["currency"]
    if row["net_value"] is None:
        return (
            "**Nothing counts yet.** No feature has both evidence of grade A or B and"
            " approved assumptions of what its effect is worth."
        )
    found = fmt.plural(row["counted_feature_count"], "feature")
    return (
        f"**{found} in the headline**: net value to date"
        f" **{fmt.markdown(fmt.estimate(row['net_value'], currency))}**"
        f" ({fmt.markdown(between(row, 'net_value', currency))}), chance that it is a"
        f" gain **{chance(row['probability_net_positive'])}**."
    )


def beside(row: Row) -> str:
    """Say what is not in the headline."""
    currency = row["currency"]
    parts = []
    if row["beside_feature_count"]:
        count = fmt.plural(
            row["beside_feature_count"], "feature stands", "features stand"
        )
        amount = fmt.markdown(fmt.estimate(row["beside_net_value"], currency))
        parts.append(f"{count} beside it, with a net value of {amount}.")
    if row["not_computable_feature_count"]:
        count = fmt.plural(
            row["not_computable_feature_count"], "feature has", "features have"
        )
        parts.append(f"{count} no return that can be computed.")
    spent = fmt.markdown(fmt.money(row["not_counted_cost"], currency))
    whole = fmt.markdown(fmt.money(row["ai_cost"], currency))
    parts.append(
        f"Of {whole} of AI spend in the same months, {spent} is in no counted return."
    )
    return " ".join(parts)


def shrunk(row: Row) -> str:
    """Say what the sum is after shrinkage, and why it is shown."""
    if row["shrunk_net_value"] is None:
        return "With fewer than five features that count, nothing is shrunk."
    currency = row["currency"]
    amount = fmt.markdown(fmt.estimate(row["shrunk_net_value"], currency))
    span = fmt.markdown(between(row, "shrunk_net_value", currency))
    return (
        f"Shrunk: {amount} ({span}). The largest of several estimates is large in part"
        " by luck; each is drawn towards what all have in common."
    )


def between(row: Row, name: str, currency: str) -> str:
    """Write a 90 % interval."""
    low, high = row[f"{name}_low_90"], row[f"{name}_high_90"]
    if low is None or high is None:
        return "90 %: without bound"
    return f"90 %: {fmt.interval(low, high, currency)}"


def chance(probability: float | None) -> str:
    """Write a probability from draws: never as certain."""
    if probability is None:
        return fmt.UNKNOWN
    if probability > _ALMOST_SURE:
        return "over 99.9 %"
    if probability < _HARDLY:
        return "under 0.1 %"
    return fmt.percent(probability)


__all__ = ["beside", "between", "chance", "headline", "shrunk"]
