"""A randomised roll-out, hold-out or A/B test.

Estimand
    Intention to treat: the effect of assignment on the treated units' outcome, in total
    over the periods. If clusters were randomised it is per unit, so that a cluster
    counts by its size, or per cluster if the plan requests it. With a denominator it is
    the difference of the ratios times the treated denominators.
Method
    Units: each period's outcome on assignment, the outcome before the launch (or a
    declared covariate) and their product, errors HC3 over units; the covariance of the
    periods is kept, so the total's error is exact for that design. Clusters and ratios:
    :mod:`attribution.causal.estimators.ratio_of_sums`. Counts of few events:
    :mod:`attribution.causal.estimators.rare_events`. Without a history nothing is
    adjusted. More than a single look: a confidence sequence, which holds at all of them
    at once. Where assignment moves use and does not decide it, the effect of use, too
    (:mod:`attribution.causal.estimators.uptake`).
Assumptions
    Assignment was random and is known; units (clusters) do not change each other's
    outcome; who is missing is missing alike in both arms.
Refuses
    Outcomes that nothing moved; a sample ratio that did not arise by chance; rows finer
    than the unit of randomisation; fewer than four clusters in an arm; declared
    interference without clusters.
Sources
    Deng et al. 2013 (WSDM), section 3; Lin 2013 (AoAS 7); Donald and Lang 2007 (REStat
    89); Deng et al. 2018 (KDD); Fay, Proschan and Brittain 2015 (Biometrics 71);
    Waudby-Smith et al. 2024 (Annals of Statistics 52), theorem 2.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.attrition import attrition
from attribution.causal.checks.balance import balance
from attribution.causal.checks.check import not_run
from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.few_clusters import THRESHOLD, few_clusters
from attribution.causal.checks.interference import interference
from attribution.causal.checks.sample_ratio import sample_ratio
from attribution.causal.effect import Effect, effect_from_covariance, stratified_levels
from attribution.causal.estimators.difference import Difference
from attribution.causal.estimators.experiment_arms import (
    Arms,
    arms_of,
    clusters_of,
    slopes_of,
    sums_of,
    sums_of_units,
    treated_of,
)
from attribution.causal.estimators.rare_events import are_rare, rare_effect
from attribution.causal.estimators.ratio_of_sums import (
    Sums,
    sums_difference,
    wild_p_value,
)
from attribution.causal.estimators.uptake import effect_of_use
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Assignment, Plan

#: Units, or clusters where those were randomised, in each arm.
UNITS_NEEDED = 4
#: Rounding error of a zero, as a share of the sum of the terms.
_ROUNDING = 1e-13
#: The level at which a confidence sequence is narrowest at its planned size.
SEQUENCE_ALPHA = 0.05


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse an assignment that is missing, not binary, or coarser than the rows."""
    assigned = _assignment(plan)
    if assigned.row_unit not in (None, assigned.unit) and not assigned.cluster:
        raise RefusalError(
            "unit_finer_than_assignment",
            f"Rows are by {assigned.row_unit}, and what was randomised is"
            f" {assigned.unit}: name the column of the {assigned.unit} as `cluster`.",
            row_unit=assigned.row_unit,
            assignment_unit=assigned.unit,
        )
    arm = panel.column(assigned.column)
    constant = np.nanmin(arm, axis=1) == np.nanmax(arm, axis=1)
    if not (np.isin(arm[np.isfinite(arm)], (0.0, 1.0)).all() and constant.all()):
        odd = [panel.units[i] for i in np.flatnonzero(~constant)[:3]]
        raise RefusalError(
            "exposure_not_binary",
            f"Column {assigned.column!r} is not 0 or 1, the same on all dates:"
            f" {(~constant).sum()} of {len(panel.units)} units change"
            f"{', such as ' + ', '.join(odd) if odd else ''}.",
            column=assigned.column,
            changing_units=int((~constant).sum()),
        )
    _refuse_split_clusters(panel, assigned)


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    assigned = _assignment(plan)
    arms, complete = arms_of(panel, assigned)
    sums = sums_of(panel, plan, arms, complete)
    clusters = assigned.cluster is not None
    groups = arms.treated if sums is None else sums.treated
    _refuse_few(groups, clusters=clusters)
    effect, found = _effect(arms, sums, plan, rng)
    if found is not None:
        _refuse_constant(found, arms, plan)
    of_use = effect_of_use(panel, plan, arms, complete, adjusted_difference)
    level = plan.decision_rule.level
    return Estimate(
        design="experiment",
        estimand=_estimand(plan),
        dates=panel.dates[panel.launch :],
        observed=_observed(arms, sums),
        effect=effect,
        cells=_cells(panel, arms, sums),
        per=plan.cell,
        best_grade="A",
        checks=(
            _ratio(panel, assigned),
            _balance(panel, assigned, arms, sums, complete),
            _attrition(panel, assigned, complete),
            _few(arms, sums, effect, is_exact=found is None),
            interference(is_declared=plan.interference, has_clusters=clusters),
            contested_window(
                _touching_one_arm(plan), panel.dates[panel.launch :], panel.units
            ),
        ),
        second_opinion={"difference of means": _plain_total(arms, sums)},
        diagnostics={
            "treated": int(groups.sum()),
            "control": int((~groups).sum()),
            **_errors(found),
            **(of_use.diagnostics(level) if of_use else {}),
        },
        notes=(
            *_notes(panel, plan, found),
            *([of_use.note(plan.outcome_unit, level)] if of_use else []),
        ),
    )


