"""Evidence of untreated cells on the scale of parallel trends.

Amounts: ``Y_it = α_i + β_t``; shares: ``E Y_it = a_i b_t``, fitted by the sums of units
and periods, as Poisson pseudo-likelihood does (Wooldridge 2023, Econometrics Journal
26). The residuals of the declared scale are compared with those expected if the other
were true: Tukey's degree of freedom for non-additivity (1949, Biometrics 5), with
drifts of adopters removed from both. Each unit, or region, has a single vote, the
correlation of the two, and votes are compared with those of random signs: larger units
have larger errors, and would otherwise decide alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.rollouts.fitting import (
    about_drifts,
    effects_shown_by,
)
from attribution.causal.estimators.rollouts.imputation import imputation_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Flags, Floats
    from attribution.causal.estimators.rollouts.data import RolloutData
    from attribution.causal.estimators.rollouts.drift import DriftingPath

SIGNS, ROUNDS = 1999, 500
#: Remainder of the smallest unit above the constant, in parts of how far units lie
#: apart.
LEFT_ABOVE = (0.1, 1.0)
_SETTLED = 1e-10
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class OtherScale:
    """Evidence on the scale that the plan does not declare.

    Attributes
    ----------
    p_value : float
        One-sided, of the declared scale against it.
    effect : float
        Average effect that would be found without any, if it were true.
    misfit : float
        Its share left of the declared scale's residuals, on average over units.
    """

    p_value: float
    effect: float
    misfit: float


def other_scale(data: RolloutData, path: DriftingPath) -> OtherScale | None:
    """Return the evidence of untreated cells on the other scale.

    ``None`` where it does not exist: shares of outcomes below zero, or amounts that
    would lead below zero.

    Parameters
    ----------
    data : RolloutData
        The roll-out, on the scale of its plan.
    path : DriftingPath
        Its effect, with the drift that is taken off.
    """
    expected = expected_otherwise(data)
    if expected is None:
        return None
    seen = about_drifts(data, data.outcome)
    predicted = about_drifts(data, expected)
    return OtherScale(
        p_of_votes(_votes(seen, predicted), data.cluster),
        float(effects_shown_by(data, path, [expected])[0]),
        _misfit(seen, predicted),
    )


def shares_above_constants(data: RolloutData, path: DriftingPath) -> list[OtherScale]:
    """Return evidence on shares of the excess over a constant.

    Adding a constant to all outcomes hides growth by shares behind it. It is not known,
    so two are tried that leave the smallest unit little, or as much as units differ by.
    Those that fit worse than no constant are left out; nothing is returned for shares,
    and where there is no constant to speak of.

    Parameters
    ----------
    data : RolloutData
        The roll-out, on the scale of its plan.
    path : DriftingPath
        Its effect, with the drift that is taken off.
    """
    imputation = data.imputation
    known = imputation.untreated & np.isfinite(data.outcome)
    counts = known.sum(axis=1)
    sums = np.where(known, data.outcome, 0.0).sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    lowest, spread = float(means.min()), float(np.ptp(means))
    above = [lowest - part * spread for part in LEFT_ABOVE]
    tried = [
        other_scale(replace(data, outcome=data.outcome - constant), path)
        for constant in above
        if not data.is_ratio and (constant > 0.5 * lowest or lowest <= 0)
    ]
    plain = other_scale(data, path)
    least = 1.0 if plain is None else plain.misfit
    return [one for one in tried if one is not None and one.misfit < least]


def expected_otherwise(data: RolloutData) -> Floats | None:
    """Return untreated outcomes by the other scale, as they are modelled."""
    imputation = data.imputation
    known = imputation.untreated & np.isfinite(data.outcome)
    needed = known | imputation.usable
    if not data.is_ratio:
        return proportional_fit(data.outcome, known)
    amounts = np.exp(data.outcome)
    fitted = imputation_of(amounts, data.first, anticipation=data.anticipation)
    expected = np.where(needed, fitted.untreated_outcome, 1.0)
    return np.log(expected) if (expected > 0).all() else None


def proportional_fit(outcome: Floats, known: Flags) -> Floats | None:
    """Return products of a level and a growth with the sums of units and periods.

    Parameters
    ----------
    outcome : ndarray, shape (units, periods)
        Outcome to fit.
    known : ndarray of bool, shape (units, periods)
        The cells that count in the sums.

    Returns
    -------
    ndarray, shape (units, periods), or None
        ``None`` where the sum of a unit or of a period is below zero; a refund in a
        cell is none.
    """
    y = np.where(known, outcome, 0.0)
    cells = known.astype(float)
    units, periods = y.sum(axis=1), y.sum(axis=0)
    if (units < 0).any() or (periods < 0).any():
        return None
    growth = np.ones(y.shape[1])
    level = units
    for _ in range(ROUNDS):
        level = units / np.maximum(cells @ growth, _LEAST)
        before, growth = growth, periods / np.maximum(level @ cells, _LEAST)
        if np.abs(growth - before).max() <= _SETTLED * max(growth.max(), _LEAST):
            break
    return np.outer(level, growth)


def p_of_votes(votes: Floats, cluster: NDArray[np.int64]) -> float:
    """Return how often votes with random signs add up to as much.

    Parameters
    ----------
    votes : ndarray, shape (units,)
        From −1 to 1.
    cluster : ndarray of int, shape (units,)
        Units with the same number vote together.
    """
    names, number = np.unique(cluster, return_inverse=True)
    together = np.bincount(number, weights=votes, minlength=len(names))
    # The same signs for every study: a figure does not depend on earlier draws.
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (SIGNS, len(names)))
    least = together.sum() - 1e-9 * np.abs(together).sum()
    as_much = (signs @ together >= least).sum()
    return float(1 + as_much) / (SIGNS + 1)


def _misfit(seen: Floats, predicted: Floats) -> float:
    """Return the mean over units of the remaining share of squares."""
    squares = (seen**2).sum(axis=1)
    left = ((seen - predicted) ** 2).sum(axis=1)
    told = squares > _LEAST
    return float((left[told] / squares[told]).mean()) if told.any() else 1.0


def _votes(seen: Floats, predicted: Floats) -> Floats:
    """Return each unit's correlation of actual and expected residuals."""
    sizes = np.sqrt((seen**2).sum(axis=1) * (predicted**2).sum(axis=1))
    products = (seen * predicted).sum(axis=1)
    least = 1e-9 * max(float(sizes.max(initial=0.0)), _LEAST)
    votes: Floats = np.where(sizes > least, products / np.maximum(sizes, least), 0.0)
    return votes
