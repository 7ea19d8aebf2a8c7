"""What features claim of one outcome in the same days and units, in money.

Each alone may be right, and their sum wrong: the outcome moved once. The ledger of
effects (:mod:`attribution.causal.ledger`) says how much of the claims is too much, draw
by draw. Here that is valued as the claims are, and listed; the sum of returns has less
of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.arrays import Floats
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.flows import ValuedClaim
    from attribution.roi.worlds import Worlds


@dataclass(frozen=True, eq=False, slots=True)
class Overlap:
    """What the counted features claim too much of one outcome.

    Attributes
    ----------
    by_month : dict of str to ndarray
        Money that is claimed twice, by month and world.
    """

    outcome: str
    feature_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    by_month: dict[str, Floats]

    def draws(self, month: str | None) -> Floats:
        """Return the money of a month, or of all, by world."""
        if month is not None:
            return self.by_month.get(month, np.zeros(1))
        return np.asarray(sum(self.by_month.values(), np.zeros(1)))

    def until(self, month: str) -> Overlap:
        """Return what was claimed twice up to a month."""
        kept = {one: money for one, money in self.by_month.items() if one <= month}
        return replace(self, by_month=kept)


def overlaps_of(features: Sequence[FeatureReturn], worlds: Worlds) -> Iterator[Overlap]:
    """Yield the overlaps between features that count, by outcome."""
    by_outcome: dict[str, list[ValuedClaim]] = {}
    for feature in features:
        for valued in feature.case.claims if feature.case.is_counted else ():
            by_outcome.setdefault(valued.claim.outcome, []).append(valued)
    for outcome, claims in sorted(by_outcome.items()):
        if len({valued.claim.feature_id for valued in claims}) > 1:
            yield from _of_outcome(outcome, claims, worlds)


def _of_outcome(
    outcome: str, claims: Sequence[ValuedClaim], worlds: Worlds
) -> Iterator[Overlap]:
    everywhere = frozenset({""}).union(*(valued.claim.units for valued in claims))
    settled = ledger.ledger_of([_claim(valued, everywhere) for valued in claims])
    if not settled.overlaps:
        return
    by_month: dict[str, Floats] = {}
    for valued in claims:
        claim = valued.claim
        gone = _finite(claim.effects) - settled.draws_of(claim.study_id)
        money = gone * valued.worth_of_one(worlds)
        for number, month in enumerate(claim.months):
            by_month[month] = by_month.get(month, np.zeros(1)) + money[:, number]
    studies = {name for overlap in settled.overlaps for name in overlap.study_ids}
    shared = [v.claim for v in claims if v.claim.study_id in studies]
    names = sorted({claim.feature_id for claim in shared})
    yield Overlap(outcome, tuple(names), tuple(sorted(studies)), by_month)


def _claim(valued: ValuedClaim, everywhere: frozenset[str]) -> ledger.Claim:
    claim = valued.claim
    return ledger.Claim(
        claim.study_id,
        claim.outcome,
        claim.units or everywhere,
        claim.periods,
        _finite(claim.effects),
    )


def _finite(effects: Floats) -> Floats:
    """Return effects in which nothing is subtracted where no bound is known."""
    return np.where(np.isfinite(effects), effects, 0.0)
