"""Figures of a scenario and its base, and reasons for missing values.

A figure that rests on an unknown benefit, or on a discount rate that nobody named, is
not computable: it has a reason and no number, in the summary and in every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.reading import amount, nothing, payback, probability_above
from attribution.scenarios.sensitivity import difference, net_difference, proven_net

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attribution.arrays import Floats
    from attribution.scenarios.outcome import Outcome, Part
    from attribution.scenarios.projection import Projection

    Row = dict[str, Any]

_BOTH: Final = ("50", "90")
#: Measures with months that need a known benefit, in addition to cost.
_NEEDS_BENEFIT: Final = frozenset(
    {"benefit", "net_value", "cumulative_net_value", "base_benefit", "base_net_value"}
)
_NEEDS_GAIN: Final = frozenset({"difference", "cumulative_difference"})
_NEEDS_DISCOUNT: Final = frozenset({"cumulative_net_value", "cumulative_difference"})


@dataclass(frozen=True, slots=True)
class Reasons:
    """Reasons that figures have no value; ``None``: they have a value.

    Attributes
    ----------
    benefit : str or None
        Reason for the known benefit as a whole.
    gain : str or None
        Of the difference to the base.
    discount : str or None
        Of every present value.
    """

    benefit: str | None
    gain: str | None
    discount: str | None

    @property
    def npv(self) -> str | None:
        """Reason that there is no net present value."""
        return self.discount or self.benefit

    @property
    def difference(self) -> str | None:
        """Reason that there is no present value of the difference."""
        return self.discount or self.gain

    def has(self, measure: str) -> bool:
        """Return True if a measure by month is known."""
        return not (
            (self.benefit and measure in _NEEDS_BENEFIT)
            or (self.gain and measure in _NEEDS_GAIN)
            or (self.discount and measure in _NEEDS_DISCOUNT)
        )


def summary_of(changed: Outcome, before: Outcome, reasons: Reasons) -> Row:
    """Return a scenario's results, as present values with intervals."""
    return {
        "npv_reason": reasons.npv,
        "difference_reason": reasons.difference,
        "benefit_unknown_of": [
            part.feature_id
            for part in changed.parts
            if part.feature_id and not part.is_known
        ],
        "counted_features": [part.feature_id for part in changed.counted],
        **_sums("", changed, reasons, net=proven_net(changed, before)),
        **_sums("base_", before, reasons, net=before.net),
        **_differences(changed, before, reasons),
    }


def reasons_of(changed: Outcome, before: Outcome) -> Reasons:
    """Return why figures of a scenario have no value.

    Parameters
    ----------
    changed, before : Outcome
        The scenario, and the base of the comparison.
    """
    unknown = [part for part in changed.parts if part.feature_id and not part.is_known]
    told = "; ".join(f"{part.feature_id}: {_why(part)}" for part in unknown)
    benefit = None
    if float(before.cost.sum()) <= 0:
        benefit = "not computable: nothing is spent"
    elif not changed.counted:
        benefit = f"not computable: {told or 'no return of a feature counts'}"
    return Reasons(benefit, _no_gain(changed, before), _no_discount(changed, before))


def _no_discount(changed: Outcome, before: Outcome) -> str | None:
    if changed.has_discount and before.has_discount:
        return None
    text = "no approved discount rate holds, and 'discount_rate' names none"
    return f"not computable: {text}"


def _no_gain(changed: Outcome, before: Outcome) -> str | None:
    """Return why the gain of an outcome over another is unknown, if it is.

    A benefit that neither knows cancels where both have the same part of it.
    """
    why = [
        f"{name}: {_why(other if one.is_known else one)}"
        for one, other in zip(changed.parts, before.parts, strict=True)
        if (name := one.feature_id)
        and not (one.is_known and other.is_known)
        and (
            one.is_known
            or other.is_known
            or (changed.factors[name] != before.factors[name]).any()
        )
    ]
    told = "; ".join(why)
    text = f"not computable: a change acts on an unknown benefit ({told})"
    return text if why else None


def _why(part: Part) -> str:
    reason = part.case.reason if part.case else None
    return reason.text if reason else "its benefit is not known"


def _sums(prefix: str, outcome: Outcome, reasons: Reasons, *, net: Floats) -> Row:
    """Return present values of an outcome; ``net`` is by world and month."""
    row: Row = {
        **nothing(f"{prefix}cost", levels=_BOTH),
        **nothing(f"{prefix}other_cost"),
        **amount(f"{prefix}monthly_cost", outcome.cost.mean(axis=1)),
        **nothing(f"{prefix}benefit"),
        **nothing(f"{prefix}npv", levels=_BOTH),
        f"{prefix}probability_npv_positive": None,
        **_prefixed(prefix, dict.fromkeys(_PAYBACK)),
    }
    discount = outcome.discount
    if reasons.discount is None:
        row |= amount(
            f"{prefix}cost", (outcome.cost * discount).sum(axis=1), levels=_BOTH
        )
        row |= amount(f"{prefix}other_cost", (outcome.other * discount).sum(axis=1))
    if reasons.npv is None:
        present = (net * discount).sum(axis=1)
        row |= amount(f"{prefix}benefit", (outcome.benefit * discount).sum(axis=1))
        row |= amount(f"{prefix}npv", present, levels=_BOTH)
        row[f"{prefix}probability_npv_positive"] = probability_above(present)
        row |= _prefixed(prefix, payback(net * discount, for_good=True))
    return row


