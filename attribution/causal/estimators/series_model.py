"""The model of the design ``counterfactual_series``, fitted to arrays.

Knows neither plan nor panel: an outcome, controls, the position of the launch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from attribution.causal.effect import (
    DRAW_COUNT,
    INTERVAL_QUANTILE,
    POWER_QUANTILE,
    stratified_levels,
)
from attribution.causal.state_space.integration import (
    LEVEL_SCALE,
    Mixture,
    integrate_history,
)
from attribution.causal.state_space.local_level import Parameters, filtered
from attribution.causal.state_space.prediction import predicted_total, simulated_paths

if TYPE_CHECKING:
    from attribution.arrays import Floats
    from attribution.causal.state_space.integration import Integration
    from attribution.causal.state_space.local_level import Moments

COEFFICIENT_VARIANCE = 10.0
SLOPE_VARIANCE = 1.0
PLACEBO_ORIGINS = 6
_DEPENDENT = 1e-8
_EARLIEST_PLACEBO = 40


@dataclass(frozen=True, eq=False)
class SeriesFit:
    """Model given the history, with its predictions of later periods.

    Attributes
    ----------
    outcome : ndarray, shape (periods,)
        As it was given.
    regressors : ndarray, shape (periods, regressors)
        Standardised season, controls and slope.
    prior_variances : ndarray, shape (regressors,)
        Of their coefficients.
    centre, scale : float
        Mean and standard deviation of the history's outcome.
    launch : int
        Position of the first period after.
    integration : Integration
        Draws of the hyper-parameters.
    origins : tuple of int
        Placebo launches; their moments come before those of the launch.
    moments : tuple of Moments
        Before each placebo launch, before the last horizon of the history, and before
        the launch.
    notes : tuple of str
        Omissions, with reasons.
    """

    outcome: Floats
    regressors: Floats
    prior_variances: Floats
    centre: float
    scale: float
    launch: int
    integration: Integration
    origins: tuple[int, ...]
    moments: tuple[Moments, ...]
    notes: tuple[str, ...]

    @property
    def observed(self) -> Floats:
        """The outcome from the launch on."""
        return self.outcome[self.launch :]

    @property
    def _multiples(self) -> Floats:
        return np.ones(len(self.outcome) - self.launch)

    @cached_property
    def counterfactual_sum(self) -> Mixture:
        """Return the sum of the counterfactual outcome, in its unit."""
        return self._sum(self.moments[-1], self.launch, len(self.outcome))

    @property
    def effect_mean(self) -> float:
        """Observed total minus the counterfactual's mean."""
        return float(self.observed.sum()) - self.counterfactual_sum.mean

    def effect_interval(self, level: float) -> tuple[float, float]:
        """Return the exact interval of the total effect."""
        low, high = self.counterfactual_sum.interval(level)
        total = float(self.observed.sum())
        return total - high, total - low

    @property
    def p_value(self) -> float:
        """The two-sided p-value of no effect in total."""
        total = float(self.observed.sum())
        below = float(self.counterfactual_sum.below(np.array([total]))[0])
        return 2.0 * min(below, 1.0 - below)

    @property
    def placebo_periods(self) -> int:
        """Length of each placebo window."""
        return placebo_periods(self.launch, len(self.outcome) - self.launch)

    @cached_property
    def placebo_z(self) -> Floats:
        """Placebo effects before the launch, in predictive standard deviations."""
        found = []
        for origin, moments in zip(self.origins, self.moments, strict=False):
            end = origin + self.placebo_periods
            predicted = self._sum(moments, origin, end)
            total = float(np.nansum(self.outcome[origin:end]))
            found.append((total - predicted.mean) / predicted.sd)
        return np.array(found)

    @property
    def minimum_detectable_effect(self) -> float:
        """Total effect that 80 % of launches would show at a two-sided 90 % level.

        Predicted for the last periods of the history, as many as the horizon has.
        """
        origin = _held_out(self.launch, len(self.outcome) - self.launch)
        sd = self._sum(self.moments[-2], origin, self.launch).sd
        return (INTERVAL_QUANTILE + POWER_QUANTILE) * sd

    @cached_property
    def counterfactual_mean(self) -> Floats:
        """Mean counterfactual of each period; sums to that of the sum exactly."""
        moments, regressors = self.moments[-1], self.regressors[self.launch :]
        weights = self.integration.weights
        coefficients = moments.coefficients
        start = moments.means[:, 0] - np.einsum(
            "scn,nc->sn", moments.means[:, 1:], coefficients
        )
        phi = self.integration.parameters.autocorrelation
        powers = phi ** np.arange(len(regressors))[:, None]
        states = start[0] + powers * start[1]
        mean = states @ weights + regressors @ (weights @ coefficients)
        scaled: Floats = self.centre + self.scale * mean
        return scaled

    def counterfactual_paths(self, rng: np.random.Generator) -> Floats:
        """Return paths with sums at equally spaced quantiles of the exact sum."""
        regressors, multiples = self.regressors[self.launch :], self._multiples
        parameters = self.integration.parameters
        total = predicted_total(self.moments[-1], parameters, regressors, multiples)
        mixture = Mixture(self.integration.weights, total.means, total.variances)
        sums = mixture.quantiles(stratified_levels(DRAW_COUNT, rng))
        chosen = mixture.members(sums, rng)
        paths = simulated_paths(
            self.moments[-1],
            parameters,
            regressors,
            total,
            chosen,
            sums,
            multiples,
            rng,
        )
        return self.centre + self.scale * paths

    def posterior_means(self) -> tuple[float, float, float]:
        """Return σ_μ and σ_u in the unit of the outcome, and φ."""
        at, weights = self.integration.parameters, self.integration.weights
        return (
            self.scale * float(weights @ at.level_sd),
            self.scale * float(weights @ at.error_sd),
            float(weights @ at.autocorrelation),
        )

    def residuals(self) -> Floats:
        """Return standardised one-step errors at the posterior mean.

        The first errors, as many as there are diffuse states, mean nothing and are left
        out.
        """
        expected, errors = self._one_step
        usable = (self.outcome[: self.launch] - expected) / errors
        known: Floats = usable[np.isfinite(usable)]
        return known

    @property
    def expected_history(self) -> Floats:
        """Return one-step-ahead expectations of each period before the launch.

        NaN where it knew nothing yet.
        """
        return self._one_step[0]

    @cached_property
    def _one_step(self) -> tuple[Floats, Floats]:
        """Return one-step predictions at the posterior mean, and their errors."""
        level_sd, error_sd, phi = self.posterior_means()
        at = Parameters(
            np.array([level_sd / self.scale]),
            np.array([error_sd / self.scale]),
            np.array([phi]),
        )
        y = (self.outcome[: self.launch] - self.centre) / self.scale
        x = self.regressors[: self.launch]
        everywhere = filtered(y, x, self.prior_variances, at, range(self.launch))
        coefficients = self.integration.weights @ self.moments[-1].coefficients
        found = np.array([_prediction(one, coefficients) for one in everywhere])
        found[:, 0] += x @ coefficients
        found[: 1 + x.shape[1]] = np.nan
        return self.centre + self.scale * found[:, 0], self.scale * found[:, 1]

    def _sum(self, moments: Moments, start: int, end: int) -> Mixture:
        known = np.isfinite(self.outcome[start:end]).astype(float)
        parameters = self.integration.parameters
        total = predicted_total(moments, parameters, self.regressors[start:end], known)
        means = self.centre * known.sum() + self.scale * total.means
        variances = self.scale**2 * total.variances
        return Mixture(self.integration.weights, means, variances)


