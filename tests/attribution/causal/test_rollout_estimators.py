"""What a roll-out is estimated with: imputed effects, leads, and changes compared."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra
from scipy import stats

from attribution.causal.estimators.rollouts.doubly_robust import (
    doubly_robust_difference,
)
from attribution.causal.estimators.rollouts.imputation import (
    covariance_of_jackknifed,
    imputation_of,
    lead_of,
)
from tests.attribution.rollouts_for_tests import (
    arrays,
)
from tests.layers import examples, in_full


@pytest.mark.parametrize("wrong", ["neither", "changes", "selection"])
def test_one_model_of_covariates_may_be_wrong(wrong: str) -> None:
    """No effect: changes and treatment go with x², and one model has x alone."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.5, 1.5, 6000)
    square = x**2
    treated = rng.uniform(size=len(x)) < 1.0 / (1.0 + np.exp(1.5 - square))
    change = square + rng.normal(0.0, 1.0, len(x))
    plain, right = x[:, None], np.column_stack([x, square])
    effect, influence = doubly_robust_difference(
        change,
        treated,
        plain if wrong == "changes" else right,
        plain if wrong == "selection" else right,
    )
    error = np.sqrt((influence**2).sum()) / len(influence)
    assert abs(effect) < 3.0 * error < 0.3
    naive = change[treated].mean() - change[~treated].mean()
    assert naive > 0.4


def test_covariates_that_tell_the_treated_apart_leave_nobody_to_compare() -> None:
    size = np.arange(12.0)
    change = np.random.default_rng(0).normal(size=12)
    with pytest.raises(ValueError, match="covariates tell"):
        doubly_robust_difference(change, size > 5, size[:, None], size[:, None])


def test_dropping_a_unit_quickly_is_dropping_it() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.normal(0.0, 1.0, (9, 8))
    outcome[3, 2] = np.nan
    first = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
    found = imputation_of(outcome, first)
    paths = found.jackknifed()
    assert len(paths) == 9
    for unit in range(9):
        rest = np.arange(9) != unit
        slow = imputation_of(outcome[rest], first[rest])
        assert paths[unit] == pytest.approx(slow.path, abs=1e-10)


def test_imputed_effects_are_the_residuals_of_a_regression_on_untreated_cells() -> None:
    rng = np.random.default_rng(1)
    outcome = rng.normal(0.0, 1.0, (7, 6))
    first = np.array([3, 3, 4, 6, 6, 6, 6])
    found = imputation_of(outcome, first)
    cells = [(i, t) for i in range(7) for t in range(6)]
    design = np.zeros((42, 13))
    for row, (i, t) in enumerate(cells):
        design[row, i] = design[row, 7 + t] = 1.0
    untreated = np.array([t < first[i] for i, t in cells])
    y = outcome.ravel()
    fitted = np.linalg.lstsq(design[untreated], y[untreated])[0]
    effects = (y - design @ fitted).reshape(7, 6)
    wanted = ~untreated.reshape(7, 6)
    assert found.effects[wanted] == pytest.approx(effects[wanted], abs=1e-10)
    assert np.isnan(found.effects[~wanted]).all()


def test_adding_to_treated_cells_adds_to_the_effect_and_to_others_nothing() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.normal(0.0, 1.0, (9, 8))
    first = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
    usual = imputation_of(outcome, first).average
    treated = np.arange(8) >= first[:, None]
    assert imputation_of(outcome + 3.0 * treated, first).average == pytest.approx(
        usual + 3.0
    )
    shifted = outcome + np.arange(9)[:, None] + np.arange(8.0) ** 2
    assert imputation_of(shifted, first).average == pytest.approx(usual)
    assert imputation_of(1e6 * outcome, first).average == pytest.approx(1e6 * usual)
    order = rng.permutation(9)
    assert imputation_of(outcome[order], first[order]).average == pytest.approx(usual)


STARTS = np.array([4, 4, 6, 6, 8, 8, 8, 8, 8])
NOISE = np.random.default_rng(2).normal(0.0, 1.0, (9, 8))


@settings(deadline=None, max_examples=examples(240))
@given(
    exponent=st.floats(-6.0, 6.0),
    of_units=extra.arrays(float, 9, elements=st.floats(-1e3, 1e3)),
    of_periods=extra.arrays(float, 8, elements=st.floats(-1e3, 1e3)),
    effect=st.floats(-50.0, 50.0),
    order=st.permutations(range(9)),
)
def test_an_imputed_effect_and_its_errors_change_as_they_must(
    exponent: float,
    of_units: np.ndarray,
    of_periods: np.ndarray,
    effect: float,
    order: list[int],
) -> None:
    """What is a unit's or a period's own does nothing, nor does the order of units."""
    scale = 10.0**exponent
    treated = np.arange(8) >= STARTS[:, None]
    outcome = scale * (NOISE + of_units[:, None] + of_periods + effect * treated)
    usual = imputation_of(NOISE, STARTS)
    moved = imputation_of(outcome[order], STARTS[order])
    assert moved.average / scale == pytest.approx(usual.average + effect, abs=1e-8)
    # Without a unit, a period's share of the cells is another; the sum's is not.
    found = covariance_of_jackknifed(moved.jackknifed()).sum() / scale**2
    expected = covariance_of_jackknifed(usual.jackknifed()).sum()
    assert found == pytest.approx(expected, abs=1e-8)


def test_a_lead_finds_a_trend_that_was_there_before() -> None:
    first = np.array([6, 6, 6, 10, 10, 10])
    trend = np.arange(10.0) * (first < 10)[:, None]
    # Cells 4 and 5 exceed the mean of cells 0 to 3 by 2.5 and 3.5.
    assert lead_of(trend, first, 2).average == pytest.approx(3.0)
    assert lead_of(np.zeros((6, 10)), first, 2).average == pytest.approx(0.0)


def test_trends_that_depend_on_a_covariate_are_those_of_a_regression() -> None:
    rng = np.random.default_rng(4)
    outcome, first = arrays(15, 5)
    size = rng.normal(0.0, 1.0, 15)
    found = imputation_of(outcome, first, covariates=size[:, None])
    unit, time = (x.ravel() for x in np.indices(outcome.shape))
    design = np.column_stack(
        [
            *(unit == i for i in range(15)),
            *(time == t for t in range(1, 24)),
            *(size[unit] * (time == t) for t in range(1, 24)),
        ]
    ).astype(float)
    untreated = time < first[unit]
    fit = sm.OLS(outcome.ravel()[untreated], design[untreated]).fit()
    effects = (outcome.ravel() - design @ fit.params)[~untreated]
    assert found.effects[~untreated.reshape(outcome.shape)] == pytest.approx(effects)


@pytest.mark.parametrize("units", [15, *in_full(30)])
def test_a_lead_misses_most_trends_that_bias_by_half_of_the_effect(units: int) -> None:
    """The effect is 1, the standard deviation of a day's shock."""
    outcome, first = arrays(units, 0)
    steps = np.arange(24.0) * (first < 24)[:, None]
    trend = 0.5 * steps / imputation_of(steps, first).average
    assert imputation_of(trend, first).average == pytest.approx(0.5)
    found = 0
    for seed in range(60):
        outcome, first = arrays(units, seed)
        lead = lead_of(outcome + trend, first, 4)
        paths = lead.jackknifed()
        covariance = covariance_of_jackknifed(paths)
        t = lead.average / np.sqrt(covariance.sum())
        found += 2.0 * stats.t.sf(abs(t), len(paths) - 1) < 0.05
    assert 0 < found < 60 / 3