_PAYBACK: Final = (
    *("payback_months_p50", "payback_months_p90"),
    *("probability_never_paid_back", "payback_horizon_months"),
)


def _prefixed(prefix: str, row: Row) -> Row:
    return {f"{prefix}{name}": value for name, value in row.items()}


def _differences(changed: Outcome, before: Outcome, reasons: Reasons) -> Row:
    row: Row = {
        **nothing("cost_difference", levels=_BOTH),
        **nothing("npv_difference", levels=_BOTH),
        "probability_difference_positive": None,
        **_prefixed("difference_", dict.fromkeys(_PAYBACK)),
    }
    if reasons.discount is None:
        cost = ((changed.cost - before.cost) * changed.discount).sum(axis=1)
        row |= amount("cost_difference", cost, levels=_BOTH)
    if reasons.difference is None:
        gained = net_difference(changed, before) * changed.discount
        worth = difference(changed, before)
        row |= amount("npv_difference", worth, levels=_BOTH)
        row["probability_difference_positive"] = probability_above(worth)
        row |= _prefixed("difference_", payback(gained, for_good=True))
    return row


def months_of(changed: Outcome, before: Outcome, reasons: Reasons) -> Iterator[Row]:
    """Yield money by measure and month: of the scenario, the base, and between.

    A measure that is not known has its months without a value.
    """
    net, gained = proven_net(changed, before), net_difference(changed, before)
    discount = changed.discount
    measures = {
        "cost": changed.cost,
        "other_cost": changed.other,
        "benefit": changed.benefit,
        "net_value": net,
        "cumulative_net_value": np.cumsum(net * discount, axis=1),
        "difference": gained,
        "cumulative_difference": np.cumsum(gained * discount, axis=1),
        "base_cost": before.cost,
        "base_benefit": before.benefit,
        "base_net_value": before.net,
    }
    for measure, draws in measures.items():
        for number, month in enumerate(changed.months):
            drawn = np.broadcast_to(draws[:, number], draws.shape[0])
            yield {
                "measure": measure,
                "month": month,
                "month_number": number + 1,
                **(
                    amount("value", drawn, levels=_BOTH)
                    if reasons.has(measure)
                    else nothing("value", levels=_BOTH)
                ),
            }


def features_of(
    changed: Outcome, before: Outcome, projection: Projection
) -> Iterator[Row]:
    """Yield present values of each feature, and of cost without a feature."""
    costed = {None, *(line.feature_id for line in projection.lines)}
    costed -= projection.base.unconverted
    for part, earlier in zip(changed.parts, before.parts, strict=True):
        reason = part.case.reason if part.case else None
        yield {
            "feature_id": part.feature_id,
            "grade": part.case.grade if part.case else None,
            "counted": bool(part.case and part.case.is_counted),
            "reason": f"not computable: {reason.text}" if reason else None,
            **_cost(part, "cost", costed),
            **_other_cost(part),
            **_cost(earlier, "base_cost", costed),
            **_value(part),
            **_base_value(earlier),
        }


def _cost(part: Part, name: str, costed: Collection[str | None]) -> Row:
    """Return the present value of a part's cost, where that is known."""
    flows = part.flows
    if part.feature_id not in costed or flows.discount is None:
        return nothing(name)
    return amount(name, (flows.cost * flows.discount).sum(axis=1))


def _other_cost(part: Part) -> Row:
    """Return the present value of a part's people and one-offs."""
    flows = part.flows
    if flows.discount is None:
        return nothing("other_cost")
    return amount("other_cost", (flows.other * flows.discount).sum(axis=1))


def _value(part: Part) -> Row:
    """Return the value of a part, where that is known."""
    discount, present = part.flows.discount, part.flows.present_net
    if not part.is_known or discount is None or present is None:
        unknown = {"probability_npv_positive": None}
        return {**nothing("benefit"), **nothing("npv"), **unknown}
    return {
        **amount("benefit", (part.flows.benefit * discount).sum(axis=1)),
        **amount("npv", present),
        "probability_npv_positive": probability_above(present),
    }


def _base_value(part: Part) -> Row:
    present = part.flows.present_net
    if not part.is_known or present is None:
        return nothing("base_npv")
    return amount("base_npv", present)
