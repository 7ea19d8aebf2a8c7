"""Roll-outs that several modules of tests estimate."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attribution import Estimate, Plan
from attribution.causal.estimators.rollouts.data import RolloutData
from attribution.causal.panel import panel_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.causal.checks.check import Check

    Table = tuple[NDArray[np.float64], NDArray[np.int64]]


def rollout(
    units: int, seed: int, *, effect: float = 0.0, trend: float = 0.0
) -> tuple[pd.DataFrame, Plan]:
    """Return units that start in three waves, a third of them never."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2026-01-01", periods=24)
    starts = [10, 14, 18, None, None]
    rows, dates = [], {}
    for i in range(units):
        start = starts[i % 5]
        noise = rng.normal(0.0, 1.0, 24)
        for t in range(1, 24):
            noise[t] += 0.5 * noise[t - 1]
        y = 50.0 + rng.normal(0.0, 3.0) + 0.1 * np.arange(24) + noise
        if start is not None:
            y[start:] += effect * (1 + np.arange(24 - start) / 10)
            y += trend * np.arange(24)
            dates[f"team {i:02}"] = days[start].date()
        rows.append(pd.DataFrame({"unit": f"team {i:02}", "date": days, "outcome": y}))
    plan = Plan(
        id="rollout",
        feature="assistant",
        outcome="merged_changes",
        outcome_unit="changes",
        launch=date(2026, 1, 11),
        window={"start": date(2026, 1, 1), "end": date(2026, 1, 25)},
        rollout=dates,
    )
    return pd.concat(rows, ignore_index=True), plan


def arrays(units: int, seed: int) -> Table:
    """Return the outcomes of a roll-out without any effect, and the first periods."""
    panel = panel_of(*rollout(units, seed))
    return panel.outcome, panel.first


def data_of(
    outcome: np.ndarray, first: np.ndarray, region: np.ndarray | None = None
) -> RolloutData:
    own = np.arange(len(outcome)) if region is None else region
    return RolloutData(outcome, first, int(first.min()), 0, None, own, is_ratio=False)


def check_of(found: Estimate, name: str) -> Check:
    return next(one for one in found.checks if one.name == name)
