"""One set of draws: interval, probability and path cannot contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra
from scipy import stats

from attribution.causal.effect import Effect, effect_from_covariance

PATHS = extra.arrays(
    float,
    st.tuples(st.integers(2, 12), st.integers(1, 4)),
    elements=st.floats(-100, 100, allow_nan=False, width=16),
)


def test_the_total_is_the_sum_of_the_path_in_every_draw_and_in_the_point() -> None:
    effect = Effect.of(np.array([[1.0, 2.0, 4.0], [0.0, -1.0, 3.0]]))
    assert effect.draws.tolist() == [7.0, 2.0]
    assert effect.point == 4.5
    assert effect.cumulative().paths[:, -1].tolist() == effect.draws.tolist()


def test_weights_count_a_draw_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    draws, counts = rng.normal(0.0, 1.0, (400, 1)), rng.integers(1, 4, 400)
    weighted = Effect.of(draws, weights=counts.astype(float))
    repeated = Effect.of(np.repeat(draws, counts, axis=0))
    assert weighted.point == pytest.approx(repeated.point)
    for level in (0.5, 0.9):
        assert weighted.interval(level) == pytest.approx(
            repeated.interval(level), abs=0.02
        )


def test_draws_that_are_equal_are_a_step() -> None:
    effect = Effect.of(np.repeat([[1.0], [2.0], [7.0]], 100, axis=0))
    assert effect.interval(0.5) == (1.0, 7.0)
    assert effect.interval(0.3) == (2.0, 2.0)
    assert effect.distribution.below(2.0) == pytest.approx(0.5)


@settings(deadline=None, max_examples=150)
@given(PATHS, st.floats(0.01, 0.99))
def test_p_is_below_alpha_exactly_when_the_interval_leaves_out_zero(
    paths: np.ndarray, alpha: float
) -> None:
    effect = Effect.of(paths)
    assume(abs(effect.p_value - alpha) > 1e-9)  # a tie is decided by rounding
    low, high = effect.interval(1.0 - alpha)
    assert (effect.p_value < alpha) == (low > 0 or high < 0)


@settings(deadline=None, max_examples=100)
@given(PATHS, st.floats(0.1, 0.8))
def test_a_narrower_level_lies_inside_a_wider_one(
    paths: np.ndarray, level: float
) -> None:
    effect = Effect.of(paths)
    inner, outer = effect.interval(level), effect.interval(level + 0.15)
    assert outer[0] <= inner[0] <= inner[1] <= outer[1]


def test_the_probability_of_an_increase_mirrors_when_the_sign_does() -> None:
    paths = np.random.default_rng(1).normal(0.3, 1.0, (500, 2))
    effect, mirrored = Effect.of(paths), Effect.of(-paths)
    assert effect.probability_positive == pytest.approx(
        1.0 - mirrored.probability_positive, abs=1e-12
    )
    assert effect.p_value == pytest.approx(mirrored.p_value, abs=1e-12)


@pytest.mark.parametrize("degrees", [5.0, 40.0, np.inf])
def test_draws_from_a_covariance_have_the_interval_of_students_t(
    degrees: float,
) -> None:
    covariance = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    effect = effect_from_covariance(
        np.array([1.0, 2.0, 3.0]),
        covariance,
        degrees_of_freedom=degrees,
        rng=np.random.default_rng(0),
    )
    # Sum of all entries: variance of the total, 4 + 2 + 1 + 2 (1 + 0 + 0.5) = 10.
    for level in (0.5, 0.9, 0.95):
        half = stats.t.ppf(0.5 + level / 2, degrees) * np.sqrt(10.0)
        assert effect.interval(level) == pytest.approx(
            (6.0 - half, 6.0 + half), abs=2e-3
        )
    assert effect.point == 6.0


def test_draws_from_a_covariance_have_that_covariance() -> None:
    covariance = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    effect = effect_from_covariance(
        np.zeros(3),
        covariance,
        degrees_of_freedom=np.inf,
        rng=np.random.default_rng(0),
        draws=40_000,
    )
    assert np.cov(effect.paths.T) == pytest.approx(covariance, abs=0.06)


def test_draws_that_a_test_cannot_bound_give_an_unbounded_interval() -> None:
    draws = np.array([-np.inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, np.inf])
    effect = Effect.of(draws[:, None], point_path=np.array([4.5]))
    assert effect.interval(0.95) == (-np.inf, np.inf)
    low, high = effect.interval(0.5)
    assert low == pytest.approx(2.0)
    assert high == pytest.approx(7.0)
    assert effect.p_value == pytest.approx(0.2)  # the mass of both infinite draws


def test_a_scaled_effect_keeps_its_probability() -> None:
    effect = Effect.of(np.random.default_rng(2).normal(1.0, 1.0, (200, 3)))
    average = effect.scaled(1.0 / 3.0)
    assert average.point == pytest.approx(effect.point / 3.0)
    assert average.p_value == pytest.approx(effect.p_value, abs=1e-12)


@pytest.mark.parametrize(
    ("paths", "weights", "said"),
    [
        ([[np.nan]], None, "numbers"),
        ([[1.0]], [0.0], "above zero"),
        ([1.0], None, "matrix"),
        ([[np.inf]], None, "point estimate of their own"),
    ],
)
def test_draws_that_make_no_sense_are_not_taken(
    paths: list[object], weights: list[float] | None, said: str
) -> None:
    given_weights = None if weights is None else np.array(weights)
    with pytest.raises(ValueError, match=said):
        Effect.of(np.array(paths), weights=given_weights)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_between_zero_and_one(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Effect.of(np.ones((2, 1))).interval(level)
