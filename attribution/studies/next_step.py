"""Find a change of a refused plan that is not refused in turn.

Single changes are tried first, then pairs, on the study's own data. Only the refusal of
a changed plan is looked at, never its effect: no change is preferred for its result. An
estimate of a changed plan stays exploratory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from attribution.causal.estimating import estimate
from attribution.causal.estimators.counterfactual_series import (
    HORIZON_RATIO_WITHOUT_CONTROLS,
)
from attribution.causal.estimators.one_series import CYCLE, SEASON_FREE_HORIZON, YEAR
from attribution.causal.panel import FREQUENCIES, dates_of
from attribution.causal.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from attribution.causal.plan import Plan

#: Refusals that a change of the plan alone can cure; data is missing in all others.
CURED_BY_THE_PLAN: Final = frozenset(
    {
        "scale_contradicted",
        "growth_not_declared",
        "placebo_in_time_failed",
        "pre_period_too_short",
        "season_not_covered",
        "too_few_units",
        "single_treated_cluster",
        "no_comparison_units",
        "donors_do_not_span",
        "design_not_identified",
        "sampler_ess_low",
        "underpowered",
    }
)
#: Maximum number of plans tried: a plan of a large panel takes seconds.
TRIED_AT_MOST: Final = 8
#: Least part of the history, and periods of it, on either side of a redefinition.
_SIDE_RATIO, _SIDE_PERIODS = 0.15, 6
#: A step of the history, in robust standard deviations of steps between neighbouring
#: periods, that is taken for another definition of the metric.
_STEP_ABOVE = 6.0


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a plan.

    Attributes
    ----------
    advice : str
        Sentence that describes the edit.
    fields : mapping of str to object
        Fields of the plan with their new values.
    """

    advice: str
    fields: dict[str, Any]

    def applied(self, plan: Plan) -> Plan:
        """Return the changed plan."""
        return type(plan).model_validate(plan.model_dump() | self.fields)


def with_next_step(
    frame: pd.DataFrame, plan: Plan, refusal: Refusal, *, seed: int = 0
) -> Refusal:
    """Return a refusal with advice that was tried, or with none.

    Parameters
    ----------
    frame, plan, seed
        As for :func:`attribution.estimate`.
    refusal : Refusal
        Reason that the plan has no estimate.
    """
    if refusal.code not in CURED_BY_THE_PLAN:
        return refusal
    change = next_step(frame, plan, seed=seed)
    if change is None:
        advice = (
            "No change of this plan helps: scale, trend, window and design were tried."
            f" {refusal.what_would_fix_it}"
        )
        return replace(refusal, what_would_fix_it=advice)
    return replace(refusal, what_would_fix_it=change.advice)


def next_step(frame: pd.DataFrame, plan: Plan, *, seed: int = 0) -> Change | None:
    """Return the first change with which a plan is not refused.

    Parameters
    ----------
    frame, plan, seed
        As for :func:`attribution.estimate`.

    Returns
    -------
    Change or None
        ``None`` where none of :data:`TRIED_AT_MOST` plans is estimable.
    """
    for change in _tried(frame, plan):
        try:
            changed = change.applied(plan)
        except ValueError:
            continue  # such as a window without a launch
        answer = estimate(frame, changed, seed=seed, is_registered=True)
        if not isinstance(answer, Refusal):
            return change
    return None


def horizon_without_a_year(horizon: int, before: int, period: str) -> int:
    """Return the periods judged for a single series, season considered.

    Parameters
    ----------
    horizon : int
        Periods that the length of the history allows for.
    before : int
        Periods of the history.
    period : str
        Length of a period.
    """
    return (
        horizon if before >= YEAR[period] else min(horizon, SEASON_FREE_HORIZON[period])
    )


def _tried(frame: pd.DataFrame, plan: Plan) -> Iterator[Change]:
    """Yield single changes, then pairs that change different fields."""
    single = list(_changes(frame, plan))
    pairs = (
        Change(f"{first.advice} {other.advice}", first.fields | other.fields)
        for first, other in combinations(single, 2)
        if not first.fields.keys() & other.fields.keys()
    )
    for count, change in enumerate((*single, *pairs)):
        if count == TRIED_AT_MOST:
            return
        yield change


