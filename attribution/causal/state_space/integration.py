"""Hyper-parameters integrated by adaptive importance sampling, and the mixture.

Geweke 1989 for the method, Kong, Liu and Wong 1994 for the effective sample size.
θ = (log σ_μ, log σ_u, artanh φ); priors σ_μ ~ half-normal(0.10) (Gelman 2006: mass at
zero, free upwards), σ_u ~ half-normal(1), p(φ) ∝ 1 + φ. A plug-in estimate would put
σ_μ at exactly zero too often, and then the interval collapses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from attribution.causal.state_space.local_level import Parameters, Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats

#: Scale of the half-normal prior of the level's daily step, in standard deviations.
LEVEL_SCALE = 0.10
#: Below this many effective draws there is no estimate; below the other a warning.
ESS_NEEDED, ESS_WANTED = 100.0, 300.0
_DRAWS, _ROUNDS = 1000, 6
_MORE_DRAWS, _MORE_ROUNDS = 2000, 8
_T_DEGREES = 6
_START = np.array([np.log(LEVEL_SCALE / 3.0), -0.9, 0.3])
_START_SD = np.array([1.5, 0.6, 0.6])
#: Number of values looked up at once: their working set stays in the cache.
_VALUES_AT_ONCE = 64
_WIDER = np.diag([0.03, 0.005, 0.01])


@dataclass(frozen=True, slots=True)
class Integration:
    """Weighted draws of the hyper-parameters given the history.

    Attributes
    ----------
    parameters : Parameters
        The draws.
    weights : ndarray, shape (draws,)
        With sum 1.
    effective_draws : float
        1 / Σ weights².
    log_evidence : float
        Of the history, up to a constant that models with priors of the same variances
        share.
    """

    parameters: Parameters
    weights: Floats
    effective_draws: float
    log_evidence: float


def integrate(
    log_likelihood: Callable[[Parameters], Floats],
    rng: np.random.Generator,
    *,
    draws: int = _DRAWS,
    level_scale: float = LEVEL_SCALE,
) -> Integration:
    """Return weighted draws of the hyper-parameters.

    Parameters
    ----------
    log_likelihood : callable
        Of the history, for draws of the parameters.
    rng : Generator
        Source of the draws.
    draws : int
        Of each round; twice as many are tried once where they were too few.
    level_scale : float
        Of the prior of the level's step; another scale shows the sensitivity to it.
    """

    def log_posterior(theta: Floats, parameters: Parameters) -> Floats:
        return log_likelihood(parameters) + log_prior(theta, level_scale)

    sample = _sample(log_posterior, rng, draws, _ROUNDS)
    if sample.effective_draws < min(ESS_WANTED, 0.3 * draws):
        more = _sample(log_posterior, rng, draws * _MORE_DRAWS // _DRAWS, _MORE_ROUNDS)
        sample = max(sample, more, key=lambda one: one.effective_draws)
    return sample


def integrate_history(
    outcome: Floats,
    regressors: Floats,
    prior_variances: Floats,
    rng: np.random.Generator,
    *,
    marks: Sequence[int],
    draws: int = _DRAWS,
    level_scale: float = LEVEL_SCALE,
) -> tuple[Integration, Pass]:
    """Return weighted draws given a history, and the filter pass with them.

    Parameters
    ----------
    outcome, regressors, prior_variances
        As for :func:`attribution.causal.state_space.local_level.filtered`.
    rng : Generator
        Source of the draws.
    marks : sequence of int
        Positions with requested moments, in order; the last is the end of the history
        that the draws are weighted by.
    draws, level_scale
        As for :func:`integrate`.
    """
    tried: list[Pass] = []

    def passed(parameters: Parameters) -> Pass:
        return Pass(outcome, regressors, prior_variances, parameters, marks)

    def log_likelihood(parameters: Parameters) -> Floats:
        tried.clear()
        tried.append(passed(parameters))
        return tried[0].moments(marks[-1:])[0].log_likelihood

    drawn = integrate(log_likelihood, rng, draws=draws, level_scale=level_scale)
    # The draws that are kept are mostly those that were tried last.
    last = tried[0]
    is_last = last.parameters is drawn.parameters
    return drawn, last if is_last else passed(drawn.parameters)


def parameters_of(theta: Floats) -> Parameters:
    """Return the parameters at unconstrained points, shape (draws, 3)."""
    return Parameters(
        np.exp(np.clip(theta[:, 0], -20.0, 5.0)),
        np.exp(np.clip(theta[:, 1], -12.0, 5.0)),
        np.tanh(np.clip(theta[:, 2], -7.0, 7.0)),
    )


def log_prior(theta: Floats, level_scale: float = LEVEL_SCALE) -> Floats:
    """Return the log prior density at unconstrained points, Jacobians included."""
    at = parameters_of(theta)
    phi = at.autocorrelation
    value: Floats = -0.5 * (at.level_sd / level_scale) ** 2 + theta[:, 0]
    value += -0.5 * at.error_sd**2 + theta[:, 1]
    return value + np.log1p(-(phi**2)) + np.log1p(phi)


def _sample(
    log_posterior: Callable[[Floats, Parameters], Floats],
    rng: np.random.Generator,
    draws: int,
    rounds: int,
) -> Integration:
    centre, covariance = _START, np.diag(_START_SD**2)
    for number in range(rounds):
        theta, log_proposal = _proposed(centre, covariance, draws, rng)
        parameters = parameters_of(theta)
        log_weights = log_posterior(theta, parameters) - log_proposal
        weights = _normalised(log_weights)
        effective = 1.0 / float(weights @ weights)
        evidence = _log_mean(log_weights) + 0.5 * np.linalg.slogdet(covariance)[1]
        if number and effective >= min(ESS_WANTED, 0.3 * draws):
            break
        tempered = _normalised((0.6 if number < 2 else 0.9) * log_weights)  # noqa: PLR2004
        centre = tempered @ theta
        spread = theta - centre
        covariance = 1.3 * (spread.T * tempered) @ spread + _WIDER
    return Integration(parameters, weights, effective, float(evidence))


def _proposed(
    centre: Floats, covariance: Floats, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    root = np.linalg.cholesky(covariance)
    stretch = np.sqrt(_T_DEGREES / rng.chisquare(_T_DEGREES, draws))
    standard = rng.standard_normal((draws, 3)) * stretch[:, None]
    squared = (standard**2).sum(axis=1)
    log_density = -0.5 * (_T_DEGREES + 3) * np.log1p(squared / _T_DEGREES)
    return centre + standard @ root.T, log_density


def _log_mean(log_weights: Floats) -> float:
    known = log_weights[np.isfinite(log_weights)]
    return float(special.logsumexp(known) - np.log(len(log_weights)))


def _normalised(log_weights: Floats) -> Floats:
    clean = np.where(np.isfinite(log_weights), log_weights, -np.inf)
    weights = np.exp(clean - clean.max())
    total: Floats = weights / weights.sum()
    return total


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weighted normal distributions: a total, over all its parameters.

    Attributes
    ----------
    weights, means, variances : ndarray, shape (draws,)
        A normal distribution per draw.
    """

    weights: Floats
    means: Floats
    variances: Floats

    @property
    def mean(self) -> float:
        """The mean."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """The standard deviation, within draws and between them."""
        between = self.weights @ (self.means - self.mean) ** 2
        return float(np.sqrt(self.weights @ self.variances + between))

    def below(self, values: Floats) -> Floats:
        """Return the distribution function at some values."""
        scaled = np.subtract.outer(np.atleast_1d(values), self.means)
        found: Floats = special.ndtr(scaled / np.sqrt(self.variances)) @ self.weights
        return found

    def quantile(self, probability: float) -> float:
        """Return a quantile by root finding: tails have no Monte-Carlo noise."""
        far = self.sd * 60.0
        return float(
            optimize.brentq(
                lambda value: float(self.below(value)[0]) - probability,
                self.mean - far,
                self.mean + far,
                xtol=1e-9 * self.sd,
            )
        )

    def interval(self, level: float) -> tuple[float, float]:
        """Return the central interval at a level."""
        tail = (1.0 - level) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)

    def quantiles(self, probabilities: Floats) -> Floats:
        """Return many quantiles, interpolated where the function is nearly straight.

        The normal quantile of the distribution function is smooth in the value;
        between 801 nodes its inverse is right to 1e-6 of a standard deviation.
        """
        low = self.quantile(0.5 * float(probabilities.min()))
        high = self.quantile(0.5 + 0.5 * float(probabilities.max()))
        nodes = np.linspace(low, high, 801)
        straight = special.ndtri(self.below(nodes))
        found: Floats = np.interp(special.ndtri(probabilities), straight, nodes)
        return found

    def members(self, values: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return, for each value, a draw that it may have come from."""
        levels = rng.uniform(size=len(values))
        chosen: NDArray[np.intp] = np.empty(len(values), dtype=np.intp)
        for start in range(0, len(values), _VALUES_AT_ONCE):
            some = slice(start, start + _VALUES_AT_ONCE)
            chosen[some] = self._members(values[some], levels[some])
        return chosen

    def _members(self, values: Floats, levels: Floats) -> NDArray[np.intp]:
        scaled = np.subtract.outer(values, self.means)
        density = np.exp(-0.5 * scaled**2 / self.variances)
        density *= self.weights / np.sqrt(self.variances)
        running = np.cumsum(density, axis=1, out=density)
        wanted = levels * running[:, -1]
        chosen: NDArray[np.intp] = (running < wanted[:, None]).sum(axis=1)
        return chosen
