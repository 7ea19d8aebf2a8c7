"""What a study found by month, whatever its own periods are."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from attribution import Estimate, Plan
from attribution.causal.effect import Effect
from attribution.studies.monthly_draws import MONTHLY_DRAWS, monthly_draws

FREQUENCIES = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS"}


def by_month(
    period: str, launch: date, end: date, effects: list[float]
) -> dict[str, float]:
    """Return what is stored of an effect that is certain, by month."""
    plan = Plan.model_validate(
        {
            "id": "pilot",
            "feature": "copilot",
            "outcome": "tickets",
            "outcome_unit": "tickets",
            "launch": launch,
            "window": {"start": date(2020, 1, 1), "end": end},
            "period": period,
        }
    )
    dates = pd.date_range(launch, periods=len(effects), freq=FREQUENCIES[period])
    found = Estimate(
        design="experiment",
        estimand="",
        dates=dates,
        observed=np.zeros(len(effects)),
        effect=Effect.of(np.tile(effects, (4000, 1))),
        cells=1.0,
        best_grade="A",
    )
    rows = monthly_draws(plan, found).to_pandas()
    assert set(rows["study_id"]) == {"pilot"}
    assert (rows.groupby("effect_month")["draw"].nunique() == MONTHLY_DRAWS).all()
    means: dict[str, float] = rows.groupby("effect_month")["effect"].mean().to_dict()
    return means


def test_what_a_quarter_changed_is_that_of_its_three_months() -> None:
    """90 days of the first and 91 of the second: one a day, as its cost is, by month.

    All of it in the first month would be compared with the cost of a third of it.
    """
    found = by_month("quarter", date(2026, 1, 1), date(2026, 7, 1), [90.0, 91.0])
    assert found == pytest.approx(
        {
            "2026-01": 31.0,
            "2026-02": 28.0,
            "2026-03": 31.0,
            "2026-04": 30.0,
            "2026-05": 31.0,
            "2026-06": 30.0,
        }
    )


def test_a_week_from_one_month_into_the_next_is_shared_by_its_days() -> None:
    """26 January 2026 is a Monday: six of its days are of January, one of February."""
    found = by_month("week", date(2026, 1, 26), date(2026, 2, 9), [7.0, 14.0])
    assert found == pytest.approx({"2026-01": 6.0, "2026-02": 15.0})


def test_days_after_the_window_have_no_part_of_its_last_week() -> None:
    found = by_month("week", date(2026, 1, 26), date(2026, 1, 29), [7.0])
    assert found == {"2026-01": 7.0}


def test_days_and_months_lie_in_one_month_each() -> None:
    days = by_month("day", date(2026, 1, 31), date(2026, 2, 3), [1.0, 2.0, 4.0])
    assert days == {"2026-01": 1.0, "2026-02": 6.0}
    months = by_month("month", date(2026, 12, 1), date(2027, 2, 1), [3.0, 5.0])
    assert months == {"2026-12": 3.0, "2027-01": 5.0}
