"""How a bill grows with usage, against lines that are known and worlds that are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from attribution.costs import elasticity as cost_elasticity_module
from attribution.costs.elasticity import CostElasticity, NotEstimable, cost_elasticity

MONTHS = np.arange(18.0)
USAGE = 100.0 * 2.0 ** (MONTHS / 12.0)


def estimated(cost: object, usage: object, grain: str = "month") -> CostElasticity:
    found = cost_elasticity(cost, usage, grain=grain)  # type: ignore[arg-type]
    assert isinstance(found, CostElasticity)
    return found


def test_a_bill_on_a_line_has_just_its_slope_and_no_spread() -> None:
    found = estimated(50.0 * USAGE**0.7, USAGE)
    assert found.elasticity == pytest.approx(0.7)
    assert found.elasticity_low_90 == pytest.approx(0.7)
    assert found.elasticity_high_90 == pytest.approx(0.7)
    assert found.scale == "economies"


def test_twice_the_usage_costs_two_to_the_power_of_the_slope() -> None:
    found = estimated(50.0 * USAGE**0.7, USAGE)
    doubled = found.cost_at(2.0)
    # By hand: 50 · (2 · 100 · 2^(17/12))^0.7.
    assert doubled.cost == pytest.approx(50.0 * (200.0 * 2 ** (17 / 12)) ** 0.7)
    assert doubled.is_extrapolated
    assert not found.cost_at(1.0).is_extrapolated


def test_a_fixed_bill_does_not_grow() -> None:
    assert estimated(np.full(18, 70.0), USAGE).elasticity == pytest.approx(0.0)


def test_an_unknown_month_is_left_out_and_counted() -> None:
    cost = 50.0 * USAGE**0.7
    cost[4] = math.nan
    found = estimated(cost, USAGE)
    assert (found.period_count, found.unknown_period_count) == (17, 1)
    assert found.elasticity == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("cost", "usage", "grain", "code"),
    [
        (np.ones(11), USAGE[:11], "month", "too_few_periods"),
        (np.ones(18), USAGE, "week", "too_few_periods"),
        (np.ones(18), np.linspace(100.0, 149.0, 18), "month", "usage_too_alike"),
        (np.append(np.ones(17), 0.0), USAGE, "month", "cost_not_positive"),
        (np.ones(18), np.append(USAGE[1:], 0.0), "month", "usage_not_positive"),
    ],
)
def test_what_cannot_carry_a_slope_is_refused_with_the_reason(
    cost: np.ndarray, usage: np.ndarray, grain: str, code: str
) -> None:
    found = cost_elasticity(cost, usage, grain=grain)  # type: ignore[arg-type]
    assert isinstance(found, NotEstimable)
    assert found.code == code
    assert found.text


def test_arrays_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="17 costs and 18 usages"):
        cost_elasticity(np.ones(17), USAGE, grain="month")


@given(
    money=st.floats(1e-3, 1e6),
    unit=st.floats(1e-3, 1e6),
    seed=st.integers(0, 2**16),
)
def test_other_units_of_money_and_usage_give_the_same_slope(
    money: float, unit: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0.0, 0.1, 18)
    cost = USAGE**0.8 * np.exp(noise)
    one, other = estimated(cost, USAGE), estimated(cost * money, USAGE * unit)
    assert other.elasticity == pytest.approx(one.elasticity, abs=1e-7)
    assert other.elasticity_low_90 == pytest.approx(one.elasticity_low_90, abs=1e-6)
    assert other.cost_at(2.0).cost == pytest.approx(
        one.cost_at(2.0).cost * money, rel=1e-6
    )


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_the_interval_holds_the_slope_as_often_as_it_says(memory: float) -> None:
    """Errors that remember each other, 26 weeks, 400 worlds.

    Plain least squares holds 68 in 100 of these with memory, and Newey and West 77. The
    bound is what an interval that holds 86 in 100 misses once in 2,000 tries.
    """
    rng = np.random.default_rng(20)
    usage = np.linspace(0.0, 0.8, 26)
    held = 0
    for _ in range(400):
        shocks = rng.normal(0.0, 0.1, 26)
        errors = np.empty(26)
        errors[0] = shocks[0] / math.sqrt(1 - memory**2)
        for week in range(1, 26):
            errors[week] = memory * errors[week - 1] + shocks[week]
        found = estimated(np.exp(0.6 * usage + errors), np.exp(usage), "week")
        held += found.elasticity_low_90 <= 0.6 <= found.elasticity_high_90
    assert held >= 400 * (0.86 - 3.3 * math.sqrt(0.86 * 0.14 / 400))
    assert held <= 390


def test_the_critical_value_of_lags_is_that_of_the_limit_it_stands_for() -> None:
    """A mean of noise by its own Bartlett spread, bandwidth a third, drawn 4,000 times.

    The spread is one of partial sums (Kiefer and Vogelsang 2002, Econometrica 70).
    """
    rng = np.random.default_rng(7)
    steps, width = 402, 134
    ratios = []
    for _ in range(4_000):
        noise = rng.normal(size=steps)
        partial = np.cumsum(noise - noise.mean())
        spread = 2.0 / width * (partial @ partial)
        spread -= 2.0 / width * (partial[:-width] @ partial[width:])
        ratios.append(noise.sum() / math.sqrt(spread))
    # 18 months have a bandwidth of 6.
    _, critical = cost_elasticity_module._by_lags(
        sm.OLS(MONTHS, sm.add_constant(np.log(USAGE)))
    )
    ninety = float(np.quantile(np.abs(ratios), 0.90))
    assert critical == pytest.approx(ninety, rel=0.05)
