"""Power check of a study before it is locked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.causal.refusal import Refusal

if TYPE_CHECKING:
    import pandas as pd

    from attribution.causal.plan import Plan


def power_to_register(
    history: pd.DataFrame | None, plan: Plan, reason: str
) -> tuple[float | None, str] | Refusal:
    """Return the effect that would be found, and why less than needed is accepted.

    Parameters
    ----------
    history : DataFrame or None
        The data there is; without it nothing is known.
    plan : Plan
        Declared plan.
    reason : str
        Reason to accept less power than the smallest effect that matters needs.
    """
    if history is None:
        return None, ""
    # Slow to load, and entries are read far more often than plans are locked.
    from attribution.estimates.fitting_processes import one_blas_thread  # noqa: PLC0415
    from attribution.studies.power import minimum_detectable_effect  # noqa: PLC0415

    with one_blas_thread():
        detectable = minimum_detectable_effect(history, plan)
    if isinstance(detectable, Refusal):
        return detectable
    is_low = plan.minimum_effect is not None and detectable > plan.minimum_effect
    if is_low and not reason:
        return _underpowered(detectable, plan)
    known = detectable if math.isfinite(detectable) else None
    return known, reason if is_low else ""


def _underpowered(detectable: float, plan: Plan) -> Refusal:
    from attribution.studies.power import power_of  # noqa: PLC0415

    smallest = plan.minimum_effect or 0.0
    return Refusal(
        "underpowered",
        f"The smallest effect that would be found four times of five is"
        f" {detectable:.3g} {plan.outcome_unit} per unit and {plan.period}, and the"
        f" smallest that matters, {smallest:.3g}, would be found"
        f" {power_of(smallest, detectable):.0%} of times.",
        {"detectable": detectable, "minimum_effect": smallest},
        study_id=plan.id,
        plan_hash=plan.hash,
        break_even=plan.break_even,
    )
