"""Value of a feature in a month now, after its effect was last measured.

An effect is *measured* in the months of its study and *last measured* after them, by
the rule of :mod:`attribution.roi.persistence`. After twelve months without a new
measurement it is *unknown*, and there is no run rate. A later study of the same outcome
and units measures it again, and replaces the earlier measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.carrying import carried_on, newest
from attribution.roi.overlaps import settled_by_ledger, without_bounds
from attribution.roi.persistence import FADE_MONTHS, months_apart
from attribution.roi.reading import amount, nothing
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats
    from attribution.roi.claims import Claim
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.flows import Flows, ValuedClaim
    from attribution.roi.overlaps import Overlap
    from attribution.roi.worlds import Worlds

    Row = dict[str, Any]

MEASURED: Final = "measured"
LAST_MEASURED: Final = "last_measured"
UNKNOWN: Final = "unknown"
STOPPED: Final = "stopped"


@dataclass(frozen=True, eq=False, slots=True)
class RunRate:
    """Money of a feature in a single month.

    Attributes
    ----------
    month : str
        The month, ``YYYY-MM``.
    status : {"measured", "last_measured", "unknown", "stopped"}
        State of knowledge on its effect there; stopped: nothing was spent on it any
        more.
    net : ndarray, shape (worlds,), or None
        Benefit less the cost of the change; ``None`` where the effect is unknown or
        stopped, or a part of the cost is not known.
    """

    month: str
    status: str
    net: Floats | None = None

    @property
    def columns(self) -> Row:
        """The columns of a feature's row."""
        figures = nothing("run_rate_net")
        if self.net is not None:
            figures = amount("run_rate_net", self.net)
        return {"run_rate_month": self.month, "effect_status": self.status, **figures}


def no_run_rate() -> Row:
    """Return the columns of a row that has no run rate."""
    return {
        "run_rate_month": None,
        "effect_status": None,
        **nothing("run_rate_net"),
    }


def run_rate_of(
    feature_return: FeatureReturn, month: str, worlds: Worlds
) -> RunRate | None:
    """Return a feature's run rate; ``None`` where nothing was measured by then.

    Parameters
    ----------
    feature_return : FeatureReturn
        The feature.
    month : str
        A whole month, ``YYYY-MM``: later months are not looked at.
    worlds : Worlds
        Draws of its valuation, and of the extent to which it has faded.
    """
    terms = feature_return.case.terms
    claims = _claims_now(feature_return, month)
    if terms is None or not claims:
        return None
    ages = [months_apart(claim.claim.months[-1], month) for claim in claims]
    if max(ages) > FADE_MONTHS:
        return RunRate(month, UNKNOWN)
    spent = _spent_in(month, feature_return.flows, feature_return.since)
    if spent is None:
        return RunRate(month, STOPPED)
    parts = [carried_on(one, (month,)).benefit(worlds)[:, 0] for one in claims]
    net = np.sum(parts, axis=0) * terms.driven_in(month, worlds) - spent
    status = MEASURED if max(ages) <= 0 else LAST_MEASURED
    return RunRate(month, status, None if np.isnan(net).any() else net)


def _claims_now(feature_return: FeatureReturn, month: str) -> list[ValuedClaim]:
    return newest([v for v in feature_return.case.claims if v.claim.months[0] <= month])


def _spent_in(month: str, *parts: Flows | None) -> Floats | None:
    """Return the cost of the change in a month; ``None`` where nothing was spent."""
    for flows in parts:
        if flows is not None and month in flows.months:
            place = flows.months.index(month)
            if not (flows.cost[:, place] + flows.other[:, place]).any():
                return None
            return flows.spent[:, place]
    return None


def portfolio_columns(
    counted: Sequence[FeatureReturn],
    overlaps: Sequence[Overlap],
    month: str | None,
    worlds: Worlds,
) -> Row:
    """Return the joint run rate of counted features, and how many have it.

    Parameters
    ----------
    counted : sequence of FeatureReturn
        Features that the headline counts.
    overlaps : sequence of Overlap
        Joint claims of several of them on the same outcome: so do those that have a run
        rate.
    month : str or None
        The month; without a month there is no run rate.
    worlds : Worlds
        As for each of them.
    """
    rates = (
        [] if month is None else [(f, run_rate_of(f, month, worlds)) for f in counted]
    )
    nets = [(f, r.net) for f, r in rates if r is not None and r.net is not None]
    unknown = sum(rate is not None and rate.net is None for _, rate in rates)
    row: Row = {
        "run_rate_month": month if nets else None,
        "run_rate_feature_count": len(nets),
        "run_rate_unknown_feature_count": unknown,
        **nothing("run_rate_net"),
    }
    if not nets or month is None:
        return row
    known = [feature_return for feature_return, _ in nets]
    together = np.sum([net for _, net in nets], axis=0)
    for overlap in overlaps:
        if overlap.by_month:
            together = together - claimed_twice(overlap, known, month, worlds)
    return {**row, **amount("run_rate_net", together)}


def claimed_twice(
    overlap: Overlap, known: Sequence[FeatureReturn], month: str, worlds: Worlds
) -> Floats:
    """Return the excess of run rates on an outcome, by the ledger's rule."""
    claims: list[Claim] = []
    worths: list[Floats] = []
    for feature_return in known:
        terms = feature_return.case.terms
        for valued in _claims_now(feature_return, month):
            if terms is not None and valued.claim.study_id in overlap.study_ids:
                claim, worth = _claim_of(valued, month, worlds)
                claims.append(claim)
                worths.append(worth * terms.driven_in(month, worlds))
    settled = settled_by_ledger(claims, [worth.mean(keepdims=True) for worth in worths])
    twice = np.zeros(WORLD_COUNT)
    for claim, worth in zip(claims, worths, strict=True):
        left = settled.draws_of(claim.study_id)
        twice += (without_bounds(claim.effects) - left)[:, 0] * worth
    return twice


def _claim_of(valued: ValuedClaim, month: str, worlds: Worlds) -> tuple[Claim, Floats]:
    """Return a run rate's claim on a whole month, and its unit value."""
    on = carried_on(valued, (month,))
    worth = on.worth_of_one(worlds)
    with np.errstate(divide="ignore", invalid="ignore"):
        effects = on.benefit(worlds) / worth
    return replace(on.claim, effects=effects, ages=()), worth[:, 0]
