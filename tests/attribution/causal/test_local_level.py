"""The fast filter against statsmodels, brute force and data with published answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.tsa.statespace.structural import UnobservedComponents

from attribution.causal.estimators.series_model import fit_series
from attribution.causal.state_space.integration import (
    Mixture,
    integrate,
    log_prior,
    parameters_of,
)
from attribution.causal.state_space.local_level import (
    LEVEL_VARIANCE,
    Parameters,
    Pass,
    filtered,
)
from attribution.causal.state_space.prediction import predicted_total, simulated_paths
from benchmarks.simulated_worlds import simulate

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(11)
N, H, M = 120, 25, 3
X = RNG.standard_normal((N + H, M))
Y = (
    np.cumsum(RNG.normal(0, 0.1, N + H))
    + X @ [0.5, -0.3, 0.0]
    + RNG.normal(0, 0.5, 145)
)
PRIORS = np.array([10.0, 10.0, 1.0])
DRAWS = Parameters(
    np.array([0.05, 0.25, 1e-4]), np.array([0.5, 0.3, 0.9]), np.array([0.4, -0.3, 0.95])
)


def statsmodels_model(endog: np.ndarray, exog: np.ndarray, draw: int) -> object:
    """Return the same model with coefficients among the states, known at the start."""
    model = UnobservedComponents(
        endog,
        level=True,
        stochastic_level=True,
        irregular=False,
        autoregressive=1,
        exog=exog,
        mle_regression=False,
    )
    error = DRAWS.error_sd[draw] ** 2 / (1 - DRAWS.autocorrelation[draw] ** 2)
    start = np.diag([LEVEL_VARIANCE, error, *PRIORS])
    model.ssm.initialize_known(np.zeros(2 + M), start)
    model.ssm.loglikelihood_burn = 0
    return model


def parameters_for_statsmodels(draw: int) -> list[float]:
    return [
        DRAWS.level_sd[draw] ** 2,
        DRAWS.error_sd[draw] ** 2,
        DRAWS.autocorrelation[draw],
    ]


@pytest.mark.parametrize("draw", [0, 1, 2])
@pytest.mark.parametrize("missing", [[], [0], [17, 18, 60]])
def test_the_likelihood_is_that_of_statsmodels(draw: int, missing: list[int]) -> None:
    y = Y[:N].copy()
    y[missing] = np.nan
    ours = filtered(y, X[:N], PRIORS, DRAWS, [N])[0].log_likelihood[draw]
    theirs = statsmodels_model(y, X[:N], draw).loglike(  # type: ignore[attr-defined]
        parameters_for_statsmodels(draw)
    )
    assert ours == pytest.approx(theirs, abs=1e-8)


def test_a_pass_says_of_each_mark_what_a_filter_of_its_days_does() -> None:
    """Draws are weighted by the end alone, placebos are read at every mark."""
    y = Y[:N].copy()
    y[[0, 17, 18]] = np.nan
    passed = Pass(y, X[:N], PRIORS, DRAWS, [17, 19, 60, N])
    at_end, alone = passed.moments([N])[0], filtered(y, X[:N], PRIORS, DRAWS, [N])[0]
    assert np.array_equal(at_end.log_likelihood, alone.log_likelihood)
    in_turn = passed.moments([17, 19, 60, N])
    for mark, moments in zip((17, 19, 60), in_turn, strict=False):
        until = filtered(y[:mark], X[:mark], PRIORS, DRAWS, [mark])[0]
        assert np.array_equal(moments.means, until.means)
        assert moments.log_likelihood == pytest.approx(until.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("draw", [0, 1])
def test_mean_and_variance_of_the_sum_are_those_of_the_joint_state(draw: int) -> None:
    """The sum is added to statsmodels' state: its variance is then read off exactly."""
    moments = filtered(Y[:N], X[:N], PRIORS, DRAWS, [N])[0]
    ours = predicted_total(moments, DRAWS, X[N:], np.ones(H))
    model = statsmodels_model(Y[:N], X[:N], draw)
    found = model.smooth(parameters_for_statsmodels(draw))  # type: ignore[attr-defined]
    mean = found.predicted_state[:, -1]
    covariance = found.predicted_state_cov[:, :, -1]
    transition = np.diag([1.0, DRAWS.autocorrelation[draw], 1.0, 1.0, 1.0])
    noise = np.diag([DRAWS.level_sd[draw] ** 2, DRAWS.error_sd[draw] ** 2, 0, 0, 0])
    # Forwards with the running sum as a sixth state; ours goes backwards without it.
    state, spread = np.append(mean, 0.0), np.zeros((6, 6))
    spread[:5, :5] = covariance
    for j in range(H):
        step = np.eye(6)
        step[5, :5] = [1.0, 1.0, *X[N + j]]
        state, spread = step @ state, step @ spread @ step.T
        move = np.eye(6)
        move[:5, :5] = transition
        state, spread = move @ state, move @ spread @ move.T
        spread[:5, :5] += noise
    assert ours.means[draw] == pytest.approx(state[5], rel=1e-8)
    assert ours.variances[draw] == pytest.approx(spread[5, 5], rel=1e-8)


