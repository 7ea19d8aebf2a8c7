"""What estimators made of the days before, and weeks of fewer than seven days."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from attribution import Estimate, Refusal, estimate
from attribution.causal.panel import panel_of
from tests.attribution.studies_for_tests import START, frame_of, plan_of, series_study


def estimated(frame: pd.DataFrame, plan: object) -> Estimate:
    found = estimate(frame, plan)  # type: ignore[arg-type]
    assert isinstance(found, Estimate), found
    return found


def panel_of_depots(units: int, days: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(units)
    common = np.cumsum(rng.normal(0.0, 0.5, days))
    return pd.concat(
        frame_of(50.0 + 5.0 * i + common + rng.normal(0.0, 0.5, days)).assign(
            unit=f"u{i:02d}"
        )
        for i in range(units)
    )


def test_a_series_was_expected_from_the_days_before_it() -> None:
    """In world B white noise has sd 3 and the level walks 0.4: both are left over."""
    frame, plan = series_study("B", 1, before=200, after=30)
    history = estimated(frame, plan).history
    assert history is not None
    assert history["date"].tolist() == frame["date"].tolist()[:200]
    assert history["observed"].tolist() == frame["outcome"].tolist()[:200]
    unknown = history["expected"].isna()
    assert unknown.sum() == 9  # a level, six weekdays and two controls are learnt first
    assert unknown[:9].all()
    errors = (history["observed"] - history["expected"]).dropna()[30:]
    assert 2.5 < errors.std() < 4.5
    assert errors.std() < 0.7 * history["observed"].std()
    assert abs(errors.mean()) < 1.0


def test_a_synthetic_control_agrees_with_the_treated_unit_on_average_before() -> None:
    frame = panel_of_depots(12)
    history = estimated(frame, plan_of(60, 40, treated=("u05",))).history
    assert history is not None
    own = frame.loc[frame["unit"] == "u05", "outcome"].to_numpy()[:40]
    assert history["observed"].to_numpy() == pytest.approx(own)
    assert history["expected"].mean() == pytest.approx(own.mean())
    assert np.std(history["expected"] - own) < 1.0


def test_a_roll_out_shows_its_first_cohort_before_it_started() -> None:
    rollout = {
        f"u{i:02d}": START + timedelta(days=40 if i < 4 else 48) for i in range(8)
    }
    frame = panel_of_depots(16)
    found = estimated(frame, plan_of(60, 40, rollout=rollout))
    assert found.history is not None
    wide = frame.pivot_table(index="unit", columns="date", values="outcome").to_numpy()
    assert found.history["observed"].to_numpy() == pytest.approx(wide[:4, :40].sum(0))
    assert found.observed[0] == pytest.approx(wide[:4, 40].sum())
    left = found.history["observed"] - found.history["expected"]
    # Unit and day effects are fitted on these days, so errors cancel over them; the
    # second cohort's untreated days after the launch pull a little.
    assert abs(left.mean()) < 0.5
    assert left.std() < 2.0


def test_days_of_the_week_on_which_nothing_happens_are_no_gaps() -> None:
    """An office of five days a week: 400 days are 286 of work, and a week is five."""
    frame, plan = series_study("B", 3, effect=10.0)
    open_days = frame[frame["date"].dt.day_of_week < 5]
    closed = frame.assign(
        outcome=frame["outcome"].where(frame["date"].dt.day_of_week < 5)
    )
    panel = panel_of(open_days, plan)
    assert (len(panel.dates), panel.days_a_week, panel.launch) == (308, 5, 286)
    found = estimated(open_days, plan)
    low, high = found.average.interval(0.95)
    assert low < 10.0 < high
    assert found.effect.p_value < 0.05
    # Rows without an outcome say the same as rows that are not there.
    assert estimated(closed, plan).effect.point == found.effect.point


def test_one_closed_day_after_the_launch_is_a_gap() -> None:
    frame, plan = series_study("B", 3)
    open_days = frame[frame["date"].dt.day_of_week < 5]
    refused = estimate(open_days.drop(index=open_days.index[-4]), plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "panel_has_gaps"
