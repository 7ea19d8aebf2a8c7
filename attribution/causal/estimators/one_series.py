"""Single series of a panel: treated units together, week, year, gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.panel import GAP_RATIO_ALLOWED
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: History that a fit needs: periods, and a multiple of the horizon.
MINIMUM_PERIODS = {"day": 60, "week": 52, "month": 24, "quarter": 20, "year": 20}
HISTORY_PER_HORIZON = 3.0
#: Periods in a year, and the horizon (a month) that needs to have seen a full year.
YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}
SEASON_FREE_HORIZON = {"day": 30, "week": 4, "month": 1, "quarter": 1, "year": 1}
CYCLE = {"day": 7, "week": 1, "month": 12, "quarter": 4, "year": 1}


def treated_mean(panel: Panel, name: str) -> Floats:
    """Return the mean of a column over the treated units."""
    mean: Floats = panel.column(name)[panel.treated].mean(axis=0)
    return mean


def cycle_of(panel: Panel, plan: Plan) -> int:
    """Return the periods of a season: the days of a week on which anything happens."""
    return panel.days_a_week if plan.period == "day" else CYCLE[plan.period]


def year_of(panel: Panel, plan: Plan) -> float:
    """Return the periods of a year."""
    working = panel.days_a_week / 7 if plan.period == "day" else 1.0
    return YEAR[plan.period] * working


def is_long(panel: Panel, plan: Plan) -> bool:
    """Return whether the horizon is so long that a season may pass in it."""
    after = panel.after
    if plan.period == "day":  # by the calendar, whatever is closed at weekends
        after = (panel.dates[-1] - panel.dates[panel.launch]).days + 1
    return after > SEASON_FREE_HORIZON[plan.period]


def refuse_missing(panel: Panel, plan: Plan, columns: Sequence[str]) -> None:
    """Refuse a series with unknown outcomes after the launch, or too many before.

    Raises
    ------
    RefusalError
        ``panel_has_gaps``, or ``units_not_in_panel`` where nothing is treated.
    """
    outcome = panel.outcome[panel.treated]
    if not len(outcome):
        raise RefusalError(
            "units_not_in_panel",
            "The plan names no unit with the feature, and the data has"
            f" {len(panel.units)}.",
            unit_count=len(panel.units),
        )
    missing = np.isnan(outcome.sum(axis=0))
    in_history = float(missing[: panel.launch].mean())
    with_gaps = [
        name
        for name in columns
        if not np.isfinite(panel.column(name)[panel.treated]).all()
    ]
    if missing[panel.launch :].any() or in_history > GAP_RATIO_ALLOWED or with_gaps:
        where = [f"{day:%Y-%m-%d}" for day in panel.dates[missing][:3]]
        raise RefusalError(
            "panel_has_gaps",
            f"{missing.sum()} {plan.period}s have no outcome"
            f"{' (' + ', '.join(where) + ')' if where else ''}; up to"
            f" {GAP_RATIO_ALLOWED:.0%} of the history may be missing, and nothing after"
            f" the launch. Columns with gaps: {', '.join(with_gaps) or 'none'}.",
            missing_periods=int(missing.sum()),
            columns_with_gaps=with_gaps,
        )
