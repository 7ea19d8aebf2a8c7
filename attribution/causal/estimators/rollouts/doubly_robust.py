"""A difference in changes that is right if either of two models of covariates is.

Sant'Anna and Zhao 2020 (J. Econometrics 219), the estimator for panels: what compared
units' changes owe to covariates is taken off, and compared units are weighed as if they
had the covariates of the treated. Influence functions hold the estimation of both.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: A compared unit that is as surely treated has nobody to stand for.
MOST_LIKELY = 0.995


def doubly_robust_difference(
    change: Floats,
    treated: Flags,
    covariates: Floats,
    selection: Floats,
) -> tuple[float, Floats]:
    """Return what the treated changed more than others like them, and influences.

    Parameters
    ----------
    change : ndarray, shape (units,)
        Of the outcome.
    treated : ndarray of bool, shape (units,)
        The others are compared.
    covariates : ndarray, shape (units, covariates)
        What changes may depend on.
    selection : ndarray, shape (units, covariates)
        What treatment may depend on.

    Returns
    -------
    float, ndarray of shape (units,)
        The average effect on the treated; the influence of each unit.

    Raises
    ------
    ValueError
        Too few units for the covariates, or covariates that tell the treated apart.
    """
    design, chosen = _with_constant(covariates), _with_constant(selection)
    d = treated.astype(float)
    count = len(d)
    likely, score = _propensity(chosen, treated)
    weight = np.where(treated, 0.0, likely / np.where(treated, 1.0, 1.0 - likely))
    apart, least_squares = _regression(design, change, ~treated)
    effect = float(apart[treated].mean())
    left = float(weight @ apart / weight.sum())
    own = d * (apart - effect) - least_squares @ (d @ design) / count
    other = weight * (apart - left) + score @ (weight * (apart - left) @ chosen) / count
    other = other - least_squares @ (weight @ design) / count
    influence = own / d.mean() - other / weight.mean()
    return effect - left, influence


def _with_constant(covariates: Floats) -> Floats:
    return np.column_stack([np.ones(len(covariates)), covariates])


def _regression(
    design: Floats, change: Floats, compared: Flags
) -> tuple[Floats, Floats]:
    """Return what a fit on compared units leaves of all, and how it hangs on each."""
    rows = design[compared]
    if np.linalg.matrix_rank(rows) < design.shape[1]:
        raise ValueError("too few compared units for the covariates")
    left = change - design @ np.linalg.lstsq(rows, change[compared])[0]
    squares = rows.T @ rows / len(design)
    return left, np.where(compared, left, 0.0)[:, None] * np.linalg.solve(
        squares, design.T
    ).T


def _propensity(design: Floats, treated: Flags) -> tuple[Floats, Floats]:
    """Return how likely each unit was to be treated, and how that hangs on each."""
    # Slow to load, and few roll-outs declare covariates.
    from statsmodels.discrete.discrete_model import Logit  # noqa: PLC0415
    from statsmodels.tools.sm_exceptions import ModelWarning  # noqa: PLC0415

    d = treated.astype(float)
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore"):
            warnings.simplefilter("error", ModelWarning)
            fit = Logit(d, design).fit(disp=0)
    except (ModelWarning, np.linalg.LinAlgError) as error:
        raise ValueError("covariates tell treated units from compared ones") from error
    likely = np.asarray(fit.predict(design))
    if likely[~treated].max() > MOST_LIKELY:
        raise ValueError("no treated unit is like some compared ones")
    hessian = np.asarray(fit.cov_params()) * len(d)
    return likely, (d - likely)[:, None] * design @ hessian
