"""Joint shrinkage of several estimates: empirical Bayes, normal means.

The largest of several estimates is large in part by luck. Each is drawn towards their
common mean, and that towards zero, the more so the less certain it is (Morris 1983;
Efron 2011). The spread of the true values is integrated out, under a half-normal prior.
A single estimate is drawn towards zero alone, so that shrinkage is always on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats

_GRID_SIZE: Final = 400
#: The prior's scale in sizes of the estimates; it reaches well beyond them.
_PRIOR_SPREADS: Final = 2.0


@dataclass(frozen=True, eq=False, slots=True)
class Shrunk:
    """Shrunk estimates.

    Attributes
    ----------
    means : ndarray, shape (estimates,)
        Of each true value, given all estimates.
    draws : ndarray, shape (draws, estimates)
        Joint draws of the true values.
    """

    means: Floats
    draws: Floats


def shrink(
    estimates: Floats, standard_errors: Floats, *, rng: np.random.Generator, draws: int
) -> Shrunk | None:
    """Return shrunk estimates; ``None`` where there is no estimate.

    Parameters
    ----------
    estimates, standard_errors : ndarray, shape (estimates,)
        In a common unit. A standard error of 0 means that a value is known.
    rng : Generator
        Source of the draws.
    draws : int
        Number of draws.

    Notes
    -----
    y_j ~ N(θ_j, s_j²), θ_j ~ N(m, τ²), m ~ N(0, τ²), τ half-normal. Given τ the mean m
    is the precision-weighted mean of the estimates and zero, and θ̃_j = m + B_j (y_j −
    m), B_j = τ² / (τ² + s_j²).
    """
    if not len(estimates):
        return None
    size = float(np.sqrt(np.mean(estimates**2)))
    spread = size or float(standard_errors.max()) or 1.0
    tau = np.linspace(0.0, 3.0 * _PRIOR_SPREADS * spread, _GRID_SIZE + 1)[1:]
    variance = tau[:, None] ** 2 + standard_errors**2
    precision = 1.0 / variance
    total = precision.sum(axis=1) + tau**-2.0
    middle = (precision * estimates).sum(axis=1) / total
    misfit = (precision * (estimates - middle[:, None]) ** 2).sum(axis=1)
    misfit += (middle / tau) ** 2
    log_weight = -0.5 * (
        np.log(variance).sum(axis=1)
        + np.log(total * tau**2)
        + misfit
        + (tau / (_PRIOR_SPREADS * spread)) ** 2
    )
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    kept = tau[:, None] ** 2 / variance
    means = middle[:, None] + kept * (estimates - middle[:, None])
    chosen = rng.choice(_GRID_SIZE, size=draws, p=weight)
    around = middle[chosen] + rng.standard_normal(draws) / np.sqrt(total[chosen])
    centre = around[:, None] + kept[chosen] * (estimates - around[:, None])
    noise = rng.standard_normal((draws, len(estimates)))
    drawn = centre + noise * np.sqrt(kept[chosen]) * standard_errors
    return Shrunk(weight @ means, drawn)
