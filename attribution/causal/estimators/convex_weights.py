"""Weights that are non-negative and sum to 1, exactly.

Non-negative least squares (Lawson and Hanson 1974, chapter 23): the sum becomes a heavy
row. The optimum is found, not approached: the same on every machine, in less than a
millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from attribution.arrays import Floats

_HEAVY = 1e4


def convex_weights(target: Floats, candidates: Floats, *, ridge: float = 0.0) -> Floats:
    """Return the weights that bring candidates nearest to a target.

    Minimises ``mean (target - candidates @ w)² + ridge² |w|²`` over ``w ≥ 0, Σw = 1``.

    Parameters
    ----------
    target : ndarray, shape (rows,)
        Series to match; demeaned by the caller where an intercept is wanted.
    candidates : ndarray, shape (rows, candidates)
        Series that it is to be made of.
    ridge : float
        Preference for even weights, in the unit of the target.
    """
    rows, count = candidates.shape
    # Differences from the target leave the optimum where it is, as weights sum to 1,
    # and make the heavy row heavy in relation to them.
    matrix = (candidates - target[:, None]) / np.sqrt(rows)
    parts = [matrix]
    if ridge > 0:
        parts.append(ridge * np.eye(count))
    size = max(float(np.abs(matrix).max(initial=0.0)), ridge) or 1.0
    heavy = _HEAVY * size
    stacked = np.vstack([*parts, np.full((1, count), heavy)])
    right = np.append(np.zeros(len(stacked) - 1), heavy)
    weights: Floats = optimize.nnls(stacked, right, maxiter=50 * count + 100)[0]
    weights /= weights.sum()
    return weights
