"""Studies by week and by quarter: their calendar, their season, their end."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from attribution import Estimate, Plan, Refusal, estimate
from attribution.studies.updating import next_period

#: Mondays and first days of quarters before the launch, and from there on.
SHAPES = {"week": ("W-MON", 110, 8), "quarter": ("QS", 40, 4)}


def study(period: str, effect: float) -> tuple[pd.DataFrame, Plan]:
    """Return one series with noise of one around a hundred, and its plan."""
    frequency, before, after = SHAPES[period]
    dates = pd.date_range("2000-01-01", periods=before + after + 1, freq=frequency)
    rng = np.random.default_rng(5)
    outcome = 100.0 + rng.normal(0.0, 1.0, before + after)
    outcome[before:] += effect
    frame = pd.DataFrame({"unit": "all", "date": dates[:-1], "outcome": outcome})
    plan = Plan.model_validate(
        {
            "id": "by-period",
            "feature": "copilot",
            "outcome": "tickets",
            "outcome_unit": "tickets",
            "launch": dates[before].date(),
            "window": {"start": dates[0].date(), "end": dates[-1].date()},
            "period": period,
        }
    )
    return frame, plan


@pytest.mark.parametrize("period", SHAPES)
def test_an_effect_is_found_by_week_and_by_quarter(period: str) -> None:
    frame, plan = study(period, effect=5.0)
    found = estimate(frame, plan)
    assert isinstance(found, Estimate), found
    assert found.design == "counterfactual_series"
    low, high = found.average.interval(0.9)
    assert 0 < low < 5.0 < high


def test_a_week_is_named_by_its_monday() -> None:
    frame, plan = study("week", effect=0.0)
    refused = estimate(frame.assign(date=frame["date"] + pd.Timedelta(days=1)), plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "panel_has_gaps"
    assert "is not the first day of a week, a Monday." in refused.message


@pytest.mark.parametrize(
    ("period", "day", "following"),
    [
        ("day", date(2026, 12, 31), date(2027, 1, 1)),
        ("week", date(2026, 3, 2), date(2026, 3, 9)),
        ("month", date(2026, 12, 1), date(2027, 1, 1)),
        ("quarter", date(2026, 1, 1), date(2026, 4, 1)),
        ("quarter", date(2026, 10, 1), date(2027, 1, 1)),
        ("year", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_study_is_over_where_the_period_after_its_last_begins(
    period: str, day: date, following: date
) -> None:
    _, plan = study("week", effect=0.0)
    assert next_period(plan.model_copy(update={"period": period}), day) == following