def test_the_sum_varies_as_statsmodels_simulates_it() -> None:
    moments = filtered(Y[:N], X[:N], PRIORS, DRAWS, [N])[0]
    ours = predicted_total(moments, DRAWS, X[N:], np.ones(H))
    model = statsmodels_model(Y[:N], X[:N], 0)
    found = model.smooth(parameters_for_statsmodels(0))  # type: ignore[attr-defined]
    paths = found.simulate(H, repetitions=3000, anchor="end", exog=X[N:], rng=5)
    sums = np.asarray(paths).reshape(H, -1).sum(axis=0)
    # Standard error of a standard deviation from 3000 draws: 1.3 %.
    assert sums.std() == pytest.approx(np.sqrt(ours.variances[0]), rel=0.05)
    daily = np.asarray(found.get_forecast(H, exog=X[N:]).se_mean)
    assert np.sqrt((daily**2).sum()) < 0.8 * np.sqrt(ours.variances[0])


def test_paths_have_the_sums_they_were_given_and_the_right_spread() -> None:
    parameters = Parameters(*(values[:1] for values in _fields(DRAWS)))
    moments = filtered(Y[:N], X[:N], PRIORS, parameters, [N])[0]
    ones = np.ones(H)
    total = predicted_total(moments, parameters, X[N:], ones)
    levels = (np.arange(4000) + 0.5) / 4000
    sums = stats.norm.ppf(levels, total.means[0], np.sqrt(total.variances[0]))
    chosen = np.zeros(4000, dtype=int)
    paths = simulated_paths(
        moments,
        parameters,
        X[N:],
        total,
        chosen,
        sums,
        ones,
        np.random.default_rng(1),
    )
    assert paths.sum(axis=1) == pytest.approx(sums, abs=1e-9)
    model = statsmodels_model(Y[:N], X[:N], 0)
    found = model.smooth(parameters_for_statsmodels(0))  # type: ignore[attr-defined]
    forecast = found.get_forecast(H, exog=X[N:])
    assert paths.mean(axis=0) == pytest.approx(
        np.asarray(forecast.predicted_mean), abs=0.05
    )
    assert paths.std(axis=0) == pytest.approx(np.asarray(forecast.se_mean), rel=0.06)


def _fields(parameters: Parameters) -> tuple[np.ndarray, ...]:
    return parameters.level_sd, parameters.error_sd, parameters.autocorrelation


