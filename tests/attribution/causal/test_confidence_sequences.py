"""A study may be looked at daily before its end, and finds nothing by looking."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from attribution import Estimate, estimate
from attribution.causal.confidence_sequences import anytime_valid, width_factor
from attribution.causal.effect import Effect
from attribution.causal.estimating import attempt
from attribution.studies.asked import Asked, Registered
from attribution.studies.rows import rows_of_attempt
from tests.attribution.studies_for_tests import trial_study

LOOKS = np.arange(1, 31) / 30


def first_crossings(paths: np.ndarray) -> tuple[float, float]:
    """Return how often 95 % intervals ever leave out zero: fixed, and of a sequence.

    Parameters
    ----------
    paths : ndarray, shape (studies, looks)
        z-values at each look.
    """
    factors = np.array([width_factor(progress) for progress in LOOKS])
    fixed = (np.abs(paths) > 1.96).any(axis=1).mean()
    return float(fixed), float((np.abs(paths) > 1.96 * factors).any(axis=1).mean())


@pytest.mark.parametrize("persistence", [0.0, 0.5])
def test_thirty_daily_looks_at_a_null_experiment_find_it_one_time_in_twenty(
    persistence: float,
) -> None:
    """The defect: 34 of 100 null experiments were "significant" at some daily look.

    4,000 experiments of 200 units; a part of what a unit does is the same every day.
    """
    rng = np.random.default_rng(4)
    days = np.arange(1, 31)
    daily = np.cumsum(rng.standard_normal((4000, 30)), axis=1) / days
    lasting = rng.standard_normal((4000, 1))
    means = np.sqrt(1 - persistence) * daily + np.sqrt(persistence) * lasting
    errors = np.sqrt((1 - persistence) / days + persistence)
    fixed, sequence = first_crossings(means / errors)
    assert sequence <= 0.05
    if not persistence:
        assert fixed > 0.25


def test_a_sequence_is_wider_the_earlier_it_is_looked_at() -> None:
    factors = [width_factor(progress) for progress in (0.01, 0.1, 0.5, 1.0)]
    assert factors == sorted(factors, reverse=True)
    assert 1.5 < factors[-1] < 1.8


def test_an_interval_of_an_open_study_is_that_many_times_as_wide() -> None:
    effect = Effect.of(np.random.default_rng(1).normal(3.0, 1.0, (4000, 2)))
    wide = anytime_valid(effect, 0.4)
    assert wide.point == effect.point
    for level in (0.9, 0.95):
        low, high = effect.interval(level)
        ends = wide.interval(level)
        assert ends[1] - ends[0] == pytest.approx((high - low) * width_factor(0.4))
    assert anytime_valid(effect, 1.0) is effect


def test_a_study_has_no_verdict_and_no_grade_before_its_registered_end() -> None:
    """Eight days more are registered than there are figures, of a large effect."""
    frame, plan = trial_study(effect=20.0)
    later = plan.window.model_copy(update={"end": plan.window.end + timedelta(days=8)})
    longer = plan.model_copy(update={"window": later})
    found = estimate(frame, longer, is_registered=True)
    assert isinstance(found, Estimate)
    assert found.progress == pytest.approx(4 / 12)
    assert "No verdict is given before the registered end" in found.report()

    def study(*, is_over: bool) -> dict[str, object]:
        asked = Asked(
            longer, Registered("REGISTERED"), 0, date(2024, 1, 12), "1", is_over=is_over
        )
        made = attempt(frame, longer, is_registered=True)
        rows = rows_of_attempt(asked, made)["attribution_studies"].to_pylist()
        return dict(rows[0])

    opened = study(is_over=False)
    assert (opened["verdict"], opened["grade"]) == ("interim", None)
    assert opened["standing"] == "interim"
    ended_early = study(is_over=True)
    assert (ended_early["verdict"], ended_early["grade"]) == ("positive", found.grade)
    assert "33% of the registered periods" in str(ended_early["notes"])
    assert "times as wide" in str(ended_early["notes"])


def test_declared_looks_change_nothing_any_more() -> None:
    frame, plan = trial_study()
    once = estimate(frame, plan)
    often = estimate(frame, plan.model_copy(update={"looks": 10}))
    assert isinstance(once, Estimate)
    assert isinstance(often, Estimate)
    assert often.effect.interval(0.95) == once.effect.interval(0.95)
