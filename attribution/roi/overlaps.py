"""Overlapping claims on an outcome in the same days and units, in money.

Each alone may be right, and their sum wrong: the outcome moved once. The ledger of
effects (:mod:`attribution.causal.ledger`) gives the excess of the claims, by money.
Here the excess is valued as the claims are, and listed; the sum of returns is reduced
by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal import ledger
from attribution.causal.grade import LETTERS
from attribution.roi.persistence import faded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.arrays import Floats
    from attribution.roi.claims import Claim
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.flows import Terms, ValuedClaim
    from attribution.roi.worlds import Worlds


@dataclass(frozen=True, eq=False, slots=True)
class Excess:
    """Excess of a claim: ``effects`` by world and month of the claim."""

    feature_id: str
    valued: ValuedClaim
    terms: Terms
    effects: Floats

    def money(self, worlds: Worlds) -> Floats:
        """Return its worth, moved by the same drivers as the benefit."""
        claimed = self.effects * self.valued.worth_of_one(worlds)
        worth = faded(claimed, self.valued.claim, worlds)
        return np.asarray(worth * self._of_claim(self.terms.driven_by(worlds)))

    def total(self, worlds: Worlds, weights: Floats | None = None) -> Floats:
        """Return all of it by world; ``weights`` are by world and month of terms."""
        money = self.money(worlds)
        if weights is not None:
            money = money * self._of_claim(weights)
        return np.asarray(money.sum(axis=1))

    def _of_claim(self, by_month: Floats) -> Floats:
        places = [self.terms.months.index(month) for month in self.valued.claim.months]
        return np.asarray(by_month[:, places])


@dataclass(frozen=True, eq=False, slots=True)
class Overlap:
    """Excess of the counted features' claims on an outcome.

    Attributes
    ----------
    by_month, cash_by_month : dict of str to ndarray
        Money that is claimed twice, by month and world, and the part of it that shows
        in the books.
    excesses : tuple of Excess
        Amount that each claim gives up, to date.
    """

    outcome: str
    feature_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    by_month: dict[str, Floats]
    cash_by_month: dict[str, Floats]
    excesses: tuple[Excess, ...] = ()

    def draws(self, month: str | None) -> Floats:
        """Return the money of a month, or of all, by world."""
        return _of_month(self.by_month, month)

    def cash_draws(self, month: str | None) -> Floats:
        """Return the part of it that shows in the books."""
        return _of_month(self.cash_by_month, month)

    def until(self, month: str) -> Overlap:
        """Return the amount claimed twice up to a month."""
        kept = [
            {past: money for past, money in by_month.items() if past <= month}
            for by_month in (self.by_month, self.cash_by_month)
        ]
        return replace(self, by_month=kept[0], cash_by_month=kept[1])


def _of_month(by_month: dict[str, Floats], month: str | None) -> Floats:
    if month is not None:
        return by_month.get(month, np.zeros(1))
    return np.asarray(sum(by_month.values(), np.zeros(1)))


def overlaps_of(features: Sequence[FeatureReturn], worlds: Worlds) -> Iterator[Overlap]:
    """Yield the overlaps between features that count, by outcome."""
    by_outcome: dict[str, list[tuple[ValuedClaim, Terms]]] = {}
    for feature in features:
        terms = feature.case.terms
        if terms is None or not feature.case.is_counted:
            continue
        for valued in feature.case.claims:
            by_outcome.setdefault(valued.claim.outcome, []).append((valued, terms))
    for outcome, claims in sorted(by_outcome.items()):
        if len({valued.claim.feature_id for valued, _ in claims}) > 1:
            yield from _of_outcome(outcome, claims, worlds)


def _of_outcome(
    outcome: str, claims: Sequence[tuple[ValuedClaim, Terms]], worlds: Worlds
) -> Iterator[Overlap]:
    worths = [valued.worth_of_one(worlds).mean(axis=0) for valued, _ in claims]
    settled = settled_by_ledger([valued.claim for valued, _ in claims], worths)
    if not settled.overlaps:
        return
    by_month: dict[str, Floats] = {}
    cash_by_month: dict[str, Floats] = {}
    excesses = tuple(_excess(valued, terms, settled) for valued, terms in claims)
    for excess in excesses:
        money = excess.money(worlds)
        cash = np.where(excess.valued.is_in_books, money, 0.0)
        for total, drawn in ((by_month, money), (cash_by_month, cash)):
            for number, month in enumerate(excess.valued.claim.months):
                total[month] = total.get(month, np.zeros(1)) + drawn[:, number]
    studies = {name for overlap in settled.overlaps for name in overlap.study_ids}
    shared = [v.claim for v, _ in claims if v.claim.study_id in studies]
    names = sorted({claim.feature_id for claim in shared})
    yield Overlap(
        outcome,
        tuple(names),
        tuple(sorted(studies)),
        by_month,
        cash_by_month,
        excesses,
    )


def _excess(valued: ValuedClaim, terms: Terms, settled: ledger.Ledger) -> Excess:
    claim = valued.claim
    gone = without_bounds(claim.effects) - settled.draws_of(claim.study_id)
    return Excess(claim.feature_id, valued, terms, gone)


def settled_by_ledger(
    claims: Sequence[Claim], worths: Sequence[Floats]
) -> ledger.Ledger:
    """Return the remainder of each claim; shared units and days are counted once.

    Parameters
    ----------
    claims : sequence of Claim
        Claims on an outcome.
    worths : sequence of ndarray
        Mean money of an extra unit of the outcome, by month of each claim.
    """
    everywhere = frozenset({""}).union(*(claim.units for claim in claims))
    return ledger.ledger_of(
        [
            ledger.Claim(
                claim.study_id,
                claim.outcome,
                claim.units or everywhere,
                claim.periods,
                without_bounds(claim.effects),
                worth=worth,
                rank=LETTERS.index(claim.grade),
            )
            for claim, worth in zip(claims, worths, strict=True)
        ]
    )


def without_bounds(effects: Floats) -> Floats:
    """Return effects in which nothing is subtracted where no bound is known."""
    return np.where(np.isfinite(effects), effects, 0.0)
