"""Controls that jump, and series that react before their launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from attribution import Estimate, Plan, estimate
from attribution.causal.estimators.control_jumps import jump_p_values
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS, answer
from benchmarks.frozen_worlds import FROZEN_WORLDS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def walk(jump: float, at: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    values = 100.0 + np.cumsum(rng.normal(0.0, 1.0, 120))
    values[at:] += jump
    return values


def test_a_jump_is_found_where_it_is() -> None:
    """Six usual steps at once, at the launch and a week later."""
    at_launch, any_time = jump_p_values(walk(6.0, 100), 100, 7)
    assert at_launch < 1e-4
    assert any_time < 1e-2
    at_launch, any_time = jump_p_values(walk(6.0, 107), 100, 7)
    assert at_launch > 0.01
    assert any_time < 1e-2
    at_launch, any_time = jump_p_values(walk(0.0, 107), 100, 7)
    assert min(at_launch, any_time) > 0.01


def test_a_jump_in_the_history_is_no_jump_after_it() -> None:
    assert min(jump_p_values(walk(6.0, 40), 100, 7)) > 0.01


def test_jumps_that_are_none_are_found_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(4)
    found = [
        jump_p_values(np.cumsum(rng.normal(0.0, 1.0, 120)), 100, 1) for _ in range(400)
    ]
    at_launch, any_time = np.array(found).T
    # One in twenty of 400 is 20; 33 or more happen once in 300.
    assert stats.binom.sf((at_launch < 0.05).sum(), 400, 0.05) > 1 / 300
    assert stats.binom.sf((any_time < 0.05).sum(), 400, 0.05) > 1 / 300


@pytest.mark.parametrize("seed", range(4))
def test_a_control_that_is_measured_otherwise_after_the_launch_is_refused(
    seed: int,
) -> None:
    shown = answer(FROZEN_WORLDS["control shifts"].trial(seed))
    assert shown.code == "controls_contaminated"


def test_declared_anticipation_is_no_part_of_the_history() -> None:
    """The outcome rises by 8 a day from ten days before the launch on."""
    trial = FROZEN_WORLDS["anticipation declared"].trial(1)
    plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
    found = estimate(trial.frame, plan)
    assert isinstance(found, Estimate), found
    low, high = found.effect.interval(0.9)
    assert low < trial.truth < high
    without = estimate(trial.frame, plan.model_copy(update={"anticipation": 0}))
    assert isinstance(without, Estimate), without
    assert without.effect.point < 0.7 * trial.truth
