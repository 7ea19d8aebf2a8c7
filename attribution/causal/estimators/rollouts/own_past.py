"""Weeks before each start beside the same unit's past: starts after a bad quarter.

A unit that starts after its worst quarter recovers, which looks like an effect. The
quarter shows among the unit's own weeks: what is left of its history after the other
units, and after a straight line of its own, has the same mean before a start as
earlier, unless the start followed from it. The differences of all adopters are compared
with zero by Student's t, over as many weeks as half of a history has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats
    from attribution.causal.estimators.rollouts.data import RolloutData
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Weeks before a start: a month, two, a quarter, half a year.
WEEKS: Final = (4, 8, 13, 26)
_LEAST_UNITS: Final = 3
_LEAST_KNOWN: Final = 3


def periods_of_weeks(panel: Panel, plan: Plan) -> dict[int, int]:
    """Return weeks → periods; leads of longer periods span quarters anyway."""
    per_week = {"day": panel.days_a_week, "week": 1}.get(plan.period, 0)
    return {weeks: weeks * per_week for weeks in WEEKS if per_week}


def own_past_p_value(
    data: RolloutData, windows: Mapping[int, int]
) -> tuple[str, float] | None:
    """Return the clearest window before starts, and its p times their number.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    windows : mapping of int to int
        Weeks → periods.
    """
    left = data.outcome - data.imputation.untreated_outcome
    p_values = {}
    for weeks, periods in windows.items():
        p_value = _p_of_window(data, left, periods)
        if p_value is not None:
            p_values[weeks] = p_value
    if not p_values:
        return None
    weeks = min(p_values, key=lambda each: p_values[each])
    name = f"each unit's last {weeks} weeks against its own past"
    return name, min(1.0, p_values[weeks] * len(p_values))


def _p_of_window(data: RolloutData, left: Floats, periods: int) -> float | None:
    """Return the two-sided p of no difference; ``None`` with too few histories."""
    by_cluster: dict[int, list[float]] = {}
    for unit in np.flatnonzero(data.first < data.outcome.shape[1]):
        history = left[unit, : max(data.first[unit] - data.anticipation, 0)]
        dip = _dip(history, periods)
        if dip is not None:
            by_cluster.setdefault(int(data.cluster[unit]), []).append(dip)
    dips = np.array([np.mean(own) for own in by_cluster.values()])
    if len(dips) < _LEAST_UNITS or dips.std() == 0.0:
        return None
    size = dips.mean() / (dips.std(ddof=1) / np.sqrt(len(dips)))
    return float(2.0 * stats.t.sf(abs(size), len(dips) - 1))


def _dip(history: Floats, periods: int) -> float | None:
    """Return the mean of the last periods less that of earlier ones, about a line."""
    if 2 * periods > len(history):
        return None
    known = np.isfinite(history)
    late = np.arange(len(history)) >= len(history) - periods
    if min((known & late).sum(), (known & ~late).sum()) < _LEAST_KNOWN:
        return None
    at = np.flatnonzero(known)
    line = np.polynomial.polynomial.polyfit(at, history[known], 1)
    rest = history[known] - np.polynomial.polynomial.polyval(at, line)
    return float(rest[late[known]].mean() - rest[~late[known]].mean())