def fit_series(  # noqa: PLR0913  (data, then choices by name)
    outcome: Floats,
    controls: Floats,
    launch: int,
    rng: np.random.Generator,
    *,
    cycle: int = 7,
    slope: bool = False,
    draws: int = 1000,
    level_scale: float = LEVEL_SCALE,
) -> SeriesFit:
    """Fit the model to the periods before the launch.

    Parameters
    ----------
    outcome : ndarray, shape (periods,)
        NaN where unknown, before the launch only.
    controls : ndarray, shape (periods, controls)
        Constant or linearly dependent controls are left out, and named in the notes.
    launch : int
        Position of the launch.
    rng : Generator
        Source of the draws.
    cycle : int
        Periods of a season; 1 for none.
    slope : bool
        True if a straight trend is a regressor, with a coefficient N(0, 1).
    draws : int
        Of the hyper-parameters.
    level_scale : float
        Of the prior of the level's step, in standard deviations of the history.
    """
    history = outcome[:launch]
    centre, scale = float(np.nanmean(history)), float(np.nanstd(history))
    y = (outcome - centre) / scale
    x, priors, notes = _regressors(controls, launch, cycle, slope=slope)
    horizon = len(outcome) - launch
    origins = _placebo_origins(launch, horizon)
    marks = [*origins, _held_out(launch, horizon), launch]
    order = np.argsort(marks, kind="stable")
    in_order = [marks[i] for i in order]
    found, passed = integrate_history(
        y, x, priors, rng, marks=in_order, draws=draws, level_scale=level_scale
    )
    in_turn = passed.moments(in_order)
    moments = [in_turn[i] for i in np.argsort(order)]
    return SeriesFit(
        outcome,
        x,
        priors,
        centre,
        scale,
        launch,
        found,
        origins,
        tuple(moments),
        notes,
    )


