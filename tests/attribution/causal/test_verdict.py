"""What an interval says in one word, by intervals that are known by hand.

Draws of 0 to 100 in equal steps, moved: the interval at 90 percent of them is from 5 to
95, moved as they are.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from attribution.causal.effect import Effect
from attribution.causal.result import Estimate
from attribution.causal.verdict import detectable, verdict
from tests.attribution.studies_for_tests import plan_of


def estimate_of(low: float, high: float) -> Estimate:
    """Return an estimate whose interval at 90 percent has these ends."""
    draws = (np.arange(1000) + 0.5) / 1000
    paths = low + (draws - 0.05) / 0.9 * (high - low)
    return Estimate(
        design="by hand",
        estimand="",
        dates=pd.date_range("2026-01-01", periods=1),
        observed=np.zeros(1),
        effect=Effect.of(paths[:, None]),
        cells=1.0,
        best_grade="B",
    )


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.0, 9.0, "positive"),
        (-9.0, -1.0, "negative"),
        (-4.0, 4.0, "no_effect_detected"),
        (-4.0, 6.0, "no_effect_detected"),
        (-6.0, 4.0, "no_effect_detected"),
        # A gain and a harm that would both matter: five is the least that does.
        (-6.0, 6.0, "inconclusive"),
    ],
)
def test_an_interval_says_what_it_leaves_out(
    low: float, high: float, word: str
) -> None:
    plan = plan_of(60, 40, minimum_effect=5.0, decision_rule={"level": 0.9})
    assert verdict(estimate_of(low, high), plan) == word


def test_what_could_have_been_found_is_two_and_a_half_errors() -> None:
    """The half-width is 1.645 errors; four of five studies find 1.645 + 0.842."""
    found = detectable(estimate_of(-1.645, 1.645).average)
    assert found == pytest.approx(2.487, abs=0.01)


def test_nothing_is_detectable_without_a_bound() -> None:
    paths = np.array([[-math.inf], [0.0], [math.inf]])
    assert detectable(Effect.of(paths, point_path=np.zeros(1))) is None
