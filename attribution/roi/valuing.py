"""Select the claims and values of a feature's return, with reasons.

The claims that may be counted come first: of grade A or B, valued by approved
assumptions alone. Where there is such a claim, nothing else enters the figure. Where
there is none, the other claims are shown beside the headline.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.causal.grade import LETTERS
from attribution.roi.baseline import REPLACED_COST, Baseline, Costs, baseline_of
from attribution.roi.carrying import carried_while_it_runs
from attribution.roi.claims import INTERIM, WITHDRAWN
from attribution.roi.flows import Terms, ValuedClaim
from attribution.roi.joining import JoinedClaim, joined
from attribution.roi.register import months_between, singular
from attribution.roi.worlds import Worlds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.roi.claims import Claim
    from attribution.roi.register import Assumed, Register

#: Characters of a basis: enough to distinguish any two.
_BASIS_LENGTH: Final = 16
#: The level at which an assumption has its assumed value.
_MEDIAN: Final = 0.5
#: Unit of outcomes without a unit; the conversion defines it.
_NO_UNIT: Final = "ratio"


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason that there is no figure, or that it is not counted."""

    code: str
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """Known facts of a feature, ready to be drawn.

    Attributes
    ----------
    months : tuple of str
        The window: the months that its effect was measured in, or all with cost where
        none was; empty where neither is known.
    terms : Terms or None
        Of the window. ``None`` where the return cannot be computed, for ``reason``.
    claims : tuple of ValuedClaim
        Claims that make its benefit.
    grade : str
        Lowest of its claims; X where there is none.
    is_counted : bool
        True if it enters the headline.
    not_counted : Reason or None
        Reason that it does not.
    left_out : tuple of str
        Claims and costs that do not enter, each with why.
    refused : Claim or None
        The inconclusive study, where there is no other.
    break_even : float or None
        The total effect on its outcome that would pay for its cost.
    joined : tuple of JoinedClaim
        Every claim that was a candidate, with the part of it that is counted.
    before, since : Terms or None
        Spending before the window to make the change, which is the investment, and
        money after it, with the effect carried by the rule of persistence.
    baseline : Baseline
        Costs that it replaced.
    """

    feature_id: str
    months: tuple[str, ...]
    claims: tuple[ValuedClaim, ...]
    terms: Terms | None
    grade: str
    is_counted: bool
    reason: Reason | None = None
    not_counted: Reason | None = None
    left_out: tuple[str, ...] = ()
    refused: Claim | None = None
    break_even: float | None = None
    before: Terms | None = None
    since: Terms | None = None
    joined: tuple[JoinedClaim, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)

    @property
    def basis(self) -> str | None:
        """A text that differs whenever the benefit would be made of something else.

        A validation is of a benefit with a single basis; it holds for no other.
        """
        parts = sorted(valued.basis for valued in self.claims)
        text = repr(parts).encode()
        return hashlib.sha256(text).hexdigest()[:_BASIS_LENGTH] if parts else None


