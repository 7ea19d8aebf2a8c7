"""Roll-out over teams, depots or regions, at once or staggered.

Estimand
    The effect on the treated: the excess of treated units over their counterfactual,
    from each unit's start to the end of the window, in total.
Method
    Imputation (:mod:`attribution.causal.estimators.rollouts.imputation`), which never
    uses a treated cell as a control; in logarithms where the plan is multiplicative,
    with trends that depend on declared controls. Errors leave out a unit at a time, or
    a region where the plan names a `cluster`. The interval allows for a straight drift
    of adopters, as far as the history does
    (:mod:`attribution.causal.estimators.rollouts.drift`); a claim has to break with
    smooth paths (:mod:`attribution.causal.estimators.rollouts.breaks`). Group-time
    effects of Callaway and Sant'Anna as a second opinion, doubly robust with declared
    controls.
Assumptions
    Without treatment, treated and other units would have moved alike on the declared
    scale, but for a straight drift and the part that declared controls explain;
    untreated cells are evidence of the scale. Nobody reacts earlier than the plan's
    `anticipation`; units do not change each other's outcome. The estimand is about
    these units: errors also count how cohorts were drawn, so with effects that differ
    by cohort the interval is too wide rather than too narrow.
Refuses
    Two-way fixed effects, as their 90 % interval held the truth 2 to 76 times of 100
    where effects grow; nobody to compare with; fewer than two periods before; a single
    treated unit; fewer than six treated or six compared units, or four regions of each.
Sources
    Borusyak, Jaravel and Spiess 2024 (REStud 91); Callaway and Sant'Anna 2021
    (J. Econometrics 225); MacKinnon, Nielsen and Webb 2023 (J. Econometrics 232);
    Roth 2022 (Amer. Econ. Rev.: Insights 4); Rambachan and Roth 2023 (REStud 90).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.break_at_start import break_at_start
from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.few_clusters import few_clusters
from attribution.causal.checks.interference import interference
from attribution.causal.checks.leave_one_out import leave_one_out
from attribution.causal.checks.placebo_in_unit import placebo_in_unit
from attribution.causal.checks.pre_trends import History, Lead, pre_trends
from attribution.causal.checks.scale import MATTERS_ABOVE, scale
from attribution.causal.checks.second_opinion import second_opinion
from attribution.causal.effect import Effect
from attribution.causal.estimators.rollouts.breaks import break_of
from attribution.causal.estimators.rollouts.clusters import wild_p_value
from attribution.causal.estimators.rollouts.data import RolloutData, rollout_data
from attribution.causal.estimators.rollouts.fitting import drifting_path
from attribution.causal.estimators.rollouts.imputation import UNITS_NEEDED, Imputation
from attribution.causal.estimators.rollouts.opinion import (
    SecondOpinion,
    second_opinion_of,
)
from attribution.causal.estimators.rollouts.own_past import (
    own_past_p_value,
    periods_of_weeks,
)
from attribution.causal.estimators.rollouts.parting import parting_p_value
from attribution.causal.estimators.rollouts.scale import (
    other_scale,
    shares_above_constants,
)
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate, history_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.estimators.rollouts.drift import DriftingPath
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

PERIODS_BEFORE_NEEDED = 2
PERMUTATIONS = 199
LEADS = (1, 2, 4)
_SECOND = "Callaway–Sant'Anna"


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse too few units, nobody to compare with, or too little before."""
    _refuse_uncompared(panel)
    if panel.before < PERIODS_BEFORE_NEEDED:
        raise RefusalError(
            "pre_period_too_short",
            f"{panel.before} {plan.period}s before the first start;"
            f" {PERIODS_BEFORE_NEEDED} are needed.",
            history_periods=panel.before,
        )
    _refuse_few(panel)


def _refuse_uncompared(panel: Panel) -> None:
    treated = int(panel.treated.sum())
    starts = np.unique(panel.first[panel.treated])
    if treated == 1:
        raise RefusalError(
            "single_treated_cluster",
            "One treated unit has no standard error in this design.",
            treated=treated,
        )
    compared = len(panel.units) - treated
    if compared == 0 and len(starts) < 2:  # noqa: PLR2004
        raise RefusalError(
            "no_comparison_units",
            f"All {treated} units start in the same period; no unit is left to compare"
            " them with.",
            treated=treated,
            cohorts=_cohorts(panel),
        )


