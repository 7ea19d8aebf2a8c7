"""The wild bootstrap of a roll-out over few regions, or few units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.rollouts.fitting import (
    all_about_drifts,
    effects_shown_by,
)
from attribution.causal.estimators.wild_bootstrap import MOST_CLUSTERS, ClusterParts

if TYPE_CHECKING:
    from attribution.causal.estimators.rollouts.data import RolloutData
    from attribution.causal.estimators.rollouts.drift import DriftingPath


def wild_p_value(data: RolloutData, path: DriftingPath) -> float | None:
    """Return the p of no effect over all signs; ``None`` where clusters are many.

    Without an effect outcomes are units, periods, drifts of cohorts, and the residual
    of each cluster. As much of a drift is removed as from the estimate.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    path : DriftingPath
        Its effect.
    """
    groups = data.groups
    if len(groups) > MOST_CLUSTERS:
        return None
    left = all_about_drifts(data)
    outcomes = []
    for group in groups:
        own = np.zeros_like(left)
        own[group] = left[group]
        outcomes.append(own)
    parts = effects_shown_by(data, path, outcomes, None)
    without = [effects_shown_by(data, path, outcomes, group) for group in groups]
    stratum = np.zeros(len(groups), dtype=np.int64)
    return ClusterParts(parts, np.array(without), stratum).p_value()