def _estimand(plan: Plan) -> str:
    what = "the outcome"
    if plan.denominator:
        what = f"the outcome per {plan.denominator}, times the treated units' own"
    once = plan.assignment is not None and plan.assignment.counts_clusters_once
    over = "treated clusters, each counting once," if once else "treated units"
    return (
        f"Intention to treat: what assignment changed of {what}, in total over the"
        f" {over} and the periods since."
    )


def _observed(arms: Arms, sums: Sums | None) -> Floats:
    treated: Floats = (
        arms.outcome[arms.treated] if sums is None else sums.numerator[sums.treated]
    ).sum(axis=0)
    return treated


def _cells(panel: Panel, arms: Arms, sums: Sums | None) -> float:
    """Return the divisor of an average: units times periods."""
    if sums is None:
        return float(arms.treated.sum() * panel.after)
    exposed = sums.denominator[sums.treated]
    return float(exposed.sum()) or float(panel.after)


def _balance(
    panel: Panel, assigned: Assignment, arms: Arms, sums: Sums | None, complete: Flags
) -> Check:
    """Check balance before the launch by unit of randomisation; NaN if unknown."""
    slope = slopes_of(panel, assigned, complete)
    if sums is None:
        return balance(arms.treated, arms.before, slope)
    return balance(sums.treated, sums.before, slope)


def _plain_total(arms: Arms, sums: Sums | None) -> float:
    """Return the total without baseline adjustment."""
    if sums is None:
        return float(cluster_difference(arms).path.sum() * arms.treated.sum())
    unknown = np.full(len(sums.treated), np.nan)
    return float(sums_difference(replace(sums, before=unknown)).path.sum())


def _errors(difference: Difference | None) -> dict[str, float]:
    if difference is None:
        return {}
    return {
        "standard_error": difference.standard_error,
        "degrees_of_freedom": difference.degrees_of_freedom,
    }


def adjusted_difference(arms: Arms) -> Difference:
    """Return the baseline-adjusted difference, with HC3 errors.

    Regression on ``1, D, x - mean, D (x - mean)``; the coefficient of ``D``. Without
    any variation before the launch it is the difference of means.
    """
    centred = arms.before - arms.before.mean()
    treated = arms.treated.astype(float)
    columns = [np.ones(len(treated)), treated]
    if np.ptp(centred) > 0:
        columns += [centred, treated * centred]
    return regression_difference(np.column_stack(columns), arms.outcome)


def regression_difference(design: Floats, outcome: Floats) -> Difference:
    """Return the second coefficient of a regression by period, with HC3 errors.

    Parameters
    ----------
    design : ndarray, shape (units, columns)
        The second column is the assignment.
    outcome : ndarray, shape (units, periods)
        A separate regression for each.
    """
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ outcome
    leverage = np.einsum("ij,ji->i", design, inverse)
    residuals = outcome - design @ coefficients
    influence = inverse[1][:, None] * residuals / (1.0 - leverage)[:, None]
    return Difference(
        coefficients[1], influence.T @ influence, float(len(design) - design.shape[1])
    )


def cluster_difference(arms: Arms) -> Difference:
    """Return the difference of means over rows, with variances of each arm apart."""
    path = np.zeros(arms.outcome.shape[1])
    covariance = np.zeros((len(path), len(path)))
    for sign, chosen in ((1.0, arms.treated), (-1.0, ~arms.treated)):
        rows = arms.outcome[chosen]
        path += sign * rows.mean(axis=0)
        spread = rows - rows.mean(axis=0)
        covariance += spread.T @ spread / (len(rows) * (len(rows) - 1))
    return Difference(path, covariance, float(len(arms.treated) - 2))


def sequence_half_width(
    standard_error: float, units: int, planned: int, alpha: Floats
) -> Floats:
    """Return half the width of the confidence sequence at some levels ``1 - alpha``.

    Waudby-Smith et al. 2024, theorem 2.2, with ``ρ`` chosen to be narrowest at the
    planned number of units.
    """
    log_alpha = np.log(SEQUENCE_ALPHA)
    rho = (-2.0 * log_alpha + np.log(-2.0 * log_alpha + 1.0)) / planned
    grown = units * rho + 1.0
    spread = standard_error * np.sqrt(units)
    inner = 2.0 * grown / (units**2 * rho) * np.log(np.sqrt(grown) / alpha)
    half: Floats = spread * np.sqrt(inner)
    return half


