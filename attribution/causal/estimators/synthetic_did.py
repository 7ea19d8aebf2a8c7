"""Synthetic difference in differences, a second opinion on a unit.

Arkhangelsky et al. 2021 (Amer. Econ. Rev. 111), equations 4 to 6 and algorithm 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.convex_weights import convex_weights

if TYPE_CHECKING:
    from attribution.arrays import Floats

#: Regularisation of the weights of periods, relative to the noise.
_PERIOD_RIDGE = 1e-6
#: Placebo effects that their spread is of.
_DRAWS = 200


def synthetic_did(
    treated: Floats, donors: Floats, launch: int, *, treated_units: int = 1
) -> float:
    """Return the average effect per treated unit and period.

    Parameters
    ----------
    treated : ndarray, shape (periods,)
        Mean outcome of the treated units.
    donors : ndarray, shape (donors, periods)
        Outcomes of the others.
    launch : int
        Position of the first treated period.
    treated_units : int
        Number of units in the mean.
    """
    before, after = donors[:, :launch], donors[:, launch:]
    noise = float(np.diff(before, axis=1).std(ddof=1))
    zeta = (treated_units * after.shape[1]) ** 0.25 * noise
    target = treated[:launch]
    units = convex_weights(
        target - target.mean(), (before - before.mean(axis=1)[:, None]).T, ridge=zeta
    )
    late = after.mean(axis=1)
    periods = convex_weights(
        late - late.mean(), before - before.mean(axis=0), ridge=_PERIOD_RIDGE * noise
    )
    change = treated[launch:].mean() - target @ periods
    return float(change - units @ (late - before @ periods))


def placebo_effects(donors: Floats, launch: int) -> Floats:
    """Return the effect on each donor that is taken for treated.

    With a single treated unit a placebo is a single donor.
    """
    return np.array(
        [
            synthetic_did(donors[unit], np.delete(donors, unit, axis=0), launch)
            for unit in range(len(donors))
        ]
    )


def placebo_error(effects: Floats, rng: np.random.Generator) -> float:
    """Return the spread of placebo effects, in random order, each once per round."""
    order = np.concatenate(
        [rng.permutation(len(effects)) for _ in range(1 + _DRAWS // len(effects))]
    )[:_DRAWS]
    return float(np.std(effects[order]))
