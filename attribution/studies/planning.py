"""Required length of a study: detectable effect, in money and return.

Each length is rehearsed on the organisation's own history: the plan's estimator is
asked for a launch that never happened, so that its error is that of real figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from attribution.causal.panel import FREQUENCIES, planned_periods
from attribution.causal.refusal import Refusal
from attribution.studies.power import minimum_detectable_effect, power_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from attribution.causal.plan import Plan

#: Lengths that are rehearsed where none is named, as parts of the declared length.
_PARTS = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class PlannedLength:
    """Length of a study, with the effect it would find four times of five.

    Attributes
    ----------
    periods : int
        From the launch on.
    end : date
        The registered end, half-open.
    detectable : float or None
        Smallest effect per treated unit and period; ``None`` for the ``reason``.
    power : float or None
        Probability of finding the smallest effect that matters.
    detectable_value, cost : float or None
        The effect over all units and periods in money, and the cost of the feature
        until the answer is there: the cost of waiting for it. ``None`` without
        ``economics``.
    detectable_roi : float or None
        The smallest return on that cost that would be found: 0 pays just for itself.
    reason : str
        Reason that nothing would be found; empty where something would.
    """

    periods: int
    end: date
    detectable: float | None = None
    power: float | None = None
    detectable_value: float | None = None
    cost: float | None = None
    detectable_roi: float | None = None
    reason: str = ""


def planned_lengths(
    history: pd.DataFrame, plan: Plan, lengths: Sequence[int] = (), *, seed: int = 0
) -> list[PlannedLength]:
    """Return the detectable effects of studies of several lengths.

    Parameters
    ----------
    history : DataFrame
        ``unit``, ``date``, ``outcome`` and the columns of the plan.
    plan : Plan
        The study; only the end of its window is varied.
    lengths : sequence of int
        Periods from the launch on; a quarter, half, all and twice the declared periods
        where none is named.
    seed : int
        Of all random numbers.
    """
    declared = max(len(planned_periods(plan)), 1)
    chosen = lengths or sorted({max(1, round(declared * part)) for part in _PARTS})
    return list(_planned(history, plan, chosen, declared, seed))


def treated_unit_count(history: pd.DataFrame, plan: Plan) -> float:
    """Return the number of treated units, by the plan and the history."""
    if plan.assignment is not None:
        return float(history["unit"].nunique()) * plan.assignment.expected_share
    return float(len(plan.treated) or len(plan.rollout) or 1)


def cells_of_a_period(history: pd.DataFrame, plan: Plan) -> float | None:
    """Return a period's effect base: units, or the history's divisor.

    ``None`` where the history lacks the divisor of the plan.
    """
    below, rows = plan.denominator if plan.assignment else None, history
    if plan.process is not None:
        below = plan.process.volume
        named = [str(unit) for unit in (*plan.treated, *plan.rollout)]
        if named:
            rows = rows[rows["unit"].astype(str).isin(named)]
    drawn = plan.assignment
    if drawn is not None and drawn.counts_clusters_once:
        if drawn.cluster not in rows:
            return None
        return float(rows[drawn.cluster].nunique()) * drawn.expected_share
    if below is None:
        return treated_unit_count(history, plan)
    if below not in rows:
        return None
    in_a_period = float(rows[below].sum()) / max(rows["date"].nunique(), 1)
    return in_a_period * (drawn.expected_share if drawn else 1.0)


def _planned(
    history: pd.DataFrame, plan: Plan, lengths: Sequence[int], declared: int, seed: int
) -> Iterator[PlannedLength]:
    cells = cells_of_a_period(history, plan)
    for periods in lengths:
        end = pd.date_range(
            plan.launch, periods=periods + 1, freq=FREQUENCIES[plan.period]
        )[-1].date()
        window = plan.window.model_copy(update={"end": end})
        longer = plan.model_copy(update={"window": window})
        cost = value = None
        if plan.economics is not None:
            cost = plan.economics.cost_amount * periods / declared
            if cells is not None:
                value = plan.economics.value_amount_per_unit * cells * periods
        effect = minimum_detectable_effect(history, longer, seed=seed)
        if isinstance(effect, Refusal) or not math.isfinite(effect):
            reason = "without bound"
            if isinstance(effect, Refusal):
                reason = effect.message
            elif math.isnan(effect):
                reason = "not known: nothing in the history varies"
            yield PlannedLength(periods, end, cost=cost, reason=reason)
            continue
        least = plan.minimum_effect
        worth = None if value is None else effect * value
        yield PlannedLength(
            periods,
            end,
            detectable=effect,
            power=None if least is None else power_of(least, effect),
            detectable_value=worth,
            cost=cost,
            detectable_roi=None
            if worth is None or cost is None
            else worth / cost - 1.0,
        )
