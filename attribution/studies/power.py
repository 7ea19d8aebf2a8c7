"""The smallest effect that a study would find, from its history alone.

The plan's own estimator is asked for the effect of a launch that never happened, as
long before the real launch as the window goes on after it. Its interval gives the
detectable effect.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from attribution.causal.effect import INTERVAL_QUANTILE, POWER_QUANTILE
from attribution.causal.estimating import estimate
from attribution.causal.panel import FREQUENCIES, dates_of, planned_periods
from attribution.causal.refusal import Refusal, RefusalError

if TYPE_CHECKING:
    from attribution.causal.plan import Plan


_OF_SEVERAL_CAUSES = frozenset({"adoption_response", "joint_launches"})


def minimum_detectable_effect(
    history: pd.DataFrame, plan: Plan, *, seed: int = 0
) -> float | Refusal:
    """Return the effect per unit and period that four of five studies would find.

    Parameters
    ----------
    history : DataFrame
        As for :func:`attribution.estimate`; rows from the launch on are not looked at.
    plan : Plan
        Plan of the study.
    seed : int
        Of all random numbers.

    Returns
    -------
    float or Refusal
        Infinite where no interval would be bounded, NaN for an experiment without a
        history that varies; the refusal of the placebo study where the history is too
        short for a placebo.
    """
    try:
        before = history[dates_of(history) < pd.Timestamp(plan.launch)]
        placebo = placebo_plan(plan)
    except RefusalError as refused:
        return replace(refused.refusal, study_id=plan.id, plan_hash=plan.hash)
    if plan.assignment and before.empty:
        return float("nan")
    # Derived from the plan: columns that the placebo does not read are no mistake of
    # its author.
    found = estimate(before, placebo, seed=seed, is_registered=True)
    if isinstance(found, Refusal):
        # An experiment needs no history, and a history that never varied is no
        # evidence.
        is_unknown = plan.assignment and found.code == "outcome_constant"
        return float("nan") if is_unknown else found
    low, high = found.average.interval(0.9)
    if not np.isfinite(high - low):
        return float("inf")
    error = (high - low) / 2.0 / INTERVAL_QUANTILE
    return float(error * (INTERVAL_QUANTILE + POWER_QUANTILE))


def power_of(effect: float, detectable: float) -> float:
    """Return how often an effect would be found, by a two-sided 90 % interval.

    Parameters
    ----------
    effect : float
        Per unit and period. Without any effect the power is the error rate of an
        interval, 1 in 10.
    detectable : float
        The effect that four of five studies find.
    """
    errors = abs(effect) * (INTERVAL_QUANTILE + POWER_QUANTILE) / detectable
    ends = np.array([errors - INTERVAL_QUANTILE, -errors - INTERVAL_QUANTILE])
    return float(special.ndtr(ends).sum())


def placebo_plan(plan: Plan) -> Plan:
    """Return the plan of the same study, with its window ending where it begins.

    Then there was no other launch, and the feature's driver had not moved: the
    remainder of several causes is a single series, with the other drivers as controls.

    Raises
    ------
    RefusalError
        ``pre_period_too_short``: the window is not longer before the launch than
        after it, so that no launch fits before as long a stretch.
    """
    frequency = FREQUENCIES[plan.period]
    after = len(planned_periods(plan))

    def earlier(day: date) -> date:
        shifted = pd.Timestamp(day) - after * pd.tseries.frequencies.to_offset(
            frequency
        )
        return date(shifted.year, shifted.month, shifted.day)

    if earlier(plan.launch) <= plan.window.start:
        before = len(pd.date_range(plan.window.start, plan.launch, freq=frequency)) - 1
        raise RefusalError(
            "pre_period_too_short",
            f"The window has {before} periods before the launch and {after} after: its"
            f" power takes more than {after} before.",
            history_periods=before,
            needed_periods=after + 1,
        )
    content = plan.model_dump() | {
        "launch": earlier(plan.launch),
        "window": {"start": plan.window.start, "end": plan.launch},
        "rollout": {unit: earlier(day) for unit, day in plan.rollout.items()},
        "other_launches": (),
        "drivers": (),
        "guardrails": (),
        "controls": (*plan.controls, *_other_drivers(plan)),
        "design": "auto" if plan.design in _OF_SEVERAL_CAUSES else plan.design,
    }
    return type(plan).model_validate(content)


def _other_drivers(plan: Plan) -> list[str]:
    return [driver.column for driver in plan.drivers if driver.kind != "ai"]
