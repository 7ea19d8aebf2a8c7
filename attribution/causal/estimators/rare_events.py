"""Events so rare that no normal distribution describes them, compared exactly.

Melded confidence intervals (Fay, Proschan and Brittain 2015, Biometrics 71): each arm's
rate has an exact lower and an exact upper confidence distribution, and the difference
of their draws keeps the level of both. No error is estimated, so an arm without any
event has an interval like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from attribution.causal.effect import DRAW_COUNT, Effect, stratified_levels

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats

#: Events in an arm below which its normal interval is not trusted.
EVENTS_NEEDED = 30
#: Draws of each distribution for each draw of the effect.
_FINER = 10


def are_rare(treated: Flags, outcome: Floats) -> bool:
    """Return whether an outcome counts events, of which an arm has few.

    Parameters
    ----------
    treated : ndarray of bool, shape (units,)
        Assignment.
    outcome : ndarray, shape (units, periods)
        From the launch on.
    """
    counts = bool((outcome >= 0).all() and (outcome == np.round(outcome)).all())
    events = [float(outcome[arm].sum()) for arm in (treated, ~treated)]
    return counts and min(events) < EVENTS_NEEDED


def rare_effect(treated: Flags, outcome: Floats, rng: np.random.Generator) -> Effect:
    """Return draws of the total of events that assignment made among the treated.

    Parameters
    ----------
    treated, outcome : ndarray
        As in :func:`are_rare`.
    rng : Generator
        Source of the draws.
    """
    levels = stratified_levels(DRAW_COUNT, rng)
    totals = outcome.sum(axis=1)
    units = [float(arm.sum()) for arm in (treated, ~treated)]
    events = [float(totals[arm].sum()) for arm in (treated, ~treated)]
    # Units with several events carry less information than as many units with a single
    # event each.
    crowding = max(1.0, float((totals**2).sum() / max(totals.sum(), 1.0)))
    exact = [count / crowding for count in events]
    rates = [
        [_gamma(shape + added, rng) * crowding / size for added in (0.0, 1.0)]
        for shape, size in zip(exact, units, strict=True)
    ]
    (low, high), (other_low, other_high) = rates
    lower = np.quantile(low - other_high, levels)
    upper = np.quantile(high - other_low, levels)
    total = units[0] * np.where(levels < 0.5, lower, upper)  # noqa: PLR2004
    path = outcome[treated].sum(axis=0) - units[0] * outcome[~treated].mean(axis=0)
    return Effect.of(
        path + ((total - path.sum()) / len(path))[:, None], point_path=path
    )


def _gamma(shape: float, rng: np.random.Generator) -> Floats:
    """Return quantiles of a gamma distribution at equal steps, in random order."""
    levels = stratified_levels(_FINER * DRAW_COUNT, rng)
    if shape == 0:
        return np.zeros_like(levels)
    gamma: Floats = special.gammaincinv(shape, levels)
    return gamma
