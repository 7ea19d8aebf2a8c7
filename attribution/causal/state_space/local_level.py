"""Local level with AR(1) and regression, for all draws in a single pass.

::

    y_t = μ_t + u_t + r_t'b        μ_{t+1} = μ_t + η_t,     η_t ~ N(0, σ_μ²)
                                   u_{t+1} = φ u_t + ε_t,   ε_t ~ N(0, σ_u²)
    μ_1 ~ N(0, 10)    u_1 ~ N(0, σ_u²/(1-φ²))    b ~ N(0, diag(prior variances))

Coefficients never change, so the filter has two states only: it runs over the outcome
and over each regressor, and the coefficients follow from the innovations as in a
weighted regression (the augmented filter of de Jong 1991; Durbin and Koopman 2012,
section 6.2.3). That is the same likelihood and the same moments as with coefficients
among the states, at a fifth of the time. ``statsmodels`` confirms this in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats

#: Variance of the first level, in squared standard deviations of the outcome.
LEVEL_VARIANCE = 10.0
#: Number of draws multiplied at once: their working set stays in the processor's cache.
_DRAWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Parameters:
    """Draws of the hyper-parameters; arrays of equal length, or numbers.

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


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of the states just before a period, for each draw.

    The implications for the coefficients are computed on request.

    Attributes
    ----------
    means : ndarray, shape (2, 1 + regressors, draws)
        Predicted level and error, for the outcome and for each regressor.
    covariance : ndarray, shape (3, draws)
        Variance of the level, covariance, variance of the error.
    products : ndarray, shape (draws, 1 + regressors, 1 + regressors)
        Cross products of the standardised innovations of all periods before.
    log_variances : ndarray, shape (draws,)
        Sum of the logarithms of the scales that standardised these.
    prior_variances : ndarray, shape (regressors,)
        Of the coefficients.
    """

    means: Floats
    covariance: Floats
    products: Floats
    log_variances: Floats
    prior_variances: Floats

    @cached_property
    def coefficients(self) -> Floats:
        """Mean of the coefficients, shape (draws, regressors)."""
        means: Floats = np.einsum(
            "njk,nk->nj", self.coefficient_covariance, self._cross
        )
        return means

    @cached_property
    def coefficient_covariance(self) -> Floats:
        """Their covariance, shape (draws, regressors, regressors)."""
        return np.asarray(np.linalg.inv(self._precision), dtype=np.float64)

    @cached_property
    def log_likelihood(self) -> Floats:
        """Of all periods before, with the coefficients integrated out."""
        value: Floats = -0.5 * (self.log_variances + self.products[:, 0, 0])
        if len(self.prior_variances):
            value += 0.5 * np.einsum("nj,nj->n", self.coefficients, self._cross)
            value -= 0.5 * np.linalg.slogdet(self._precision)[1]
            value -= 0.5 * np.log(self.prior_variances).sum()
        return value

    @property
    def _cross(self) -> Floats:
        return self.products[:, 1:, 0]

    @property
    def _precision(self) -> Floats:
        summed: Floats = self.products[:, 1:, 1:] + np.diag(1.0 / self.prior_variances)
        return summed


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
        An entry per draw.
    marks : sequence of int
        Positions, in order; the last may be the number of periods.
    """
    return Pass(outcome, regressors, prior_variances, parameters, marks).moments(marks)


@dataclass(frozen=True, slots=True)
class _States:
    """The filter's states before a period, and how many outcomes it had seen."""

    means: Floats
    covariance: Floats
    seen: int


class Pass:
    """Single run of the filter, with moments available afterwards.

    Parameters
    ----------
    outcome, regressors, prior_variances, parameters
        As for :func:`filtered`.
    marks : sequence of int
        All positions that moments may be asked for, in order.
    """

    def __init__(
        self,
        outcome: Floats,
        regressors: Floats,
        prior_variances: Floats,
        parameters: Parameters,
        marks: Sequence[int],
    ) -> None:
        data = np.column_stack([outcome, regressors])[: marks[-1]]
        known = int((~np.isnan(data[:, 0])).sum())
        run = _Run(parameters, data.shape[1], known)
        self.parameters, self._priors = parameters, prior_variances
        self._states: dict[int, _States] = {}
        start = 0
        for mark in marks:
            run.advance(data[start:mark])
            self._states[mark] = run.states()
            start = mark
        self._innovations = run.innovations
        logs = np.log(2.0 * np.pi * run.variances)
        # A sum in order of time, which is the same wherever it is asked for.
        self._log_variances = np.add.accumulate(logs, out=logs)

    def moments(self, marks: Sequence[int]) -> list[Moments]:
        """Return the moments before some of the marked periods, in order."""
        columns, draws = self._innovations.shape[1:]
        products: Floats = np.zeros((draws, columns, columns))
        asked = []
        start = 0
        for mark in marks:
            at = self._states[mark]
            if at.seen > start:
                products = products + _products(self._innovations[start : at.seen])
            # A copy: a view would keep the variances of all periods.
            logs = (
                self._log_variances[at.seen - 1].copy() if at.seen else np.zeros(draws)
            )
            asked.append(Moments(at.means, at.covariance, products, logs, self._priors))
            start = at.seen
        return asked


def _products(innovations: Floats) -> Floats:
    """Return the cross products of columns over periods, for each draw."""
    _, columns, draws = innovations.shape
    products = np.empty((draws, columns, columns))
    for start in range(0, draws, _DRAWS_AT_ONCE):
        some = slice(start, start + _DRAWS_AT_ONCE)
        stacked = np.ascontiguousarray(innovations[:, :, some].transpose(2, 1, 0))
        np.matmul(stacked, stacked.transpose(0, 2, 1), out=products[some])
    return products


class _Run:
    """The filter's state while it moves through the periods."""

    def __init__(self, parameters: Parameters, columns: int, known: int) -> None:
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
        self.innovations: Floats = np.empty((known, columns, draws))
        self.variances: Floats = np.empty((known, draws))
        self._seen = 0
        self._squared_phi = self.phi**2
        self._moved = np.empty((columns, draws))

    def advance(self, data: Floats) -> None:
        """Filter some periods, and keep their standardised innovations."""
        for row in data:
            if np.isnan(row[0]):
                self._predict(*self.covariance)
                continue
            self._update(row)
            self._seen += 1

    def states(self) -> _States:
        """Return the states known before the next period."""
        means = np.stack([self.level, self.error])
        return _States(means, np.stack(self.covariance), self._seen)

    def _update(self, row: Floats) -> None:
        p11, p12, p22 = self.covariance
        with_level, with_error = p11 + p12, p12 + p22
        variance = with_level + with_error
        innovation = self.innovations[self._seen]
        np.subtract(row[:, None], self.level, out=innovation)
        innovation -= self.error
        self.level += np.multiply(innovation, with_level / variance, out=self._moved)
        self.error += np.multiply(innovation, with_error / variance, out=self._moved)
        # Level and error add up to the observation, so a single number suffices.
        left = (p11 * p22 - p12 * p12) / variance
        self._predict(left, -left, left)
        self.variances[self._seen] = variance
        innovation /= np.sqrt(variance)

    def _predict(self, p11: Floats, p12: Floats, p22: Floats) -> None:
        self.error *= self.phi
        self.covariance = (
            p11 + self.level_variance,
            self.phi * p12,
            self._squared_phi * p22 + self.error_variance,
        )