def _changes(frame: pd.DataFrame, plan: Plan) -> Iterator[Change]:
    rows = frame.assign(date=dates_of(frame))
    step = redefinition(rows, plan)
    if step is not None:
        yield Change(
            f"Start the window on {step}: the figures change level there.",
            {"window": {"start": step, "end": plan.window.end}},
        )
    if plan.process is None and (rows["outcome"] > 0).all():
        other = "additive" if plan.scale == "multiplicative" else "multiplicative"
        yield Change(f"Declare `scale: {other}`.", {"scale": other})
    yield from _shorter(plan)
    yield from _other_designs(rows, plan)


def _shorter(plan: Plan) -> Iterator[Change]:
    """Yield a window end that the history allows for a single series."""
    dates = pd.date_range(
        plan.window.start, plan.launch, freq=FREQUENCIES[plan.period], inclusive="left"
    )
    horizon = horizon_without_a_year(
        int(len(dates) * HORIZON_RATIO_WITHOUT_CONTROLS), len(dates), plan.period
    )
    if horizon < 1:
        return
    end = pd.date_range(plan.launch, periods=horizon + 1, freq=FREQUENCIES[plan.period])
    last = end[-1].date()
    if last < plan.window.end:
        yield Change(
            f"End the window on {last}: the history allows for no longer one.",
            {"window": {"start": plan.window.start, "end": last}},
        )


def _other_designs(rows: pd.DataFrame, plan: Plan) -> Iterator[Change]:
    if plan.assignment is not None or plan.process is not None or plan.drivers:
        return
    if not plan.slope:
        yield Change(
            "Declare `slope: true` and `design: counterfactual_series`.",
            {"slope": True, "design": "counterfactual_series"},
        )
    treated = plan.treated or tuple(plan.rollout)
    compared = rows["unit"].astype(str).nunique() - len(treated)
    if plan.design != "counterfactual_series":
        yield Change(
            "Declare `design: counterfactual_series`: compare with the units' own"
            " history.",
            {"design": "counterfactual_series"},
        )
    if plan.rollout and compared > 1:
        yield from _first_wave(plan)


def _first_wave(plan: Plan) -> Iterator[Change]:
    """Yield a study of the first wave until the second starts."""
    first = tuple(unit for unit, day in plan.rollout.items() if day == plan.launch)
    later = [day for day in plan.rollout.values() if day > plan.launch]
    if later:
        yield Change(
            f"Compare the {len(first)} units of {plan.launch} until the next start on"
            f" {min(later)}: `treated` instead of `rollout`.",
            {
                "rollout": {},
                "treated": first,
                "window": {"start": plan.window.start, "end": min(later)},
            },
        )


def redefinition(rows: pd.DataFrame, plan: Plan) -> date | None:
    """Return the date from which all units' outcomes lie on another level.

    The step is that of the median unit, in logarithms where outcomes are above zero,
    against steps of the same kind elsewhere in the history.

    Parameters
    ----------
    rows : DataFrame
        ``unit``, ``date`` and ``outcome``.
    plan : Plan
        Its history before the launch is looked at.
    """
    start, launch = pd.Timestamp(plan.window.start), pd.Timestamp(plan.launch)
    before = rows[(rows["date"] >= start) & (rows["date"] < launch)]
    wide = before.pivot_table(index="date", columns="unit", values="outcome")
    least = max(_SIDE_PERIODS, int(len(wide) * _SIDE_RATIO))
    if len(wide) < 2 * least + 2:
        return None
    levels = wide.apply(np.log) if (wide > 0).all(axis=None) else wide
    width = CYCLE[plan.period] if plan.period == "day" else 1
    step = levels.diff(width).median(axis=1)
    usual = 1.4826 * float((step - step.median()).abs().median())
    inside = step.iloc[least:-least]
    place = int((inside - step.median()).abs().to_numpy().argmax())
    size = abs(float(inside.iloc[place] - step.median()))
    if usual <= 0 or size <= _STEP_ABOVE * usual:
        return None
    return _first_of_step(levels, inside.index[place], width)


def _first_of_step(levels: pd.DataFrame, near: pd.Timestamp, width: int) -> date | None:
    """Return the period at which the level changes most, within a width of a step."""
    position = levels.index.get_loc(near)
    assert isinstance(position, int)  # noqa: S101  (dates are unique)
    mean = levels.median(axis=1).to_numpy()
    last = min(position + width, len(mean) - width)
    places = range(max(position - width, width), last)
    changes = {
        at: abs(mean[at : at + width].mean() - mean[at - width : at].mean())
        for at in places
    }
    if not changes:
        return None
    answer: date = levels.index[max(changes, key=lambda at: changes[at])].date()
    return answer