def placebo_periods(history: int, horizon: int) -> int:
    """Return how long a placebo window is: the horizon, or a quarter of the history."""
    return max(1, min(horizon, history // 4))


def _placebo_origins(history: int, horizon: int) -> tuple[int, ...]:
    last = history - placebo_periods(history, horizon)
    first = min(max(history // 2, _EARLIEST_PLACEBO), last)
    spaced = np.linspace(first, last, PLACEBO_ORIGINS).round().astype(int)
    return tuple(sorted({int(position) for position in spaced if position > 0}))


def _held_out(history: int, horizon: int) -> int:
    return max(history - horizon, history // 2)


def _regressors(
    controls: Floats, launch: int, cycle: int, *, slope: bool
) -> tuple[Floats, Floats, tuple[str, ...]]:
    periods = len(controls)
    season = season_contrasts(periods, cycle)
    history = controls[:launch]
    scale = history.std(axis=0)
    constant = scale <= _DEPENDENT * np.maximum(1e-300, np.abs(history).max(axis=0))
    standard = (controls - history.mean(axis=0)) / np.where(constant, 1.0, scale)
    kept = _independent(season[:launch], standard[:launch], ~constant)
    parts = [season, standard[:, kept]]
    variances = [COEFFICIENT_VARIANCE] * (season.shape[1] + len(kept))
    if slope:
        parts.append(((np.arange(periods) - launch / 2) / launch)[:, None])
        variances.append(SLOPE_VARIANCE)
    left_out = controls.shape[1] - len(kept)
    notes = (
        f"{left_out} of {controls.shape[1]} controls were constant or a copy of others"
        " before the launch, and were left out.",
    )
    return np.column_stack(parts), np.array(variances), notes if left_out else ()


def _independent(season: Floats, standard: Floats, usable: Floats) -> list[int]:
    """Return the controls that are independent of those before them."""
    kept: list[int] = []
    base = np.column_stack([np.ones(len(season)), season])
    for column in np.flatnonzero(usable):
        x = standard[:, column]
        left = x - base @ linalg.lstsq(base, x)[0]
        if left @ left > _DEPENDENT * (x @ x):
            kept.append(int(column))
            base = np.column_stack([base, x])
    return kept


def season_contrasts(periods: int, cycle: int) -> Floats:
    """Return orthonormal contrasts of the season's positions.

    Their prior does not depend on which position is called the first, so dates may be
    shifted by any number of days.
    """
    if cycle == 1:
        return np.empty((periods, 0))
    contrasts = linalg.helmert(cycle) * np.sqrt(cycle)
    return np.ascontiguousarray(contrasts[:, np.arange(periods) % cycle].T)


def _prediction(moments: Moments, coefficients: Floats) -> tuple[float, float]:
    means = moments.means[:, :, 0].sum(axis=0)
    p11, p12, p22 = moments.covariance[:, 0]
    return (
        float(means[0] - means[1:] @ coefficients),
        float(np.sqrt(p11 + 2 * p12 + p22)),
    )
