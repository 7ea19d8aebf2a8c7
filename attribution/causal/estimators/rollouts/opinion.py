"""Group-time effects beside the main estimate of a roll-out.

Both are right where trends are parallel but for a straight drift; they read unlike
parts of the data, so what makes one wrong seldom makes the other wrong as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.causal.estimators.rollouts.fitting import drift_of_one
from attribution.causal.estimators.rollouts.group_time_effects import group_time_effects

if TYPE_CHECKING:
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
        Less what the drift before adds to it and not to ours: to compare the two as
        they are would be a test of parallel trends, and what passes one is biased.
    chance : float
        How far that lies from ours 5 times of 100 where both are right.
    """

    effect: float
    but_for_drift: float
    chance: float


def second_opinion_of(data: RolloutData, path: DriftingPath) -> SecondOpinion | None:
    """Return another estimate; ``None`` where there is no other.

    It compares with the one period before each start, so by days it is far noisier.
    The error of the difference is that of each unit's influence on both. With declared
    covariates it is doubly robust, where the main estimate is a regression.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    path : DriftingPath
        The main estimate.
    """
    found = data.imputation
    if data.is_ratio:
        return None
    drift = drift_of_one(data)
    try:
        other, drifting, straight = (
            group_time_effects(
                y, data.first, "not yet treated", data.covariates
            ).simple()
            for y in (data.outcome, drift, data.outcome - path.drift * drift)
        )
    except ValueError:
        return None
    gap = drifting.effect - float(path.bias.sum())
    difference = np.zeros(len(data.outcome))
    difference[data.first > 0] = straight.influence
    moved = found.average - path.left_out[:, :-1].sum(axis=1)
    moved = moved - path.drift * (path.bias.sum() - path.bias_left_out)
    moved = moved + gap * (path.drift - path.left_out[:, -1])
    for group, own in zip(data.groups, moved, strict=True):
        difference[group] -= (len(data.groups) - 1) * own / len(group)
    error = float(np.sqrt((difference**2).sum())) / len(difference)
    return SecondOpinion(
        other.effect,
        other.effect - gap * path.drift,
        float(stats.t.ppf(0.975, len(difference) - 1)) * error,
    )
