"""Claims carried past their study, at their last measured worth.

Of several studies of the same units the last counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.roi.persistence import FADE_MONTHS, carried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.roi.baseline import Costs
    from attribution.roi.claims import Claim
    from attribution.roi.flows import ValuedClaim


def newest(claims: Sequence[ValuedClaim]) -> list[ValuedClaim]:
    """Return the newest claims: older studies of the same units are replaced."""

    def is_replaced(one: ValuedClaim) -> bool:
        return any(
            other.claim.outcome == one.claim.outcome
            and other.claim.months[-1] > one.claim.months[-1]
            and _share_units(one.claim, other.claim)
            for other in claims
        )

    return [claim for claim in claims if not is_replaced(claim)]


def _share_units(claim: Claim, other: Claim) -> bool:
    """Return whether two claims are about a common unit; no units: all there are."""
    return not claim.units or not other.units or bool(claim.units & other.units)


def carried_on(valued: ValuedClaim, months: Sequence[str]) -> ValuedClaim:
    """Return a claim carried into some months, at its last measured worth."""
    claim, place = carried(valued.claim, months)
    return replace(
        valued,
        claim=claim,
        conversions=valued.conversions[place : place + 1] * len(months),
        margins=valued.margins[place : place + 1] * len(months),
    )


def carried_while_it_runs(
    claims: Sequence[ValuedClaim], costs: Costs, since: tuple[str, ...]
) -> tuple[ValuedClaim, ...]:
    """Return the effect after the window, while the change runs."""
    carried_claims = []
    for valued in newest(claims):
        claim = carried_on(valued, since)
        is_known = np.array(
            [
                age <= FADE_MONTHS and costs.in_month(month) != 0
                for age, month in zip(claim.claim.ages, since, strict=True)
            ]
        )
        effects = np.where(is_known, claim.claim.effects, 0.0)
        carried_claims.append(
            replace(claim, claim=replace(claim.claim, effects=effects))
        )
    return tuple(carried_claims)
