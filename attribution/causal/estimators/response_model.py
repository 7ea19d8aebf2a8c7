"""Model of a whole series on declared drivers and a moving level.

Knows neither plan nor panel. Local level + AR(1) + season + regressors over the whole
window, with the hyper-parameters integrated (:mod:`attribution.causal.state_space`).
Where a driver may carry over, each way of doing so is a model, and models are averaged
by their evidence. The result is draws of the coefficients; everything else is linear in
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from attribution.causal.effect import DRAW_COUNT, stratified_levels
from attribution.causal.estimators.series_model import (
    COEFFICIENT_VARIANCE,
    season_contrasts,
)
from attribution.causal.state_space.integration import Mixture, integrate_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.state_space.integration import Integration

#: Members of the mixture that draws come from; more are thinned to so many.
MEMBERS = 1500
#: A normal prior of a coefficient per unit of its regressor: mean, standard deviation.
Prior = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Member:
    """Single model: a given way in which drivers carry over.

    Attributes
    ----------
    regressors : ndarray, shape (periods, regressors)
        Drivers in their own units, carried over; then season and drift.
    scales : ndarray, shape (regressors,)
        Standard deviations that they were divided by.
    integration : Integration
        Draws of the hyper-parameters.
    coefficients : ndarray, shape (draws, regressors)
        Means, per unit of the regressor, in the unit of the outcome.
    covariances : ndarray, shape (draws, regressors, regressors)
        Theirs.
    """

    regressors: Floats
    scales: Floats
    integration: Integration
    coefficients: Floats
    covariances: Floats


@dataclass(frozen=True, eq=False)
class ResponseFit:
    """Average of the models, with its estimates of the coefficients.

    Attributes
    ----------
    outcome : ndarray, shape (periods,)
        As it was given.
    drivers : int
        Number of the regressors, from the first on, that are drivers.
    has_drift : bool
        True if the last regressor is a straight line.
    members : tuple of Member
        The models.
    weights : ndarray, shape (members,)
        By evidence, with sum 1.
    """

    outcome: Floats
    drivers: int
    has_drift: bool
    members: tuple[Member, ...]
    weights: Floats

    @property
    def effective_draws(self) -> float:
        """Of the model with most evidence."""
        best = int(np.argmax(self.weights))
        return self.members[best].integration.effective_draws

    @cached_property
    def _flat(self) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
        """Weight, model and draw of each component of the mixture."""
        sizes = [len(member.coefficients) for member in self.members]
        weights = np.concatenate(
            [
                w * one.integration.weights
                for w, one in zip(self.weights, self.members, strict=True)
            ]
        )
        model = np.repeat(np.arange(len(sizes)), sizes)
        draw = np.concatenate([np.arange(size) for size in sizes])
        if len(weights) > MEMBERS:
            middles = (np.arange(MEMBERS) + 0.5) / MEMBERS
            kept = np.searchsorted(np.cumsum(weights), middles)
            kept = np.minimum(kept, len(weights) - 1)
            weights, model, draw = (
                np.full(MEMBERS, 1.0 / MEMBERS),
                model[kept],
                draw[kept],
            )
        return weights, model, draw

    def total(self, loadings: Sequence[Floats]) -> Mixture:
        """Return the distribution of a sum that is linear in the coefficients.

        Parameters
        ----------
        loadings : sequence of ndarray, shape (regressors,)
            Gain of the sum per unit of each coefficient, by model.
        """
        weights, model, draw = self._flat
        means, variances = np.empty(len(weights)), np.empty(len(weights))
        for number, (one, c) in enumerate(zip(self.members, loadings, strict=True)):
            own = model == number
            means[own] = one.coefficients[draw[own]] @ c
            variances[own] = np.einsum("njk,j,k->n", one.covariances[draw[own]], c, c)
        return Mixture(weights, means, np.maximum(variances, 0.0))

    def drawn(
        self,
        loadings: Sequence[Floats],
        rng: np.random.Generator,
        draws: int = DRAW_COUNT,
    ) -> tuple[Floats, NDArray[np.intp]]:
        """Return draws of the coefficients, and the model that each belongs to.

        The sum with these loadings has, over the draws, the quantiles of its exact
        distribution at equal steps.
        """
        mixture = self.total(loadings)
        sums = mixture.quantiles(stratified_levels(draws, rng))
        _, model, draw = self._flat
        chosen = mixture.members(sums, rng)
        found = np.empty((draws, len(loadings[0])))
        noise = rng.standard_normal(found.shape)
        for number, (one, c) in enumerate(zip(self.members, loadings, strict=True)):
            own = model[chosen] == number
            component = chosen[own]
            covariance = one.covariances[draw[component]]
            roots = np.linalg.cholesky(covariance)
            free = one.coefficients[draw[component]]
            free = free + np.einsum("njk,nk->nj", roots, noise[own])
            with_sum = covariance @ c
            lacking = (sums[own] - free @ c) / (with_sum @ c)
            found[own] = free + with_sum * lacking[:, None]
        return found, model[chosen]

    def mean_and_sd(self, loadings: Sequence[Floats]) -> tuple[float, float]:
        """Return mean and standard deviation of such a sum."""
        mixture = self.total(loadings)
        return mixture.mean, mixture.sd


def fit_response(
    outcome: Floats,
    variants: Sequence[Floats],
    rng: np.random.Generator,
    *,
    cycle: int = 7,
    has_drift: bool = True,
    priors: Sequence[Prior | None] = (),
    draws: int = 1000,
) -> ResponseFit:
    """Fit a model per variant of the drivers to the whole series.

    Parameters
    ----------
    outcome : ndarray, shape (periods,)
        NaN where unknown.
    variants : sequence of ndarray, shape (periods, drivers)
        The drivers, in each way in which they may carry over.
    rng : Generator
        Source of the draws.
    cycle : int
        Periods of a season; 1 for none.
    has_drift : bool
        True if a straight line, a fixed drift, is part of the model.
    priors : sequence of (float, float) or None
        Experimental estimate of each driver's coefficient.
    draws : int
        Of the hyper-parameters, for each variant.
    """
    periods = len(outcome)
    others = [season_contrasts(periods, cycle)]
    if has_drift:
        others.append(np.arange(periods, dtype=float)[:, None])
    members = tuple(
        _fitted(outcome, np.column_stack([one, *others]), child, priors, draws)
        for one, child in zip(variants, rng.spawn(len(variants)), strict=True)
    )
    evidence = np.array([member.integration.log_evidence for member in members])
    weights = np.exp(evidence - special.logsumexp(evidence))
    return ResponseFit(outcome, variants[0].shape[1], has_drift, members, weights)


def _fitted(
    outcome: Floats,
    regressors: Floats,
    rng: np.random.Generator,
    priors: Sequence[Prior | None],
    draws: int,
) -> Member:
    scale = float(np.nanstd(outcome))
    scales = regressors.std(axis=0)
    means, variances = _priors(priors, scales, scale)
    x = (regressors - regressors.mean(axis=0)) / scales
    y = (outcome - np.nanmean(outcome)) / scale - x @ means
    last = [len(outcome)]
    found, passed = integrate_history(y, x, variances, rng, marks=last, draws=draws)
    at_end = passed.moments(last)[0]
    to_units = scale / scales
    return Member(
        regressors,
        scales,
        found,
        (at_end.coefficients + means) * to_units,
        at_end.coefficient_covariance * np.outer(to_units, to_units),
    )


def _priors(
    priors: Sequence[Prior | None], scales: Floats, scale: float
) -> tuple[Floats, Floats]:
    means = np.zeros(len(scales))
    variances = np.full(len(scales), COEFFICIENT_VARIANCE)
    for column, prior in enumerate(priors):
        if prior is not None:
            means[column] = prior[0] * scales[column] / scale
            variances[column] = (prior[1] * scales[column] / scale) ** 2
    return means, variances


def carried_over(values: Floats, part: float) -> Floats:
    """Return x̃_t = x_t + λ x̃_{t-1}, as if the first value had always been there.

    It is scaled by 1 - λ, so that a constant is unchanged and coefficients of several λ
    are per unit of the same thing (Jin et al. 2017).
    """
    found = np.array(values, dtype=float)
    for period in range(1, len(found)):
        found[period] = (1.0 - part) * values[period] + part * found[period - 1]
    return found