def _refuse_few(panel: Panel) -> None:
    treated = int(panel.treated.sum())
    # Before the last start, later units are the comparison group of earlier units.
    later = int((panel.first > panel.first.min()).sum())
    if min(treated, later) < UNITS_NEEDED:
        raise RefusalError(
            "too_few_units",
            f"{treated} treated units and {later} that were untreated when the first"
            f" started; {UNITS_NEEDED} of each are needed for an error.",
            treated=treated,
            compared=later,
            needed=UNITS_NEEDED,
        )


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    data = rollout_data(panel, plan)
    path = path_of(data, panel)
    average = path.effect(rng)
    imputation = data.imputation
    observed = np.where(imputation.usable, panel.outcome, 0.0).sum(axis=0)
    after = slice(panel.launch, None)
    other = second_opinion_of(data, path)
    return Estimate(
        design="staggered_adoption",
        estimand="Effect on the treated: what treated units had more than without"
        " treatment, in total from each one's start.",
        dates=panel.dates[after],
        observed=observed[after],
        effect=total_of(average, data, observed, after),
        cells=float(imputation.cells),
        best_grade="B",
        checks=_checks(data, path, average, panel, plan, other, rng),
        second_opinion={}
        if other is None
        else {_SECOND: other.effect * imputation.cells},
        diagnostics={
            "cohorts": _cohorts(panel),
            "parallel_trends": float(path.path.sum()),
            "drift": path.drift,
            "drift_error": path.drift_error,
            "standard_error": float(np.sqrt(path.covariance[:-1, :-1].sum())),
            "degrees_of_freedom": path.degrees_of_freedom,
        },
        notes=_notes(imputation, panel),
        history=_history(data, panel),
    )


def path_of(data: RolloutData, panel: Panel) -> DriftingPath:
    """Return the average effect by period with its errors.

    Raises
    ------
    RefusalError
        ``no_comparison_units``, or ``too_few_units`` where there is no error.
    """
    if not data.imputation.cells:
        raise RefusalError(
            "no_comparison_units",
            "No treated cell has a unit and a period that were also seen untreated.",
            cohorts=_cohorts(panel),
        )
    path = drifting_path(data)
    if path is None:
        raise RefusalError(
            "too_few_units",
            "Without one unit nothing is left to compare, so there is no error.",
            units=len(data.groups),
        )
    return path


def total_of(
    average: Effect, data: RolloutData, observed: Floats, after: slice
) -> Effect:
    """Return draws of the total by period, in the unit of the outcome.

    Parameters
    ----------
    average : Effect
        Draws of the weighted sums of effects by period; in logarithms for a ratio.
    data : RolloutData
        Its cells.
    observed : ndarray, shape (periods,)
        Outcome of all usable treated cells.
    after : slice
        Periods from the first start on.
    """
    paths, point = average.paths[:, after], average.point_path[after]
    if not data.is_ratio:
        cells = float(data.imputation.cells)
        return Effect.of(paths * cells, point_path=point * cells)
    # The ratio of a draw differs from the point by as much in every period.
    share = np.maximum(data.imputation.weights.sum(axis=0)[after], 1e-300)
    own = data.imputation.path[after] / share
    ratios = own + (average.draws - data.imputation.average)[:, None]
    with np.errstate(over="ignore"):
        return Effect.of(-observed[after] * np.expm1(-ratios))


def _history(data: RolloutData, panel: Panel) -> pd.DataFrame:
    """Return the first cohort before its start: the units at the launch."""
    imputation = data.imputation
    first = (panel.first == panel.launch) & imputation.usable.any(axis=1)
    before = slice(None, panel.launch)
    expected = imputation.untreated_outcome[first, before]
    return history_of(
        panel.dates[before],
        panel.outcome[first, before].sum(axis=0),
        (np.exp(expected) if data.is_ratio else expected).sum(axis=0),
    )


def _checks(
    data: RolloutData,
    path: DriftingPath,
    average: Effect,
    panel: Panel,
    plan: Plan,
    other: SecondOpinion | None,
    rng: np.random.Generator,
) -> tuple[Check, ...]:
    imputation = data.imputation
    exposure = np.arange(len(panel.dates)) - panel.first[:, None] + 1.0
    point = imputation.average
    low, high = average.interval(0.9)
    half, claims = (high - low) / 2.0, bool(low > 0 or high < 0)
    effect, chance = (other.but_for_drift, other.chance) if other else (None, 0.0)
    placebos = _permuted(data, rng)
    extreme = (1 + np.sum(np.abs(placebos) >= abs(point))) / (len(placebos) + 1)
    return (
        pre_trends(
            _leads(data),
            _history_tests(data, path, periods_of_weeks(panel, plan), rng),
            average.point,
            half,
            float(exposure[imputation.usable].mean()),
        ),
        second_opinion(
            f"{_SECOND}, but for a drift,",
            effect,
            point,
            half,
            chance=chance,
            silenced=_silenced(data),
        ),
        placebo_in_unit(
            float(extreme), claims_effect=claims, placebos=placebos.tolist()
        ),
        leave_one_out((point, half), _left_out(data, panel, half, path)),
        _scale(data, path, plan, half, claims_effect=claims),
        break_at_start(break_of(data), average.point, claims=claims),
        few_clusters(wild_p_value(data, path), len(data.groups), claims_effect=claims),
        interference(is_declared=plan.interference, has_clusters=False),
        contested_window(plan, panel.dates[panel.launch :], panel.units),
    )


