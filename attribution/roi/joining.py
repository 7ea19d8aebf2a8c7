"""Rule for counting claims of a feature on the same change.

Claims overlap where they share outcome, units and days; nothing else is looked at,
neither names nor the order of files. A part covered by only a single claim is counted
from it. A part covered by several is counted once: from the claim with the better
grade, and among equal grades from the claim with the least money per unit and day. So
no further plan of the same change (a copy, a split, another set of controls) can raise
the amount counted; only stronger evidence can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.grade import LETTERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from attribution.roi.flows import ValuedClaim

#: Part of a claim below which nothing of it is left.
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class JoinedClaim:
    """Claim, and the part of it that is counted.

    Attributes
    ----------
    valued : ValuedClaim
        Its effects are those that are counted: of units and days that no stronger or
        smaller claim speaks of.
    counted_ratio : float
        Counted part of its units and days.
    counted_from : tuple of str
        Studies that the rest is counted from, in order of their strength.
    is_superseded : bool
        True if any of them has a better grade.
    """

    valued: ValuedClaim
    counted_ratio: float = 1.0
    counted_from: tuple[str, ...] = ()
    is_superseded: bool = False

    @property
    def is_counted(self) -> bool:
        """Return True if any part of it is left."""
        return self.counted_ratio > _NOTHING


def joined(claims: Sequence[ValuedClaim]) -> list[JoinedClaim]:
    """Return the claims of a feature, each with its counted part.

    Parameters
    ----------
    claims : sequence of ValuedClaim
        In any order, of any outcomes; that order decides nothing.

    Notes
    -----
    Within a month a claim is taken to be the same on each of its units and days.
    """
    everywhere = frozenset({""}).union(*(claim.claim.units for claim in claims))
    order = sorted(claims, key=lambda claim: _strength(claim, everywhere))
    joined_claims: list[JoinedClaim] = []
    for position, valued in enumerate(order):
        before = [
            one for one in order[:position] if one.claim.outcome == valued.claim.outcome
        ]
        joined_claims.append(_left_of(valued, before, everywhere))
    return joined_claims


def _strength(
    valued: ValuedClaim, everywhere: frozenset[str]
) -> tuple[int, float, str, str]:
    claim = valued.claim
    # Of two identical claims, the choice of the counted claim changes no figure.
    density = _money(valued) / _size(valued, everywhere)
    return LETTERS.index(claim.grade), density, claim.evidence, claim.study_id


def _money(valued: ValuedClaim) -> float:
    """Return the mean effect at the assumed values, over the draws with a bound."""
    effects = valued.claim.effects
    known = effects[np.isfinite(effects).all(axis=1)]
    worth = np.array(
        [conversion.value * conversion.sign for conversion in valued.conversions]
    )
    if valued.margins:
        worth = worth * np.array([margin.value for margin in valued.margins])
    return float((known.mean(axis=0) * worth).sum()) if len(known) else 0.0


def _size(valued: ValuedClaim, everywhere: frozenset[str]) -> float:
    days = sum((end - first).days for first, end in valued.claim.periods)
    return max(days, 1) * len(valued.claim.units or everywhere)


def _left_of(
    valued: ValuedClaim, before: Sequence[ValuedClaim], everywhere: frozenset[str]
) -> JoinedClaim:
    """Return the part that no earlier claim covers."""
    claim = valued.claim
    sharing = [
        valued_claim
        for valued_claim in before
        if _shared(valued, valued_claim, everywhere)
    ]
    if not sharing:
        return JoinedClaim(valued)
    parts = np.array(
        [_free_part(valued, period, sharing, everywhere) for period in claim.periods]
    )
    days = np.array([(end - first).days for first, end in claim.periods], dtype=float)
    with np.errstate(invalid="ignore"):
        left = np.where(parts > _NOTHING, claim.effects * parts, 0.0)
    return JoinedClaim(
        replace(valued, claim=replace(claim, effects=left)),
        float((parts * days).sum() / days.sum()),
        tuple(valued_claim.claim.study_id for valued_claim in sharing),
        is_superseded=any(
            LETTERS.index(valued_claim.claim.grade) < LETTERS.index(claim.grade)
            for valued_claim in sharing
        ),
    )


def _shared(a: ValuedClaim, b: ValuedClaim, everywhere: frozenset[str]) -> bool:
    units = (a.claim.units or everywhere) & (b.claim.units or everywhere)
    return bool(units) and any(
        first < end and start < last
        for first, last in a.claim.periods
        for start, end in b.claim.periods
    )


def _free_part(
    valued: ValuedClaim,
    period: tuple[date, date],
    sharing: Sequence[ValuedClaim],
    everywhere: frozenset[str],
) -> float:
    """Return the part of a period's units and days that none of others speaks of."""
    first, last = period
    units = valued.claim.units or everywhere
    spans = [
        (max(start, first), min(end, last), (claim.claim.units or everywhere) & units)
        for claim in sharing
        for start, end in claim.claim.periods
        if start < last and first < end
    ]
    edges = sorted({first, last, *(edge for span in spans for edge in span[:2])})
    free = 0.0
    for start, end in pairwise(edges):
        taken = frozenset[str]().union(
            *(shared for a, b, shared in spans if a <= start and end <= b)
        )
        free += (end - start).days * (1.0 - len(taken) / len(units))
    return free / (last - first).days
