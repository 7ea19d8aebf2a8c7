"""Starts after a bad or a good quarter are noticed, starts at random are not."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.causal.estimators.rollouts.data import rollout_data
from attribution.causal.estimators.rollouts.own_past import (
    own_past_p_value,
    periods_of_weeks,
)
from attribution.causal.panel import panel_of
from attribution.causal.plan import Plan
from benchmarks.calibration_of_frozen_worlds import FIXED_FACTS, answer
from benchmarks.frozen_worlds.starts import START_WORLDS
from tests.attribution.rollouts_for_tests import data_of

WORLDS = {world.name: world for world in START_WORLDS}


def flagged(name: str, count: int) -> float:
    """Return how often a world's starts are below 5 %, on seeds never looked at."""
    found = []
    for seed in range(300_000, 300_000 + count):
        trial = WORLDS[name].trial(seed)
        plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
        panel = panel_of(trial.frame, plan)
        windows = periods_of_weeks(panel, plan)
        own = own_past_p_value(rollout_data(panel, plan), windows)
        found.append(own is not None and own[1] < 0.05)
    return float(np.mean(found))


@pytest.mark.parametrize("name", ["worst quarters", "best quarters"])
def test_starts_after_an_extreme_quarter_are_noticed(name: str) -> None:
    """Of 400 studies 99.8 and 99.0 %; counted nulls fell from 40 and 42 to 1 and 0."""
    assert flagged(f"starts after {name}", 40) >= 0.9


@pytest.mark.parametrize("name", ["starts at random", "effect beside a drift"])
def test_honest_starts_are_as_they_were(name: str) -> None:
    """Measured of 400 studies: 3.3 % of starts at random; 4 of 40 are its upper end."""
    assert flagged(f"weeks, {name}", 40) <= 0.1


def test_a_study_of_such_starts_is_not_counted() -> None:
    """The first null of grade B without this test."""
    found = answer(WORLDS["starts after worst quarters"].trial(200_007))
    assert found.grade not in {"A", "B"}


def test_the_window_that_dipped_is_named() -> None:
    """Six of twelve units lie 3 below their past for the eight weeks before a start."""
    rng = np.random.default_rng(1)
    outcome = rng.normal(50.0, 1.0, (12, 60))
    first = np.where(np.arange(12) < 6, 40, 60)
    outcome[:6, 32:40] -= 3.0
    found = own_past_p_value(data_of(outcome, first), {4: 4, 8: 8, 13: 13, 26: 26})
    assert found is not None
    assert found[0] == "each unit's last 8 weeks against its own past"
    assert found[1] < 0.01


def test_months_and_short_histories_have_no_such_window() -> None:
    rng = np.random.default_rng(2)
    first = np.where(np.arange(12) < 6, 7, 20)
    data = data_of(rng.normal(50.0, 1.0, (12, 20)), first)
    assert own_past_p_value(data, {4: 4, 8: 8}) is None
    assert own_past_p_value(data, {}) is None
