"""Equally weighted draws of a monthly effect, for computing returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate

#: Number of draws that represent all.
MONTHLY_DRAWS = 1000


def monthly_draws(plan: Plan, estimate: Estimate) -> pa.Table:
    """Return equally weighted draws of the total of each month.

    Draws are the same in every month. Those that are infinite are left out, and counted
    in ``unbounded_draw_ratio``. A quarter, or a week from a month into the next, is
    shared among its months by the days that the window has of each.
    """
    chosen = resampled(estimate.effect.weights, MONTHLY_DRAWS)
    kept = np.isfinite(estimate.effect.draws[chosen])
    paths = estimate.effect.paths[chosen[kept]]
    names, parts = _parts_of_months(plan, estimate.dates)
    totals = [
        (paths[:, own > 0] * own[own > 0]).sum(axis=1) for own in parts.T if own.any()
    ]
    numbers = np.flatnonzero(kept).astype(np.int32)
    return pa.table(
        {
            "study_id": pa.array([plan.id] * (len(names) * len(numbers)), pa.string()),
            "effect_month": np.repeat(np.array(names, dtype=object), len(numbers)),
            "draw": np.tile(numbers, len(names)),
            "effect": np.concatenate(totals) if totals else np.empty(0),
        }
    )


def _parts_of_months(plan: Plan, dates: pd.DatetimeIndex) -> tuple[list[str], Floats]:
    """Return months, and which part of each period lies in them, periods by months."""
    # Slow to load, and not needed where nothing is estimated.
    import pandas as pd  # noqa: PLC0415

    from attribution.causal.panel import FREQUENCIES  # noqa: PLC0415

    offset = pd.tseries.frequencies.to_offset(FREQUENCIES[plan.period])
    end = pd.Timestamp(plan.window.end)
    days = [
        pd.date_range(day, min(day + offset, end), inclusive="left") for day in dates
    ]
    counts = pd.crosstab(
        np.repeat(np.arange(len(dates)), [len(own) for own in days]),
        np.concatenate([own.strftime("%Y-%m") for own in days]),
    )
    whole = counts.to_numpy(dtype=float)
    return list(counts.columns), whole / whole.sum(axis=1, keepdims=True)


def resampled(weights: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return which draws stand for all with equal weights: systematic resampling.

    Each draw is taken as often as its weight times the count, rounded up or down
    (Kitagawa 1996, JCGS 5, with the middle of each step in place of a random start).
    """
    steps = (np.arange(count) + 0.5) / count
    last = len(weights) - 1
    chosen: NDArray[np.int64] = np.searchsorted(np.cumsum(weights), steps)
    return np.minimum(chosen, last)
