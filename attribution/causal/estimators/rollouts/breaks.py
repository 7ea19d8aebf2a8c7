"""Breaks of outcomes with a smooth path at their units' starts.

A drift that grows from period to period biases an estimate, and a history is too short
to show it: of the 0.8 standard deviations that adopters gain in a year by drifting ever
faster, the year before shows less than its noise. An effect differs from such a bend by
where it begins. So all cells, treated cells too, are fitted by units, periods, and a
line and a parabola of each cohort, as if there were no effect; then a jump and a change
of slope at each unit's start are tested. Any parabola of a cohort leaves both as they
are, so the size of cohorts' bends does not move the test.

It is a score test with that fit as its null: each unit, or region, has a vote for the
jump and for the slope, and the votes together are compared with those of random signs
(Kline and Santos 2012, Journal of Econometric Methods 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.rollouts.fitting import (
    about_units_and_periods,
    drifts_by_cohort,
    unexplained,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.estimators.rollouts.data import RolloutData

SIGNS = 1999
#: A remainder of a jump or a slope below this share of it is rounding.
_LEAST = 1e-8


@dataclass(frozen=True, slots=True)
class Break:
    """A jump and a change of slope at the starts, beside smooth paths.

    Attributes
    ----------
    p_value : float
        Of neither.
    average : float
        Sum of both in an average treated cell.
    """

    p_value: float
    average: float


def break_of(data: RolloutData) -> Break | None:
    """Return the break at the starts; ``None`` if a smooth path may be it.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    """
    found, shape = data.imputation, data.outcome.shape
    straight = drifts_by_cohort(data)
    since = np.arange(shape[1]) - data.first[:, None] + 1.0
    steps = [np.where(found.usable, 1.0, 0.0), np.where(found.usable, since, 0.0)]
    left = about_units_and_periods(
        found.without_effects,
        [data.outcome, *steps, *straight, *(one**2 for one in straight)],
    )
    outcome, asked, smooth = left[:, 0], left[:, 1:3], left[:, 3:]
    rest = unexplained(asked, smooth)
    if (np.linalg.svd(rest)[1] <= _LEAST * np.linalg.norm(asked)).any():
        return None
    errors = unexplained(outcome, smooth)
    votes = (rest * errors[:, None]).reshape(*shape, 2).sum(axis=1)
    sizes = np.linalg.lstsq(rest, errors)[0]
    exposure = [1.0, since[found.usable].mean()]
    return Break(_p_of_votes(votes, data.cluster), float(sizes @ exposure))


def _p_of_votes(votes: Floats, cluster: NDArray[np.int64]) -> float:
    """Return how often random signs of clusters lie as far from none."""
    names, number = np.unique(cluster, return_inverse=True)
    together = np.zeros((len(names), votes.shape[1]))
    np.add.at(together, number, votes)
    # The same signs for every study: a figure does not depend on earlier draws.
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (SIGNS, len(names)))
    sums = np.vstack([together.sum(axis=0), signs @ together])
    squares = np.linalg.pinv(together.T @ together, hermitian=True)
    far = np.einsum("ij,jk,ik->i", sums, squares, sums)
    return float((far >= far[0] * (1.0 - 1e-9)).mean())
