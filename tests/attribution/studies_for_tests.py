"""Plans and panels to vary in tests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from attribution.causal.plan import Plan
from benchmarks.simulated_worlds import simulate

START = date(2024, 1, 1)


def plan_of(days: int, launch: int, **changes: Any) -> Plan:
    """Return a plan of one series whose launch is that many days from its start."""
    declared = {
        "id": "support-copilot",
        "feature": "copilot",
        "outcome": "resolved_tickets",
        "outcome_unit": "tickets",
        "launch": START + timedelta(days=launch),
        "window": {"start": START, "end": START + timedelta(days=days)},
    }
    return Plan.model_validate(declared | changes)


def frame_of(outcome: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """Return the rows of one unit."""
    dates = pd.date_range(START, periods=len(outcome))
    return pd.DataFrame({"unit": "all", "date": dates, "outcome": outcome, **columns})


def series_study(
    world: str = "B",
    seed: int = 0,
    *,
    before: int = 400,
    after: int = 30,
    effect: float = 0.0,
    **changes: Any,
) -> tuple[pd.DataFrame, Plan]:
    """Return a series of a simulated world, with its plan."""
    days = before + after
    series = simulate(world, np.random.default_rng(seed), days=days, after=after)
    frame = frame_of(
        series.with_effect(effect),
        traffic=series.controls[:, 0],
        orders=series.controls[:, 1],
    )
    declared = {"controls": ("traffic", "orders")} | changes
    return frame, plan_of(days, before, **declared)


def trial_study(*, effect: float = 3.0) -> tuple[pd.DataFrame, Plan]:
    """Return 12 teams over 12 days, every other with the feature from day 8 on."""
    days, launch, teams = 12, 8, 12
    arm = np.arange(teams) % 2.0
    outcome = 50.0 + np.random.default_rng(5).normal(0.0, 1.0, (teams, days))
    outcome[:, launch:] += effect * arm[:, None]
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"team-{i:02}" for i in range(teams)], days),
            "date": np.tile(pd.date_range(START, periods=days), teams),
            "outcome": outcome.ravel(),
            "arm": np.repeat(arm, days),
        }
    )
    assignment = {"column": "arm", "unit": "team"}
    return frame, plan_of(days, launch, id="trial", assignment=assignment)