def case_of(
    feature_id: str,
    claims: Sequence[Claim],
    costs: Costs,
    register: Register,
    *,
    baseline: Baseline | None = None,
) -> Case:
    """Return the components of a feature's return, or why it has none.

    Parameters
    ----------
    feature_id : str
        The feature.
    claims : sequence of Claim
        All claims of studies on it.
    costs : Costs
        Its costs.
    register : Register
        All assumptions.
    baseline : Baseline, optional
        Costs that it replaced, where ``costs`` do not go back to its launch.
    """
    candidates, is_countable, left_out = _candidates(claims, register)
    chosen = tuple(candidate.valued for candidate in candidates if candidate.is_counted)
    months = _window(chosen, costs)
    left_out += _costs_left_out(feature_id, costs, register)
    refused = next((claim for claim in claims if not claim.is_estimated), None)
    reason = _no_benefit(claims, register) if not chosen else _no_cost(months, costs)
    if baseline is None:
        # Without a claim nothing is known to be a change, so nothing was replaced.
        is_change = chosen and months
        baseline = (
            baseline_of(feature_id, costs, months[0], register)
            if is_change
            else Baseline()
        )
    known = _Known(feature_id, costs, register, baseline)
    before, since = _months_apart(chosen, known, months) if not reason else ((), ())
    return Case(
        feature_id,
        months,
        claims=chosen,
        terms=None if reason else known.terms(chosen, months),
        grade=_grade(chosen),
        is_counted=is_countable and reason is None,
        reason=reason,
        not_counted=None if is_countable else _not_counted(chosen, reason),
        left_out=tuple(left_out),
        refused=refused if not chosen else None,
        break_even=None
        if chosen or refused is None or _no_cost(months, costs)
        else _break_even(refused, costs, months, register),
        before=known.investment(before) if before else None,
        since=known.terms(carried_while_it_runs(chosen, costs, since), since)
        if since
        else None,
        joined=candidates,
        baseline=baseline,
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Known:
    """Known costs of a feature."""

    feature_id: str
    costs: Costs
    register: Register
    baseline: Baseline

    def terms(self, claims: tuple[ValuedClaim, ...], months: tuple[str, ...]) -> Terms:
        """Return the terms of some months from the launch on."""
        terms = terms_of(self.feature_id, claims, self.costs, months, self.register)
        # Replaced costs are saved only while the change runs.
        return replace(terms, baseline=self.baseline, is_running=terms.cost != 0)

    def investment(self, months: tuple[str, ...]) -> Terms:
        """Return the terms of months before the launch: cost of the change."""
        invested = [self.baseline.invested(self.costs, month) for month in months]
        terms = terms_of(self.feature_id, (), self.costs, months, self.register)
        return replace(terms, cost=np.array(invested))


def _break_even(
    refused: Claim, costs: Costs, months: Sequence[str], register: Register
) -> float | None:
    """Return the break-even of an inconclusive study; no causal claim.

    It pays for all cost, people and integration too, at the assumed values.
    """
    conversion = _holding("conversion", refused, months[-1], register)
    if conversion is None:
        return None
    worth = conversion.value * conversion.sign
    if conversion.takes_margin:
        margin = _holding("margin", refused, months[-1], register)
        worth *= margin.value if margin else 0.0
    terms = terms_of(refused.feature_id, (), costs, tuple(months), register)
    as_assumed = Worlds(levels={entry.id: _MEDIAN for entry in terms.assumed})
    flows = terms.flows(as_assumed)
    spent = float((flows.cost + flows.other).sum(axis=1)[0])
    return spent / worth if worth else None


def _grade(claims: Sequence[ValuedClaim]) -> str:
    letters = [valued.claim.grade for valued in claims]
    return max(letters, key=LETTERS.index, default="X")


def _candidates(
    claims: Sequence[Claim], register: Register
) -> tuple[tuple[JoinedClaim, ...], bool, list[str]]:
    """Return the claims to use, if they count, and the claims left out."""
    left_out = [
        f"{one.study_id}: {_why_unknown(one)}" for one in claims if not one.is_estimated
    ]
    may_count: list[ValuedClaim] = []
    listed: list[ValuedClaim] = []
    for claim in (one for one in claims if one.is_estimated):
        valued = valued_by(claim, register)
        if isinstance(valued, Reason):
            left_out.append(f"{claim.study_id}: {valued.text}")
        elif claim.may_count and not valued.unapproved:
            may_count.append(valued)
        else:
            listed.append(valued)
    candidates = joined(may_count or listed)
    left_out += [text for candidate in candidates if (text := _shared_with(candidate))]
    if may_count:
        left_out += [f"{v.claim.study_id}: {_why_not_counted(v).text}" for v in listed]
    return tuple(candidates), bool(may_count), left_out


def _shared_with(joined_claim: JoinedClaim) -> str:
    """Return a note on the part of a claim counted from others, or nothing."""
    if not joined_claim.counted_from:
        return ""
    others = ", ".join(joined_claim.counted_from)
    better = (
        "with better evidence" if joined_claim.is_superseded else "which claims less"
    )
    return (
        f"{joined_claim.valued.claim.study_id}: {1 - joined_claim.counted_ratio:.0%}"
        f" of its units and days are counted from {others}, {better}"
    )


def valued_by(claim: Claim, register: Register) -> ValuedClaim | Reason:
    """Return a claim with each month's valuation, or the missing part."""
    conversions: list[Assumed] = []
    margins: list[Assumed] = []
    for month in claim.months:
        conversion = _holding("conversion", claim, month, register)
        if conversion is None:
            text = f"no conversion of {claim.outcome} to money holds in {month}"
            return Reason("conversion_missing", text)
        if (reason := _misfit(claim, conversion)) is not None:
            return reason
        conversions.append(conversion)
        if conversion.takes_margin:
            margin = _holding("margin", claim, month, register)
            if margin is None:
                text = f"no margin holds for {claim.outcome} in {month}"
                return Reason("margin_missing", text)
            margins.append(margin)
    if margins and len(margins) < len(conversions):
        text = f"{claim.outcome} takes a margin in some of its months only"
        return Reason("margin_missing", text)
    return ValuedClaim(claim, tuple(conversions), tuple(margins))


def _misfit(claim: Claim, conversion: Assumed) -> Reason | None:
    """Return the mismatch of a conversion with the plan's unit or opinion."""
    unit = claim.outcome_unit
    if unit and unit != _NO_UNIT and singular(unit) != conversion.per:
        text = f"{claim.outcome} is in {unit}, and {conversion.id} in {conversion.unit}"
        return Reason("unit_mismatch", text)
    if claim.better not in {None, conversion.better}:
        text = f"{conversion.id} says that {conversion.better} of {claim.outcome} is"
        return Reason("direction_contradicted", f"{text} better, its plan the opposite")
    return None


def _holding(kind: str, claim: Claim, month: str, register: Register) -> Assumed | None:
    return register.one(
        kind, feature_id=claim.feature_id, metric=claim.outcome, month=month
    )


def _why_not_counted(valued: ValuedClaim) -> Reason:
    claim = valued.claim
    if claim.standing == WITHDRAWN:
        return Reason("withdrawn", "withdrawn and approved")
    if not claim.may_count:
        return Reason("grade_not_counted", f"grade {claim.grade}")
    names = ", ".join(valued.unapproved)
    return Reason("assumption_not_approved", f"nobody approved {names}")


def _not_counted(chosen: Sequence[ValuedClaim], reason: Reason | None) -> Reason | None:
    return reason if not chosen else _why_not_counted(chosen[0])


def _no_benefit(claims: Sequence[Claim], register: Register) -> Reason:
    if not claims:
        return Reason("effect_unknown", "no study asks what it changed")
    unvalued = [
        reason
        for claim in claims
        if claim.is_estimated
        and isinstance(reason := valued_by(claim, register), Reason)
    ]
    if unvalued:
        return unvalued[0]
    still_open = [claim.study_id for claim in claims if claim.standing == INTERIM]
    if still_open:
        names = ", ".join(still_open)
        text = f"{names}: open until its registered end, neither gain nor loss before"
        return Reason("interim", text)
    told = "; ".join(
        f"{claim.study_id} cannot tell ({_why_unknown(claim)})" for claim in claims
    )
    return Reason("effect_refused", told)


def _why_unknown(claim: Claim) -> str:
    return claim.refusal_code or (
        INTERIM if claim.standing == INTERIM else claim.status
    )


def _window(claims: Sequence[ValuedClaim], costs: Costs) -> tuple[str, ...]:
    """Return the measured months, or all with cost without a claim.

    Benefit and every cost are those of the same months. A month that a study saw in
    part has its whole cost.
    """
    measured = [month for claim in claims for month in claim.claim.months]
    months = measured or list(costs.by_month)
    return months_between(min(months), max(months)) if months else ()


def _months_apart(
    claims: Sequence[ValuedClaim], known: _Known, window: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the months with cost before the window, and those after it.

    Hours that were booked and integrations that were paid may be older than the first
    bill. Amounts written off later than the last bill are not spent yet.
    """
    if not claims:
        return (), ()
    spent = {*known.costs.by_month, *known.costs.hours}
    built = known.register.approved("integration", feature_id=known.feature_id)
    first = min(
        {*spent, *(one.valid_from.strftime("%Y-%m") for one in built)} | {window[0]}
    )
    last = max(spent | {window[-1]})
    months = months_between(first, last)
    return (
        tuple(month for month in months if month < window[0]),
        tuple(month for month in months if month > window[-1]),
    )


def _no_cost(months: Sequence[str], costs: Costs) -> Reason | None:
    known = [costs.by_month[month] for month in months if month in costs.by_month]
    if not known:
        return Reason("cost_unknown", "no cost of its models is known")
    if any(amount is None for amount in known):
        text = "a part of its cost has no amount in the reporting currency"
        return Reason("cost_unknown", text)
    return None


def terms_of(
    feature_id: str,
    claims: tuple[ValuedClaim, ...],
    costs: Costs,
    months: tuple[str, ...],
    register: Register,
) -> Terms:
    """Return the terms of a return with known benefit and cost.

    Only approved assumptions enter the cost, the rates, and the factors of both sides.
    """

    def holding(kind: str) -> tuple[Assumed | None, ...]:
        return tuple(
            register.one(kind, feature_id=feature_id, month=month, approved_only=True)
            for month in months
        )

    return Terms(
        months,
        claims=claims,
        cost=np.array([costs.in_month(month) for month in months]),
        hours=np.array([costs.hours.get(month, 0.0) for month in months]),
        labour=holding("labour"),
        integrations=register.approved("integration", feature_id=feature_id),
        drivers=register.approved("driver", feature_id=feature_id),
        discounts=holding("discount_rate"),
        hurdles=holding("hurdle_rate"),
    )


def _costs_left_out(feature_id: str, costs: Costs, register: Register) -> list[str]:
    costs_left_out = [
        f"{entry.id}: a {entry.kind} that nobody approved"
        for entry in register.entries
        if entry.kind in {"integration", "labour", "driver", REPLACED_COST}
        and entry.feature_id == feature_id
        and not entry.is_approved
    ]
    labour = register.approved("labour", feature_id=feature_id)
    if costs.has_hidden_hours:
        costs_left_out.append("people: hours of too few people to be shown")
    if not costs.hours and not costs.has_hidden_hours:
        costs_left_out.append("people: no hours are booked on it")
    if costs.hours and not labour:
        hours = sum(costs.hours.values())
        costs_left_out.append(f"people: {hours:,.0f} h without an approved rate")
    return costs_left_out
