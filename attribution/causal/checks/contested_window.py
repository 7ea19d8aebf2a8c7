"""Check for other declared events that began in the same window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from attribution.causal.checks.check import Check

if TYPE_CHECKING:
    from attribution.causal.plan import Plan

_THRESHOLD = "warn for any launch in the window; fail nearer than a quarter of it"


def contested_window(
    plan: Plan, window: pd.DatetimeIndex, units: tuple[str, ...]
) -> Check:
    """Check the declared launches against the window from the launch on.

    A launch before the feature's counts if it is nearer than a quarter of the window:
    its effect may still grow.
    """
    quarter = (window[-1] - window[0]) / 4
    gaps = {
        other.name: abs(pd.Timestamp(other.on) - window[0])
        for other in plan.other_launches
        if window[0] - quarter < pd.Timestamp(other.on) <= window[-1]
        and (not other.units or set(other.units) & set(units))
    }
    nearest = min(gaps.values(), default=None)
    if nearest is None:
        return Check(
            "contested_window",
            "pass",
            0.0,
            _THRESHOLD,
            "The plan declares nothing else in this window.",
        )
    return Check(
        "contested_window",
        "fail" if nearest < quarter else "warn",
        float(len(gaps)),
        _THRESHOLD,
        f"{', '.join(sorted(gaps))} began within {nearest.days} days of the launch:"
        " what is measured is both.",
    )
