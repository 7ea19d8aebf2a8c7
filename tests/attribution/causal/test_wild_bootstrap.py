"""A wild bootstrap over few clusters, against one that is written out sign by sign."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import statsmodels.api as sm

from attribution import Estimate, Plan, estimate
from attribution.causal.checks.few_clusters import few_clusters
from attribution.causal.estimators.ratio_of_sums import Sums
from attribution.causal.estimators.ratio_of_sums import wild_p_value as p_of_sums
from attribution.causal.estimators.rollouts.clusters import wild_p_value
from attribution.causal.estimators.rollouts.data import RolloutData
from attribution.causal.estimators.rollouts.fitting import (
    all_about_drifts,
    drifting_path,
)
from attribution.causal.estimators.wild_bootstrap import MOST_CLUSTERS
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS
from benchmarks.frozen_worlds import FROZEN_WORLDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.causal.estimators.rollouts.drift import DriftingPath

    Floats = NDArray[np.float64]

TEAMS, USERS = 8, 6
TEAM = np.repeat(np.arange(TEAMS), USERS)
TREATED = np.arange(TEAMS) < 4
#: Of 48 users, team by team.
OUTCOME = np.array(
    [
        [0.99, 1.87, 0.51, -0.99, -0.72, 1.84],
        [0.08, -1.86, -0.21, -1.29, -0.76, -0.62],
        [-0.09, 1.18, 0.56, 0.04, 1.04, 1.46],
        [-0.55, 0.84, 0.11, 0.92, -0.2, 1.12],
        [0.76, 0.49, -0.25, 0.4, -0.3, -0.56],
        [0.3, -1.03, 1.25, 0.79, -1.92, 0.35],
        [-1.49, -0.35, -0.34, -2.38, -0.62, -0.64],
        [0.41, -1.73, 0.19, -1.65, -0.88, -1.39],
    ]
)


def sums_of(outcome: Floats) -> Sums:
    users = np.full((len(outcome), 1), float(outcome.shape[1]))
    unknown = np.full(len(outcome), np.nan)
    treated = np.arange(len(outcome)) < len(outcome) // 2
    return Sums(treated, outcome.sum(axis=1)[:, None], users, unknown)


def statistic(y: Floats) -> float:
    """Return statsmodels' coefficient by its error without one team at a time."""
    design = sm.add_constant(TREATED[TEAM].astype(float))
    coefficient = sm.OLS(y, design).fit().params[1]
    without = [
        sm.OLS(y[kept], design[kept]).fit().params[1]
        for kept in (team != TEAM for team in range(TEAMS))
    ]
    spread = np.sum((np.array(without) - coefficient) ** 2)
    return float(coefficient / np.sqrt((TEAMS - 1) / TEAMS * spread))


def test_p_is_that_of_regressions_for_every_sign() -> None:
    """Written out: 256 regressions, of which 50 are as far from nothing.

    wildboottest 0.3.2 (type 11, all signs) has 48 of 256, 0.1875: it leaves out the two
    that are the data themselves and their mirror image.
    """
    y = OUTCOME.ravel()
    left = y - y.mean()
    statistics = np.array(
        [
            statistic(y.mean() + np.array(signs)[TEAM] * left)
            for signs in product((1.0, -1.0), repeat=TEAMS)
        ]
    )
    as_far = np.abs(statistics) >= abs(statistic(y)) - 1e-9
    assert as_far.sum() == 48 + 2
    assert p_of_sums(sums_of(OUTCOME)) == pytest.approx(as_far.mean())


def sums_with_history(seed: int) -> Sums:
    """Return eight unequal teams with habits that last, and nothing changed."""
    rng = np.random.default_rng(seed)
    users = rng.integers(5, 60, TEAMS).astype(float)
    habit = rng.normal(10.0, 2.0, TEAMS)
    ratio = habit + rng.normal(0.0, 1.0, TEAMS)
    return Sums(
        TREATED,
        (users * ratio)[:, None],
        users[:, None],
        habit + rng.normal(0.0, 0.5, TEAMS),
    )


def squared_statistic(ratio: Floats, sums: Sums) -> float:
    """Return the square of statsmodels' coefficient by that of errors arm by arm."""
    design = sm.add_constant(np.column_stack([sums.treated, sums.before]).astype(float))
    weights = sums.denominator[:, 0]
    every = np.arange(len(ratio))
    coefficient, *without = (
        sm.WLS(ratio[kept], design[kept], weights[kept]).fit().params[1]
        for kept in (every >= 0, *(every != group for group in every))
    )
    arms = (np.array(without)[arm] for arm in (sums.treated, ~sums.treated))
    variance = sum((len(arm) - 1) * arm.var() for arm in arms)
    return float(coefficient**2 / variance)