def test_importance_sampling_agrees_with_a_dense_grid() -> None:
    """Ends of the interval of the sum, within 1 % of its width of a grid's."""
    series = simulate("B", np.random.default_rng(4), days=120, after=20)
    y = series.outcome - series.outcome[:100].mean()
    y = y / y[:100].std()
    x = (series.controls - 90.0) / 10.0
    priors = np.array([10.0, 10.0])

    def sums(parameters: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        moments = filtered(y[:100], x[:100], priors, parameters, [100])[0]
        total = predicted_total(moments, parameters, x[100:], np.ones(20))
        return moments.log_likelihood, total.means, total.variances

    sampled = integrate(lambda at: sums(at)[0], np.random.default_rng(0), draws=2000)
    _, means, variances = sums(sampled.parameters)
    ours = Mixture(sampled.weights, means, variances).interval(0.95)
    axes = [
        np.linspace(-7, 0.5, 26),
        np.linspace(-2.2, 0.3, 24),
        np.linspace(-1, 1.6, 22),
    ]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1)
    likelihood, means, variances = sums(parameters_of(grid))
    weights = np.exp(
        likelihood + log_prior(grid) - (likelihood + log_prior(grid)).max()
    )
    theirs = Mixture(weights / weights.sum(), means, variances).interval(0.95)
    width = theirs[1] - theirs[0]
    assert ours == pytest.approx(theirs, abs=0.015 * width)


def test_quantiles_of_a_mixture_are_those_of_its_distribution() -> None:
    mixture = Mixture(np.array([0.7, 0.3]), np.array([0.0, 3.0]), np.array([1.0, 0.25]))
    for level in (0.001, 0.3, 0.7, 0.975):
        exact = mixture.quantile(level)
        by_hand = 0.7 * stats.norm.cdf(exact) + 0.3 * stats.norm.cdf(exact, 3.0, 0.5)
        assert by_hand == pytest.approx(level, abs=1e-8)
        assert mixture.quantiles(np.array([level]))[0] == pytest.approx(exact, abs=1e-4)
    assert mixture.mean == pytest.approx(0.9)
    assert mixture.sd == pytest.approx(np.sqrt(0.7 * 1 + 0.3 * 0.25 + 0.21 * 9))


def test_seeds_move_the_ends_of_an_interval_by_little() -> None:
    """Fifteen seeds: the spread of each end is at most 3 % of the width."""
    series = simulate("B", np.random.default_rng(2), days=150, after=30)
    ends = np.array(
        [
            fit_series(
                series.outcome, series.controls, 120, np.random.default_rng(seed)
            ).effect_interval(0.9)
            for seed in range(15)
        ]
    )
    width = float(np.mean(ends[:, 1] - ends[:, 0]))
    assert ends.std(axis=0).max() < 0.03 * width


@pytest.mark.parametrize("name", ["covariates", "no_effect"])
@pytest.mark.reference
def test_r_causal_impacts_own_series_are_answered_alike(
    causal: Path, name: str
) -> None:
    frame = pd.read_csv(causal / f"ci_R_{name}.csv")
    stored = json.loads((causal / f"ci_R_{name}.json").read_text())
    theirs = stored["r_output"]
    fitted = fit_series(
        frame["y"].to_numpy(float),
        frame.drop(columns="y").to_numpy(float),
        stored["n_pre"],
        np.random.default_rng(0),
        cycle=1,
    )
    per_point = fitted.effect_mean / 30
    low, high = (end / 30 for end in fitted.effect_interval(0.95))
    width = theirs["ci_upper"] - theirs["ci_lower"]
    assert low < stored["true_effect"] < high
    assert abs(per_point - theirs["point_effect_mean"]) < 0.30 * width
    assert high - low < 3.5 * width


@pytest.mark.reference
def test_the_level_of_the_nile_fell_at_aswan(causal: Path) -> None:
    flow = pd.read_csv(causal / "nile.csv")
    y = flow["value"].to_numpy(float)
    standard = (y - y.mean()) / y.std()
    step = (flow["time"].to_numpy() >= 1899).astype(float)[:, None]
    priors = np.array([1e4])
    found = integrate(
        lambda at: filtered(standard, step, priors, at, [100])[0].log_likelihood,
        np.random.default_rng(0),
    )
    # With a level that stays, as the likelihood wants it, the shift is Cobb's.
    still = Parameters(
        np.array([1e-6]),
        np.array([float(found.weights @ found.parameters.error_sd)]),
        np.array([0.0]),
    )
    moments = filtered(standard, step, priors, still, [100])[0]
    assert moments.coefficients[0, 0] * y.std() == pytest.approx(-247.78, abs=1.0)
