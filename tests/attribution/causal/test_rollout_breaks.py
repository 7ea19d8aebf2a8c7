"""A claim of a roll-out begins where its units start, or it may be a bend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from attribution import Estimate, Plan, estimate
from attribution.causal.checks.break_at_start import break_at_start
from attribution.causal.estimators.rollouts.breaks import Break, break_of
from attribution.causal.estimators.rollouts.data import RolloutData
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS
from benchmarks.frozen_worlds import FROZEN_WORLDS
from benchmarks.frozen_worlds.rollouts import (
    MONTHS,
    ordinary_units,
    periods_since,
    starts_in_waves,
)

STARTS = starts_in_waves()
TIME = np.arange(MONTHS, dtype=float)
TREATED = periods_since(STARTS) > 0


def data_of(outcome: np.ndarray, first: np.ndarray = STARTS) -> RolloutData:
    own = np.arange(len(outcome))
    return RolloutData(outcome, first, int(first.min()), 0, None, own, is_ratio=False)


def broken(outcome: np.ndarray) -> Break:
    found = break_of(data_of(outcome))
    assert found is not None
    return found


def test_a_break_is_that_of_a_regression_with_lines_and_parabolas() -> None:
    """Statsmodels on all cells, and the mean of jump and slope over treated ones."""
    outcome = ordinary_units(np.random.default_rng(1)) + 2.0 * TREATED
    unit, time = (x.ravel() for x in np.indices(outcome.shape))
    waves = [(start == STARTS)[unit] for start in np.unique(STARTS)[:3]]
    since = periods_since(STARTS)
    design = np.column_stack(
        [
            TREATED.ravel(),
            since.ravel(),
            *(unit == i for i in range(len(outcome))),
            *(time == t for t in range(1, MONTHS)),
            *(wave * time**power for wave in waves for power in (1, 2)),
        ]
    ).astype(float)
    jump, slope = sm.OLS(outcome.ravel(), design).fit().params[:2]
    expected = jump + slope * since[TREATED].mean()
    assert broken(outcome).average == pytest.approx(expected)


def test_no_bend_of_a_wave_moves_the_test() -> None:
    outcome = ordinary_units(np.random.default_rng(2))
    bends = np.array([0.02, -0.01, 0.006, 0.0, 0.0])[np.arange(len(outcome)) % 5]
    usual, bent = broken(outcome), broken(outcome + bends[:, None] * TIME**2)
    assert bent.p_value == usual.p_value
    assert bent.average == pytest.approx(usual.average)


def test_without_an_effect_one_in_twenty_breaks_and_an_effect_nearly_always() -> None:
    """More than six of 50 happens once in a hundred times at 5 %."""
    paths = [ordinary_units(np.random.default_rng([3, seed])) for seed in range(50)]
    assert sum(broken(path).p_value < 0.05 for path in paths) <= 6
    effects = [broken(path + 1.5 * TREATED) for path in paths[:20]]
    assert sum(one.p_value < 0.05 and one.average > 0 for one in effects) >= 17


def test_a_region_votes_as_one() -> None:
    """Pairs of a wave that are alike have half of the votes, so chance is larger."""
    path = ordinary_units(np.random.default_rng(4)) + 0.8 * TREATED
    data = data_of(path)
    pair = np.arange(len(path)) // 10 * 5 + np.arange(len(path)) % 5
    together = break_of(replace(data, cluster=pair))
    assert together is not None
    assert together.average == pytest.approx(broken(path).average)
    assert together.p_value != broken(path).p_value


def test_too_few_periods_tell_nothing() -> None:
    """Four months, one wave: line, parabola, jump and slope are one too many."""
    short = ordinary_units(np.random.default_rng(5))[:, :4]
    first = np.where(np.arange(len(short)) % 2 == 0, 2, 4)
    assert break_of(data_of(short, first)) is None


@pytest.mark.parametrize(
    ("found", "average", "claims", "status"),
    [
        (Break(0.01, 0.4), 1.0, True, "pass"),
        (Break(0.05, 0.4), 1.0, True, "warn"),
        (Break(0.01, -0.4), 1.0, True, "warn"),
        (None, 1.0, True, "warn"),
        (None, 0.1, False, "not run"),
        (Break(0.04, 0.4), 0.1, False, "warn"),
        (Break(0.05, 0.4), 0.1, False, "pass"),
    ],
)
def test_a_claim_needs_a_clear_break_on_its_own_side_and_no_claim_needs_none(
    found: Break | None, average: float, claims: bool, status: str
) -> None:
    assert break_at_start(found, average, claims=claims).status == status


def grades(name: str, seeds: range) -> list[tuple[bool, str]]:
    """Return of each trial whether its 90 % interval leaves out zero, and its grade."""
    answers = []
    for seed in seeds:
        trial = FROZEN_WORLDS[name].trial(seed)
        plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
        found = estimate(trial.frame, plan, is_registered=True)
        assert isinstance(found, Estimate), found
        low, high = found.effect.interval(0.9)
        answers.append((low > 0 or high < 0, found.grade))
    return answers


def test_adopters_that_drift_ever_faster_claim_nothing_that_counts() -> None:
    """The defect: half were counted, and one in three of those was wrong."""
    answers = grades("adopters drift ever faster", range(50_000, 50_008))
    claimed = [grade for claims, grade in answers if claims]
    assert len(claimed) >= 3
    assert "B" not in claimed


def test_an_effect_that_is_there_at_once_still_counts() -> None:
    answers = grades("effect at once", range(50_000, 50_004))
    assert all(claims for claims, _ in answers)
    assert "B" in [grade for _, grade in answers]
