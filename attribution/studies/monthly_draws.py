"""Draws of an effect by month, with equal weights: what returns are worked out from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.causal.result import Estimate

#: How many draws stand for all.
MONTHLY_DRAWS = 1000


def monthly_draws(study_id: str, estimate: Estimate) -> pa.Table:
    """Return equally weighted draws of the total of each month.

    Draws are the same ones in every month. Those that are infinite are left out, and
    counted in ``unbounded_draw_ratio``.
    """
    chosen = resampled(estimate.effect.weights, MONTHLY_DRAWS)
    months = estimate.dates.strftime("%Y-%m")
    kept = np.isfinite(estimate.effect.draws[chosen])
    paths = estimate.effect.paths[chosen[kept]]
    names = list(dict.fromkeys(months))
    totals = [paths[:, np.asarray(months == name)].sum(axis=1) for name in names]
    numbers = np.flatnonzero(kept).astype(np.int32)
    return pa.table(
        {
            "study_id": pa.array([study_id] * (len(names) * len(numbers)), pa.string()),
            "effect_month": np.repeat(np.array(names, dtype=object), len(numbers)),
            "draw": np.tile(numbers, len(names)),
            "effect": np.concatenate(totals) if totals else np.empty(0),
        }
    )


def resampled(weights: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return which draws stand for all with equal weights: systematic resampling.

    Each draw is taken as often as its weight times the count, rounded up or down
    (Kitagawa 1996, JCGS 5, with the middle of each step in place of a random start).
    """
    steps = (np.arange(count) + 0.5) / count
    last = len(weights) - 1
    chosen: NDArray[np.int64] = np.searchsorted(np.cumsum(weights), steps)
    return np.minimum(chosen, last)
