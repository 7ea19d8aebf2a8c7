"""Predicted totals and paths of future periods, from filtered states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.state_space.local_level import Moments, Parameters


@dataclass(frozen=True, slots=True)
class TotalPrediction:
    """A weighted sum of future outcomes: normal, given each draw's parameters.

    Attributes
    ----------
    means, variances : ndarray, shape (draws,)
        Of the sum.
    loadings : ndarray, shape (2, periods, draws)
        Dependence of the sum on level and error of each period (``w`` of the backward
        recursion).
    coefficient_loading : ndarray, shape (draws, regressors)
        Dependence on the coefficients.
    """

    means: Floats
    variances: Floats
    loadings: Floats
    coefficient_loading: Floats


def predicted_total(
    moments: Moments, parameters: Parameters, regressors: Floats, multiples: Floats
) -> TotalPrediction:
    """Return mean and exact variance of a weighted sum of the coming outcomes.

    Backwards from ``w = 0``: ``w_j = c_j Z + T'w_{j+1}``; the mean is ``w_1'a`` and the
    variance ``w_1'P w_1 + Σ_{j≥2} w_j'Q w_j``. Never a sum of daily variances: errors
    of a path have a common level.

    Parameters
    ----------
    moments : Moments
        Before the first of the periods.
    parameters : Parameters
        The same draws.
    regressors : ndarray, shape (periods, regressors)
        Of the coming periods.
    multiples : ndarray, shape (periods,)
        ``c``: 1 throughout for a sum, or money per unit.
    """
    phi = np.atleast_1d(parameters.autocorrelation)
    loadings = np.empty((2, len(multiples), len(phi)))
    level, error = np.zeros(len(phi)), np.zeros(len(phi))
    for j in range(len(multiples) - 1, -1, -1):
        level, error = level + multiples[j], multiples[j] + phi * error
        loadings[0, j], loadings[1, j] = level, error
    first = loadings[:, 0]
    mean_of_columns = np.einsum("sn,scn->nc", first, moments.means)
    of_coefficients = multiples @ regressors - mean_of_columns[:, 1:]
    means = mean_of_columns[:, 0] + np.einsum(
        "nk,nk->n", of_coefficients, moments.coefficients
    )
    p11, p12, p22 = moments.covariance
    variances = first[0] ** 2 * p11 + 2 * first[0] * first[1] * p12
    variances += first[1] ** 2 * p22
    variances += parameters.level_sd**2 * (loadings[0, 1:] ** 2).sum(axis=0)
    variances += parameters.error_sd**2 * (loadings[1, 1:] ** 2).sum(axis=0)
    variances += np.einsum(
        "nj,njk,nk->n",
        of_coefficients,
        moments.coefficient_covariance,
        of_coefficients,
    )
    return TotalPrediction(means, variances, loadings, of_coefficients)


def simulated_paths(  # noqa: PLR0913, PLR0917  (a path needs them all)
    moments: Moments,
    parameters: Parameters,
    regressors: Floats,
    total: TotalPrediction,
    chosen: NDArray[np.intp],
    totals: Floats,
    multiples: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Return paths of the coming outcomes with given weighted sums.

    A path is simulated freely and then moved by ``cov(path, sum) / var(sum)`` times the
    shortfall of its sum, which conditions it exactly (Hoffman and Ribak 1991).

    Parameters
    ----------
    moments, parameters, regressors, multiples
        As for :func:`predicted_total`.
    total : TotalPrediction
        Return value of that function.
    chosen : ndarray of int, shape (paths,)
        The draw of the parameters behind each path.
    totals : ndarray, shape (paths,)
        The sum that each path shall have.
    rng : Generator
        Source of the paths.
    """
    free = _free_paths(moments, parameters, regressors, chosen, rng)
    with_total = _covariance_with_total(moments, parameters, regressors, total)[chosen]
    lacking = (totals - free @ multiples) / total.variances[chosen]
    return free + with_total * lacking[:, None]


def _free_paths(
    moments: Moments,
    parameters: Parameters,
    regressors: Floats,
    chosen: NDArray[np.intp],
    rng: np.random.Generator,
) -> Floats:
    count, periods = len(chosen), len(regressors)
    noise = rng.standard_normal((periods, 2, count))
    coefficients = _drawn_coefficients(moments, chosen, rng)
    means = moments.means[:, :, chosen]
    start = means[:, 0] - np.einsum("scn,nc->sn", means[:, 1:], coefficients)
    p11, p12, p22 = moments.covariance[:, chosen]
    first = np.sqrt(p11)
    level = start[0] + first * noise[0, 0]
    error = start[1] + p12 / first * noise[0, 0]
    error += np.sqrt(np.maximum(p22 - (p12 / first) ** 2, 0.0)) * noise[0, 1]
    phi = np.atleast_1d(parameters.autocorrelation)[chosen]
    level_sd = np.atleast_1d(parameters.level_sd)[chosen]
    error_sd = np.atleast_1d(parameters.error_sd)[chosen]
    paths = np.empty((periods, count))
    for j in range(periods):
        if j:
            level = level + level_sd * noise[j, 0]
            error = phi * error + error_sd * noise[j, 1]
        paths[j] = level + error
    return paths.T + coefficients @ regressors.T


def _drawn_coefficients(
    moments: Moments, chosen: NDArray[np.intp], rng: np.random.Generator
) -> Floats:
    roots = np.linalg.cholesky(moments.coefficient_covariance)[chosen]
    noise = rng.standard_normal(roots.shape[:2])
    moved: Floats = np.einsum("njk,nk->nj", roots, noise)
    moved += moments.coefficients[chosen]
    return moved


def _covariance_with_total(
    moments: Moments,
    parameters: Parameters,
    regressors: Floats,
    total: TotalPrediction,
) -> Floats:
    """Return cov(outcome of each period, weighted sum), draws by periods."""
    p11, p12, p22 = moments.covariance
    of_coefficients = np.einsum(
        "njk,nk->nj", moments.coefficient_covariance, total.coefficient_loading
    )
    from_regression = np.einsum("scn,nc->sn", moments.means[:, 1:], of_coefficients)
    level_loading, error_loading = total.loadings
    level = p11 * level_loading[0] + p12 * error_loading[0] - from_regression[0]
    error = p12 * level_loading[0] + p22 * error_loading[0] - from_regression[1]
    found = np.empty_like(level_loading)
    for j in range(len(found)):
        if j:
            level = level + parameters.level_sd**2 * level_loading[j]
            error = parameters.autocorrelation * error
            error = error + parameters.error_sd**2 * error_loading[j]
        found[j] = level + error
    covariance: Floats = found.T + of_coefficients @ regressors.T
    return covariance
