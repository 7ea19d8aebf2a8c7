"""The pooled slope is that of month on month, whatever each platform's level is."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from attribution.costs.elasticity import NotEstimable
from attribution.costs.pooled_elasticity import (
    MonthPair,
    PooledElasticity,
    pooled_elasticity,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MONTHS = [f"{2025 + month // 12}-{month % 12 + 1:02d}" for month in range(18)]


def days(label: str) -> int:
    year, month = (int(part) for part in label.split("-"))
    return monthrange(year, month)[1]


def platform(
    level: float, slope: float, seed: int, *, noise: float = 0.0, shocks: bool = False
) -> list[MonthPair]:
    """Return the pairs of a platform whose cost follows its usage with a slope.

    Shocks are alike for all platforms of a month.
    """
    rng = np.random.default_rng(seed)
    usage = np.exp(np.cumsum(rng.normal(0.015, 0.05, len(MONTHS))))
    cost = level * usage**slope * np.exp(rng.normal(0, noise, len(MONTHS)))
    if shocks:
        common = np.random.default_rng(10_000 + seed // 10)
        cost = cost * np.exp(common.normal(0, noise, len(MONTHS)))
    return [
        MonthPair(MONTHS[at], cost[at], cost[at - 1], usage[at], usage[at - 1])
        for at in range(1, len(MONTHS))
    ]


def slope_of(pairs: list[MonthPair]) -> PooledElasticity:
    slope = pooled_elasticity(pairs)
    assert isinstance(slope, PooledElasticity)
    return slope


def test_platforms_of_any_level_with_one_slope_have_that_slope_exactly() -> None:
    slope = slope_of([*platform(10.0, 0.4, 1), *platform(9000.0, 0.4, 2)])
    assert slope.elasticity == pytest.approx(0.4)
    assert (slope.pair_count, slope.month_count, slope.scale) == (34, 17, "economies")


def test_a_machine_by_the_hour_has_no_slope_although_months_differ_in_length() -> None:
    """Usage and cost are both by the day, so a short month lowers both."""
    steady = [
        MonthPair(
            MONTHS[at],
            100.0 * days(MONTHS[at]),
            100.0 * days(MONTHS[at - 1]),
            usage * days(MONTHS[at]) * growth,
            usage * days(MONTHS[at - 1]),
        )
        for usage, seed in ((5.0, 3), (700.0, 4))
        for at, growth in enumerate(
            np.exp(np.random.default_rng(seed).normal(0.01, 0.03, len(MONTHS)))
        )
        if at > 0
    ]
    assert slope_of(steady).elasticity == pytest.approx(0.0, abs=1e-9)


def test_too_few_pairs_or_months_are_refused_with_their_numbers() -> None:
    few = pooled_elasticity(platform(1.0, 0.5, 1))
    assert isinstance(few, NotEstimable)
    assert few.text.startswith("17 pairs of neighbouring months, of 17 months")
    short = [pair for seed in range(4) for pair in platform(1.0, 0.5, seed)[:8]]
    assert isinstance(pooled_elasticity(short), NotEstimable)


@pytest.mark.parametrize(
    "usage_of",
    [
        lambda _: 1000.0,
        lambda month: 1000.0 * days(MONTHS[month]),
        lambda month: 1000.0 * 1.05**month,
    ],
    ids=["the same each month", "the same each day", "a twentieth more each month"],
)
def test_usage_that_only_a_calendar_or_trend_moves_has_no_slope(
    usage_of: Callable[[int], float],
) -> None:
    """Least squares would say 0 with an interval from 0 to 0: economies of scale."""
    pairs = [
        replace(pair, usage=usage_of(at), prior_usage=usage_of(at - 1))
        for seed in (5, 6)
        for at, pair in enumerate(platform(100.0, 0.5, seed), start=1)
    ]
    refused = pooled_elasticity(pairs)
    assert isinstance(refused, NotEstimable)
    assert refused.code == "usage_steady"
    assert "usage moved by 0.00% from month to month; 0.1% is needed" in refused.text


def test_intervals_hold_the_slope_in_simulated_companies() -> None:
    """Of 200 companies with shocks alike in a month at least 84 in 100 hold it."""
    held = 0
    for company in range(200):
        pairs = [
            pair
            for each in range(4)
            for pair in platform(1.0, 0.6, company * 10 + each, noise=0.03, shocks=True)
        ]
        slope = slope_of(pairs)
        held += slope.elasticity_low_90 <= 0.6 <= slope.elasticity_high_90
    assert 168 <= held <= 196
