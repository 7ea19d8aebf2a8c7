"""Intervals that hold however often a study is looked at before its end.

A fixed interval is right at a single look that was chosen before. Looked at daily,
thirty intervals of 95 % exclude zero at some point in a third of studies without an
effect. A confidence sequence holds at all looks at once, and is wider for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.causal.panel import planned_periods

if TYPE_CHECKING:
    from attribution.causal.effect import Effect
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Level at which the mixture is narrowest at the registered end.
_ALPHA: Final = 0.05
#: Levels of the two-sided intervals shown, as the probability excluded.
_SHOWN: Final = (0.10, 0.05)


def progress_of(panel: Panel, plan: Plan) -> float:
    """Return the part of the registered periods after the launch that was seen.

    Days of the week that never occur in the panel are not expected in the rest either.
    """
    planned = planned_periods(plan)
    if plan.period == "day":
        planned = planned[planned.day_of_week.isin(panel.dates.day_of_week.unique())]
    return min(1.0, panel.after / max(len(planned), 1))


def width_factor(progress: float) -> float:
    """Return how many times as wide as a fixed interval a confidence sequence is.

    Parameters
    ----------
    progress : float
        Part of the planned information that there is, above 0.

    Notes
    -----
    Robbins' normal mixture, as in Waudby-Smith et al. 2024 (Annals of Statistics 52):
    an estimate lies within ``se √((1 + η/t) log((1 + t/η) / α²))`` of the truth at all
    ``t`` at once. ``η`` makes it narrowest at ``t = 1``, the registered end. The factor
    is the larger of those for the levels of 90 and 95 %, so that both hold.
    """
    from scipy import special  # noqa: PLC0415  (slow to load)

    branch = float(special.lambertw(-(_ALPHA**2) / np.e, k=-1).real)
    eta = -1.0 / (branch + 1.0)
    return max(
        float(
            np.sqrt((1.0 + eta / progress) * np.log((1.0 + progress / eta) / alpha**2))
            / special.ndtri(1.0 - alpha / 2.0)
        )
        for alpha in _SHOWN
    )


def anytime_valid(effect: Effect, progress: float) -> Effect:
    """Return an effect with intervals valid at every look before the end.

    Parameters
    ----------
    effect : Effect
        Effect as estimated from the data seen.
    progress : float
        Part of the registered periods that was seen; from 1 on nothing is changed.
    """
    if progress >= 1.0:
        return effect
    return effect.widened(width_factor(max(progress, 1e-6)))


def early_note(progress: float) -> str:
    """Describe the cost of ending or looking before the registered end."""
    return (
        f"{progress:.0%} of the registered periods after the launch are seen. The"
        " interval is a confidence sequence: it holds at every look, and is"
        f" {width_factor(progress):.2f} times as wide as one for a single look."
    )
