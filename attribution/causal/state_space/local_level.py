"""Local level with AR(1) and regression, for all draws of its parameters in one pass.

::

    y_t = μ_t + u_t + r_t'b        μ_{t+1} = μ_t + η_t,     η_t ~ N(0, σ_μ²)
                                   u_{t+1} = φ u_t + ε_t,   ε_t ~ N(0, σ_u²)
    μ_1 ~ N(0, 10)    u_1 ~ N(0, σ_u²/(1-φ²))    b ~ N(0, diag(prior variances))

Coefficients never change, so the filter has two states only: it runs over the outcome
and over each regressor, and the coefficients follow from the innovations as in a
weighted regression (the augmented filter of de Jong 1991; Durbin and Koopman 2012,
section 6.2.3). That is the same likelihood and the same moments as with coefficients
among the states, at a fifth of the time. ``statsmodels`` says so in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Variance of the first level, in squared standard deviations of the outcome.
LEVEL_VARIANCE = 10.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """Draws of the hyper-parameters; arrays of one length, or numbers.

    Attributes
    ----------
    level_sd, error_sd : ndarray
        σ_μ and σ_u, in standard deviations of the outcome.
    autocorrelation : ndarray
        φ, between -1 and 1.
    """

    level_sd: Floats
    error_sd: Floats
    autocorrelation: Floats


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known of the states just before a period, for each draw.

    Attributes
    ----------
    means : ndarray, shape (2, 1 + regressors, draws)
        Predicted level and error, for the outcome and for each regressor.
    covariance : ndarray, shape (3, draws)
        Variance of the level, covariance, variance of the error.
    coefficients : ndarray, shape (draws, regressors)
        Mean of the coefficients.
    coefficient_covariance : ndarray, shape (draws, regressors, regressors)
        Their covariance.
    log_likelihood : ndarray, shape (draws,)
        Of all periods before.
    """

    means: Floats
    covariance: Floats
    coefficients: Floats
    coefficient_covariance: Floats
    log_likelihood: Floats


def filtered(
    outcome: Floats,
    regressors: Floats,
    prior_variances: Floats,
    parameters: Parameters,
    marks: Sequence[int],
) -> list[Moments]:
    """Run the filter once and return the moments before each marked period.

    Parameters
    ----------
    outcome : ndarray, shape (periods,)
        Standardised; NaN is skipped.
    regressors : ndarray, shape (periods, regressors)
        Standardised.
    prior_variances : ndarray, shape (regressors,)
        Of the coefficients.
    parameters : Parameters
        One entry per draw.
    marks : sequence of int
        Positions, in order; the last may be the number of periods.
    """
    data = np.column_stack([outcome, regressors])
    run = _Run(parameters, data.shape[1])
    found = []
    start = 0
    for mark in marks:
        run.advance(data[start:mark])
        found.append(run.moments(prior_variances))
        start = mark
    return found


class _Run:
    """The filter's state while it moves through the periods."""

    def __init__(self, parameters: Parameters, columns: int) -> None:
        self.phi = np.atleast_1d(np.asarray(parameters.autocorrelation, float))
        draws = len(self.phi)
        self.level_variance = np.broadcast_to(parameters.level_sd, draws) ** 2
        self.error_variance = np.broadcast_to(parameters.error_sd, draws) ** 2
        self.level = np.zeros((columns, draws))
        self.error = np.zeros((columns, draws))
        self.covariance = (
            np.full(draws, LEVEL_VARIANCE),
            np.zeros(draws),
            self.error_variance / (1.0 - self.phi**2),
        )
        self.products: Floats = np.zeros((draws, columns, columns))
        self.log_variances = np.zeros(draws)

    def advance(self, data: Floats) -> None:
        """Filter some periods, and add their innovations to the cross products."""
        innovations = []
        for row in data:
            if np.isnan(row[0]):
                self._predict(*self.covariance)
                continue
            innovations.append(self._update(row))
        if innovations:
            stacked = np.ascontiguousarray(np.stack(innovations).transpose(2, 1, 0))
            self.products += stacked @ stacked.transpose(0, 2, 1)

    def _update(self, row: Floats) -> Floats:
        p11, p12, p22 = self.covariance
        with_level, with_error = p11 + p12, p12 + p22
        variance = with_level + with_error
        innovation = row[:, None] - self.level
        innovation -= self.error
        self.level += innovation * (with_level / variance)
        self.error += innovation * (with_error / variance)
        # Level and error add up to what was observed, so one number says it all.
        left = (p11 * p22 - p12 * p12) / variance
        self._predict(left, -left, left)
        self.log_variances += np.log(2.0 * np.pi * variance)
        innovation /= np.sqrt(variance)
        return innovation

    def _predict(self, p11: Floats, p12: Floats, p22: Floats) -> None:
        self.error *= self.phi
        self.covariance = (
            p11 + self.level_variance,
            self.phi * p12,
            self.phi**2 * p22 + self.error_variance,
        )

    def moments(self, prior_variances: Floats) -> Moments:
        """Integrate the coefficients out of the innovations so far."""
        own = self.products[:, 0, 0]
        log_likelihood = -0.5 * (self.log_variances + own)
        coefficients = np.zeros((len(own), 0))
        covariance: Floats = np.zeros((len(own), 0, 0))
        if len(prior_variances):
            precision = self.products[:, 1:, 1:] + np.diag(1.0 / prior_variances)
            cross = self.products[:, 1:, 0]
            covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
            coefficients = np.einsum("njk,nk->nj", covariance, cross)
            log_likelihood += 0.5 * np.einsum("nj,nj->n", coefficients, cross)
            log_likelihood -= 0.5 * np.linalg.slogdet(precision)[1]
            log_likelihood -= 0.5 * np.log(prior_variances).sum()
        return Moments(
            np.stack([self.level, self.error]),
            np.stack(self.covariance),
            coefficients,
            covariance,
            log_likelihood,
        )


@dataclass(frozen=True, slots=True)
class TotalPrediction:
    """A weighted sum of future outcomes: normal, given each draw's parameters.

    Attributes
    ----------
    means, variances : ndarray, shape (draws,)
        Of the sum.
    loadings : ndarray, shape (2, periods, draws)
        How the sum depends on level and error of each period (``w`` of the backward
        recursion).
    coefficient_loading : ndarray, shape (draws, regressors)
        How it depends on the coefficients.
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
        ``c``: ones for a sum, or money per unit.
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
    """Return paths of the coming outcomes whose weighted sums are given.

    A path is simulated freely and then moved by ``cov(path, sum) / var(sum)`` times
    what its sum lacks, which conditions it exactly (Hoffman and Ribak 1991).

    Parameters
    ----------
    moments, parameters, regressors, multiples
        As for :func:`predicted_total`.
    total : TotalPrediction
        What that function returned.
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