def _silenced(data: RolloutData) -> str:
    """Return the part of the plan that may silence the second opinion."""
    if data.covariates is None or data.is_ratio or np.isnan(data.outcome).any():
        return ""
    return "there are too few units to compare with for the declared controls"


def _scale(
    data: RolloutData,
    path: DriftingPath,
    plan: Plan,
    half: float,
    *,
    claims_effect: bool,
) -> Check:
    other = other_scale(data, path)
    if other is None:
        return scale(plan.scale, None, 0.0, claims_effect=claims_effect)
    width = max(half, 1e-300)
    above = shares_above_constants(data, path) if claims_effect else []
    matter = [one.p_value for one in above if abs(one.effect) > MATTERS_ABOVE * width]
    # Several were tried, so the clearest of them is that much less clear.
    hidden = min((len(above) * p_value for p_value in matter), default=1.0)
    return scale(
        plan.scale,
        other.p_value,
        other.effect / width,
        hidden,
        claims_effect=claims_effect,
    )


def _leads(data: RolloutData) -> dict[str, Lead]:
    longest = min(LEADS[-1], data.launch - 1)
    tried = [early for early in (*LEADS[:-1], longest) if 0 < early <= longest]
    leads = {early: _lead(data, early) for early in tried}
    return {
        f"starting {early} {'periods' if early > 1 else 'period'} too early": lead
        for early, lead in leads.items()
        if lead is not None
    }


def _lead(data: RolloutData, early: int) -> Lead | None:
    found = data.lead(early)
    if not found.cells:
        return None
    path = drifting_path(data, found)
    if path is None or path.covariance[:-1, :-1].sum() <= 0:
        return None
    since = np.arange(data.outcome.shape[1]) - data.first[:, None]
    by_time = [
        np.nanmean(found.effects[(since == event) & found.usable])
        for event in range(-early, 0)
        if ((since == event) & found.usable).any()
    ]
    return Lead(path.below_zero(), np.array(by_time))


def _history_tests(
    data: RolloutData,
    path: DriftingPath,
    windows: Mapping[int, int],
    rng: np.random.Generator,
) -> History:
    own = own_past_p_value(data, windows)
    p_values = dict([own] if own else [])
    parting = parting_p_value(data, rng)
    if parting is not None:
        p_values["the path of the whole history"] = parting
    return History(p_values, path.drift, path.drift_error)


def _permuted(data: RolloutData, rng: np.random.Generator) -> Floats:
    """Return estimates with starts handed out at random among the units."""
    return np.array(data.permuted_averages(rng, PERMUTATIONS))


def _left_out(
    data: RolloutData, panel: Panel, half: float, path: DriftingPath
) -> dict[str, tuple[float, float]]:
    imputation = data.imputation
    averages = path.left_out[:, :-1].sum(axis=1)
    farthest = int(np.argmax(np.abs(averages - imputation.average)))
    units = data.groups[farthest]
    name = panel.units[units[0]]
    if len(units) > 1:
        name = f"the cluster of {name}"
    without = {name: (float(averages[farthest]), half)}
    starts = np.unique(panel.first[panel.treated])
    for start in starts if len(starts) > 1 else []:
        rest = imputation.without(panel.first == start)
        if rest.cells:
            cohort = f"the cohort of {panel.dates[start]:%Y-%m-%d}"
            without[cohort] = (rest.average, half)
    return without


def _cohorts(panel: Panel) -> dict[str, int]:
    starts, sizes = np.unique(panel.first[panel.treated], return_counts=True)
    return {
        f"{panel.dates[start]:%Y-%m-%d}": int(size)
        for start, size in zip(starts, sizes, strict=True)
    }


def _notes(imputation: Imputation, panel: Panel) -> tuple[str, ...]:
    notes = []
    never_untreated = panel.treated & ~imputation.usable.any(axis=1)
    if never_untreated.any():
        names = [panel.units[i] for i in np.flatnonzero(never_untreated)]
        notes.append(f"Left out, never seen untreated: {', '.join(names)}.")
    lost = int((panel.treated_cells & ~imputation.usable).sum())
    if lost:
        notes.append(f"{lost} treated cells have nobody to be compared with.")
    return tuple(notes)