def _effect(
    arms: Arms, sums: Sums | None, plan: Plan, rng: np.random.Generator
) -> tuple[Effect, Difference | None]:
    """Return draws of the total, and the difference behind them if any."""
    if sums is not None:
        found = sums_difference(sums)
        return _drawn(found, plan, len(sums.treated), rng), found
    if plan.looks == 1 and are_rare(arms.treated, arms.outcome):
        return rare_effect(arms.treated, arms.outcome, rng), None
    found = adjusted_difference(arms).scaled(float(arms.treated.sum()))
    return _drawn(found, plan, len(arms.treated), rng), found


def _drawn(
    difference: Difference, plan: Plan, units: int, rng: np.random.Generator
) -> Effect:
    effect = effect_from_covariance(
        difference.path,
        difference.covariance,
        degrees_of_freedom=difference.degrees_of_freedom,
        rng=rng,
    )
    if plan.looks == 1:
        return effect
    levels = stratified_levels(len(effect.paths), rng)
    half = sequence_half_width(
        difference.standard_error,
        units,
        plan.planned_units or units,
        2.0 * np.minimum(levels, 1.0 - levels),
    )
    totals = effect.point + np.sign(levels - 0.5) * half
    missing = (totals - effect.draws) / len(difference.path)
    return Effect.of(effect.paths + missing[:, None], point_path=difference.path)


def _assignment(plan: Plan) -> Assignment:
    if plan.assignment is None:
        raise RefusalError(
            "plan_not_supported",
            "The plan names an experiment, and no `assignment`.",
            design=plan.design,
        )
    return plan.assignment


def _refuse_split_clusters(panel: Panel, assigned: Assignment) -> None:
    if not assigned.cluster:
        return
    names = clusters_of(panel, assigned)
    arm = treated_of(panel, assigned)
    split = [name for name in np.unique(names) if len(set(arm[names == name])) > 1]
    if split:
        raise RefusalError(
            "exposure_not_binary",
            f"{len(split)} clusters hold treated and control units, although whole"
            " clusters were randomised.",
            split_clusters=len(split),
        )


def _refuse_few(groups: Flags, *, clusters: bool) -> None:
    treated, control = int(groups.sum()), int((~groups).sum())
    if min(treated, control) < UNITS_NEEDED:
        raise RefusalError(
            "too_few_clusters" if clusters else "too_few_units",
            f"{treated} treated and {control} control"
            f" {'clusters' if clusters else 'units'}; {UNITS_NEEDED} of each are"
            " needed.",
            treated=treated,
            control=control,
            needed=UNITS_NEEDED,
        )


def _refuse_constant(difference: Difference, arms: Arms, plan: Plan) -> None:
    """Refuse outcomes that nothing moved: differences are rounding errors."""
    least = _ROUNDING * float(np.abs(arms.outcome).sum())
    error = float(np.sqrt(max(difference.covariance.sum(), 0.0)))
    if max(abs(float(difference.path.sum())), error) <= least:
        raise RefusalError(
            "outcome_constant",
            f"From {plan.launch} on {plan.outcome} is the same in all units of both"
            " arms, or in each as it was before: nothing tells what chance can do.",
            units=len(arms.treated),
        )


def _ratio(panel: Panel, assigned: Assignment) -> Check:
    treated = treated_of(panel, assigned)
    if assigned.cluster:
        names = clusters_of(panel, assigned)
        treated = np.array([treated[names == name].any() for name in np.unique(names)])
    counts = int(treated.sum()), int((~treated).sum())
    return sample_ratio(*counts, assigned.expected_share)


def _attrition(panel: Panel, assigned: Assignment, complete: Flags) -> Check:
    treated = treated_of(panel, assigned)
    missing = [
        float((~complete[arm]).mean()) if arm.any() else 0.0
        for arm in (treated, ~treated)
    ]
    return attrition(*missing)


def _few(arms: Arms, sums: Sums | None, effect: Effect, *, is_exact: bool) -> Check:
    """Ask few groups sign by sign: clusters, or units that were randomised alone."""
    if is_exact:
        return not_run("few_clusters", THRESHOLD, "The interval is exact at any size.")
    groups = sums_of_units(arms) if sums is None else sums
    low, high = effect.interval(0.9)
    return few_clusters(
        wild_p_value(groups), len(groups.treated), claims_effect=low > 0 or high < 0
    )


def _touching_one_arm(plan: Plan) -> Plan:
    """Return the plan without launches that met both arms alike: those for all."""
    kept = tuple(other for other in plan.other_launches if other.units)
    return plan.model_copy(update={"other_launches": kept})


def _notes(panel: Panel, plan: Plan, difference: Difference | None) -> tuple[str, ...]:
    notes = []
    if plan.assignment and plan.assignment.cluster:
        by = plan.assignment.estimand
        how = (
            "once, whatever its size" if by == "cluster" else "by the size that it has"
        )
        notes.append(f"Every cluster counts {how}.")
    if not panel.before:
        notes.append("There is no history: nothing was adjusted for, or balanced.")
    if difference is None:
        notes.append("Events are rare, so the interval is exact.")
    if plan.looks > 1:
        notes.append(
            "The interval is a confidence sequence: it holds at all looks at once, and"
            " is wider than one for a single look."
        )
    return tuple(notes)
