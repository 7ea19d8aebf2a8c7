"""Group-time effects beside the main estimate of a roll-out.

Both are right where trends are parallel but for a straight drift; they use different
parts of the data, so an error in either seldom affects the other as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.causal.estimators.rollouts.fitting import drift_of_one
from attribution.causal.estimators.rollouts.group_time_effects import Comparisons

if TYPE_CHECKING:
    from attribution.arrays import Floats
    from attribution.causal.estimators.rollouts.data import RolloutData
    from attribution.causal.estimators.rollouts.drift import DriftingPath


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """Another estimate, the same but for a drift, and how far chance moves that.

    Attributes
    ----------
    effect : float
        As published.
    but_for_drift : float
        Net of the addition of the drift before to it and not to the main estimate: to
        compare the two as they are would be a test of parallel trends, and an estimate
        that passes it is biased.
    chance : float
        Distance from the main estimate that is exceeded 5 times of 100 where both are
        right.
    """

    effect: float
    but_for_drift: float
    chance: float


def second_opinion_of(data: RolloutData, path: DriftingPath) -> SecondOpinion | None:
    """Return another estimate; ``None`` where there is no other.

    With declared covariates it is doubly robust, where the main estimate is a
    regression; where they separate adopters from others it is a regression of changes.

    It compares with the single period before each start, so by days it is far noisier.
    The error of the difference is that of each unit's, or region's, influence on both.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    path : DriftingPath
        The main estimate.
    """
    if data.is_ratio:
        return None
    drift = drift_of_one(data)
    outcomes = (data.outcome, drift, data.outcome - path.drift * drift)
    both = (True,) if data.covariates is None else (True, False)
    for weighs in both:
        comparisons = Comparisons(
            data.first,
            data.outcome.shape[1],
            "not yet treated",
            data.covariates,
            weighs=weighs,
        )
        try:
            other, drifting, straight = (
                comparisons.effects(y).simple() for y in outcomes
            )
        except ValueError:
            continue
        return _beside(data, path, (other.effect, drifting.effect, straight.influence))
    return None


def _beside(
    data: RolloutData, path: DriftingPath, other: tuple[float, float, Floats]
) -> SecondOpinion:
    """Return another effect, its unit drift and influences, beside ours."""
    effect, drifting, influence = other
    imputation = data.imputation
    gap = drifting - float(path.bias.sum())
    each = np.zeros(len(data.outcome))
    each[data.first > 0] = influence / len(influence)
    moved = imputation.average - path.left_out[:, :-1].sum(axis=1)
    moved = moved - path.drift * (path.bias.sum() - path.bias_left_out)
    moved = moved + gap * (path.drift - path.left_out[:, -1])
    groups = data.groups
    theirs = np.array([each[group].sum() for group in groups])
    # Without a group all others weigh more: the jackknife moves by more than its part.
    difference = theirs - (len(groups) - 1) / len(groups) * moved
    error = float(np.sqrt((difference**2).sum()))
    return SecondOpinion(
        effect,
        effect - gap * path.drift,
        float(stats.t.ppf(0.975, len(groups) - 1)) * error,
    )
