"""One-word verdict of an estimate, and its smallest detectable effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.causal.effect import INTERVAL_QUANTILE, POWER_QUANTILE

if TYPE_CHECKING:
    from attribution.causal.effect import Effect
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate

_LEVEL = 0.9


def verdict(estimate: Estimate, plan: Plan) -> str:
    """Return the verdict of the interval at the level of the decision.

    ``inconclusive`` where it includes zero and is unbounded, or holds a gain and a harm
    that are both as large as the smallest effect that matters. Of a study that is not
    over there is none: see :func:`attribution.studies.rows.rows_of_attempt`.
    """
    low, high = estimate.average.interval(plan.decision_rule.level)
    if low > 0 or high < 0:
        return "positive" if low > 0 else "negative"
    least = plan.minimum_effect if plan.minimum_effect is not None else math.inf
    says_nothing = not math.isfinite(high - low) or (low <= -least and high >= least)
    return "inconclusive" if says_nothing else "no_effect_detected"


def detectable(average: Effect) -> float | None:
    """Return the effect detectable with 80 % power at this precision."""
    low, high = average.interval(_LEVEL)
    if not math.isfinite(high - low):
        return None
    error = (high - low) / 2.0 / INTERVAL_QUANTILE
    return error * (INTERVAL_QUANTILE + POWER_QUANTILE)
