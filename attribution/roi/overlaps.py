"""What two features claim of one outcome in the same months and units.

Each alone may be right, and their sum wrong: the outcome moved once. Such claims belong
into one joint study. Where none was made, the smaller of the two is subtracted from the
sum, world by world, and the pair is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.flows import Flows, ValuedClaim

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Overlap:
    """Two counted features' claims on the same rectangle.

    Attributes
    ----------
    by_month : dict of str to ndarray
        Money that is claimed twice, by month and world.
    """

    outcome: str
    first_feature: str
    second_feature: str
    by_month: dict[str, Floats]

    def draws(self, month: str | None) -> Floats:
        """Return the money of a month, or of all, by world."""
        if month is not None:
            return self.by_month.get(month, np.zeros(1))
        return np.asarray(sum(self.by_month.values(), np.zeros(1)))


def overlaps_of(features: Sequence[FeatureReturn]) -> Iterator[Overlap]:
    """Yield the overlaps between features that count."""
    counted = [one for one in features if one.case.is_counted and one.flows]
    for first, second in combinations(counted, 2):
        for one in first.case.claims:
            for other in second.case.claims:
                if one.claim.outcome == other.claim.outcome and _meet(one, other):
                    yield _overlap(first, second, one, other)


def _meet(one: ValuedClaim, other: ValuedClaim) -> bool:
    units, others = one.claim.units, other.claim.units
    meets = not units or not others or bool(units & others)
    return meets and bool(set(one.claim.months) & set(other.claim.months))


def _overlap(
    first: FeatureReturn, second: FeatureReturn, one: ValuedClaim, other: ValuedClaim
) -> Overlap:
    months = sorted(set(one.claim.months) & set(other.claim.months))
    return Overlap(
        one.claim.outcome,
        first.case.feature_id,
        second.case.feature_id,
        {
            month: _twice(_benefit(first.flows, month), _benefit(second.flows, month))
            for month in months
        },
    )


def _benefit(flows: Flows | None, month: str) -> Floats:
    assert flows is not None  # noqa: S101  (only features with flows are compared)
    return flows.benefit[:, flows.months.index(month)]


def _twice(one: Floats, other: Floats) -> Floats:
    """Return what both claim of the same gain, or of the same loss."""
    smaller = np.where(np.abs(one) < np.abs(other), one, other)
    return np.where(np.sign(one) == np.sign(other), smaller, 0.0)


__all__ = ["Overlap", "overlaps_of"]