def test_p_with_a_history_is_that_of_regressions_with_a_slope() -> None:
    """The null has one ratio and one slope; both are fitted again for every sign."""
    sums = sums_with_history(2)
    ratio = sums.numerator[:, 0] / sums.denominator[:, 0]
    null = sm.WLS(ratio, sm.add_constant(sums.before), sums.denominator[:, 0]).fit()
    squares = np.array(
        [
            squared_statistic(null.fittedvalues + np.array(signs) * null.resid, sums)
            for signs in product((1.0, -1.0), repeat=TEAMS)
        ]
    )
    as_far = squares >= squared_statistic(ratio, sums) * (1 - 1e-9)
    assert p_of_sums(sums) == pytest.approx(as_far.mean())


def test_p_with_a_history_is_seldom_small_without_an_effect() -> None:
    """With the slope of the data held fixed 20 % were below 0.1."""
    found = [p_of_sums(sums_with_history(seed)) for seed in range(400)]
    assert np.mean([p is not None and p <= 0.1 for p in found]) < 0.15


def test_many_clusters_are_left_to_students_t() -> None:
    rng = np.random.default_rng(1)
    assert p_of_sums(sums_of(rng.normal(size=(MOST_CLUSTERS + 1, 3)))) is None
    known = p_of_sums(sums_of(rng.normal(size=(MOST_CLUSTERS, 3))))
    assert known is not None
    check = few_clusters(None, MOST_CLUSTERS + 1, claims_effect=True)
    assert check.status == "not run"


def rollout_of(seed: int) -> tuple[RolloutData, DriftingPath]:
    """Return twelve units in six regions: three start at once, three never."""
    rng = np.random.default_rng(seed)
    region = np.arange(12) // 2
    first = np.where(region < 3, 6, 10)
    y = rng.normal(0.0, 1.0, (12, 10)) + rng.normal(0.0, 0.5, (6, 10))[region]
    data = RolloutData(y, first, 6, 0, None, region, is_ratio=False)
    path = drifting_path(data)
    assert path is not None
    return data, path


def test_p_of_a_roll_out_is_that_of_estimating_it_with_every_sign() -> None:
    data, path = rollout_of(3)
    left = all_about_drifts(data)
    expected = data.outcome - left

    def squared(signs: Floats) -> float:
        """Estimate again, with as much of a drift taken off as of the data."""
        signed = replace(data, outcome=expected + signs[data.cluster][:, None] * left)
        again = drifting_path(signed)
        assert again is not None
        zero = replace(data, outcome=expected)
        none = drifting_path(zero)
        assert none is not None

        def left_of(found: DriftingPath) -> tuple[float, Floats]:
            point = path.left_of(found.path.sum(), found.drift, found.common_drift)
            rest = zip(found.left_out, found.common_left_out, strict=True)
            return point, np.array(
                [path.left_of(row[:-1].sum(), row[-1], other) for row, other in rest]
            )

        (point, without), (base, base_without) = left_of(again), left_of(none)
        without = without - base_without
        error = 5 / 6 * ((without - without.mean()) ** 2).sum()
        return float((point - base) ** 2 / error)

    every = np.array(list(product((1.0, -1.0), repeat=6)))
    squares = np.array([squared(signs) for signs in every])
    assert wild_p_value(data, path) == pytest.approx(
        (squares >= squares[0] * (1 - 1e-9)).mean()
    )


@pytest.mark.parametrize(
    ("p_value", "claims", "status"),
    [(0.11, True, "warn"), (0.11, False, "pass"), (0.09, True, "pass")],
)
def test_a_claim_that_signs_do_not_bear_out_costs_a_step(
    p_value: float, *, claims: bool, status: str
) -> None:
    assert few_clusters(p_value, 10, claims_effect=claims).status == status


def test_an_experiment_of_ten_teams_and_a_roll_out_of_ten_regions_are_asked() -> None:
    for name in ("ten teams, very unequal", "regions share shocks"):
        trial = FROZEN_WORLDS[name].trial(50_000)
        plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
        found = estimate(trial.frame, plan, is_registered=True)
        assert isinstance(found, Estimate), found
        [check] = [one for one in found.checks if one.name == "few_clusters"]
        assert check.statistic is not None
        assert "signs of 10 clusters" in check.why


def test_four_clusters_say_that_no_claim_of_theirs_can_stand() -> None:
    """Of eight ways to sign four clusters one is as far, at the least."""
    check = few_clusters(1 / 8, 4, claims_effect=True)
    assert check.status == "warn"
    assert "least p of so few is 0.125" in check.why
    assert "least" not in few_clusters(1 / 16, 5, claims_effect=True).why
