"""A randomised roll-out, hold-out or A/B test.

Estimand
    Intention to treat: the mean difference that assignment made to the outcome per unit
    and period, times the treated units and the periods. With clusters, every cluster
    counts once, whatever its size.
Method
    Units: each period's outcome on assignment, the outcome before the launch (or a
    declared covariate) and their product, errors HC3 over units; the covariance of the
    periods is kept, so the total's error is exact for that design. Clusters: difference
    of cluster means, ``s₁²/G₁ + s₀²/G₀``, Student's t with G - 2 degrees of freedom.
    More than one look: a confidence sequence, which holds at all of them at once.
Assumptions
    Assignment was random and is known; units (clusters) do not change each other's
    outcome; who is missing is missing alike in both arms.
Refuses
    A sample ratio that did not come about by chance; rows finer than what was
    randomised; fewer than four clusters in an arm; declared interference without
    clusters.
Sources
    Deng et al. 2013 (WSDM), section 3; Lin 2013 (AoAS 7); Donald and Lang 2007 (REStat
    89); Waudby-Smith et al. 2024 (Annals of Statistics 52), theorem 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.checks.attrition import attrition
from attribution.checks.balance import balance
from attribution.checks.contested_window import contested_window
from attribution.checks.interference import interference
from attribution.checks.sample_ratio import sample_ratio
from attribution.effect import Effect, effect_from_covariance, stratified_levels
from attribution.refusal import RefusalError
from attribution.result import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.checks.check import Check
    from attribution.panel import Panel
    from attribution.plan import Assignment, Plan

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: Units, or clusters where those were randomised, in each arm.
UNITS_NEEDED = 4
#: The level at which a confidence sequence is narrowest at its planned size.
SEQUENCE_ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class Arms:
    """Randomised units (or clusters) with complete outcomes.

    Attributes
    ----------
    treated : ndarray of bool, shape (units,)
        Assignment.
    outcome : ndarray, shape (units, periods)
        From the launch on.
    before : ndarray, shape (units,)
        Mean outcome before the launch, or the declared covariate.
    """

    treated: Flags
    outcome: Floats
    before: Floats


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between arms by period.

    Attributes
    ----------
    path : ndarray, shape (periods,)
        Per unit.
    covariance : ndarray, shape (periods, periods)
        Of the path.
    degrees_of_freedom : float
        Of Student's t.
    """

    path: Floats
    covariance: Floats
    degrees_of_freedom: float

    @property
    def standard_error(self) -> float:
        """Of the sum over all periods."""
        return float(np.sqrt(self.covariance.sum()))


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
    """Return the estimate with its checks; see the module for what is estimated."""
    assigned = _assignment(plan)
    everyone, complete = _arms_of(panel, assigned)
    clusters = assigned.cluster is not None
    arms = _clustered(panel, assigned, everyone, complete) if clusters else everyone
    _refuse_few(arms, clusters=clusters)
    found = cluster_difference(arms) if clusters else adjusted_difference(arms)
    treated_units = float(everyone.treated.sum())
    effect = _effect(found, plan, len(arms.treated), rng).scaled(treated_units)
    plain = cluster_difference(arms).path.sum() * treated_units
    return Estimate(
        design="experiment",
        estimand="Intention to treat: what assignment changed, in total over the"
        f" treated {'clusters' if clusters else 'units'} and the periods since.",
        dates=panel.dates[panel.launch :],
        observed=everyone.outcome[everyone.treated].sum(axis=0),
        effect=effect,
        cells=treated_units * panel.after,
        best_grade="A",
        checks=(
            _ratio(panel, assigned),
            balance(arms.before[arms.treated], arms.before[~arms.treated]),
            _attrition(panel, assigned, complete),
            interference(is_declared=plan.interference, has_clusters=clusters),
            contested_window(
                _touching_one_arm(plan), panel.dates[panel.launch :], panel.units
            ),
        ),
        second_opinion={"difference of means": float(plain)},
        diagnostics={
            "treated": int(arms.treated.sum()),
            "control": int((~arms.treated).sum()),
            "standard_error": found.standard_error * treated_units,
            "degrees_of_freedom": found.degrees_of_freedom,
        },
        notes=_notes(plan, clusters=clusters),
    )


def adjusted_difference(arms: Arms) -> Difference:
    """Return the difference adjusted for what was before, with HC3 errors.

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
        One regression for each.
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
    found: Difference, plan: Plan, units: int, rng: np.random.Generator
) -> Effect:
    effect = effect_from_covariance(
        found.path,
        found.covariance,
        degrees_of_freedom=found.degrees_of_freedom,
        rng=rng,
    )
    if plan.looks == 1:
        return effect
    levels = stratified_levels(len(effect.paths), rng)
    half = sequence_half_width(
        found.standard_error,
        units,
        plan.planned_units or units,
        2.0 * np.minimum(levels, 1.0 - levels),
    )
    totals = effect.point + np.sign(levels - 0.5) * half
    missing = (totals - effect.draws) / len(found.path)
    return Effect.of(effect.paths + missing[:, None], point_path=found.path)


def _assignment(plan: Plan) -> Assignment:
    if plan.assignment is None:
        raise RefusalError(
            "plan_not_supported",
            "The plan names an experiment, and no `assignment`.",
            design=plan.design,
        )
    return plan.assignment


def _arms_of(panel: Panel, assigned: Assignment) -> tuple[Arms, Flags]:
    outcome = panel.outcome[:, panel.launch :]
    if assigned.covariate:
        before = panel.column(assigned.covariate)[:, : panel.launch]
    else:
        before = panel.outcome[:, : panel.launch]
    known = np.isfinite(before).any(axis=1)
    means = np.zeros(len(before))
    means[known] = np.nanmean(before[known], axis=1)
    complete: Flags = np.isfinite(outcome.sum(axis=1)) & known
    treated = _treated(panel, assigned)
    return Arms(treated[complete], outcome[complete], means[complete]), complete


def _treated(panel: Panel, assigned: Assignment) -> Flags:
    treated: Flags = np.nanmax(panel.column(assigned.column), axis=1) == 1.0
    return treated


def _clustered(panel: Panel, assigned: Assignment, arms: Arms, complete: Flags) -> Arms:
    names = _clusters(panel, assigned)[complete]
    groups = [names == name for name in np.unique(names)]
    return Arms(
        np.array([arms.treated[group].any() for group in groups]),
        np.stack([arms.outcome[group].mean(axis=0) for group in groups]),
        np.array([arms.before[group].mean() for group in groups]),
    )


def _clusters(panel: Panel, assigned: Assignment) -> Floats:
    names: Floats = np.nanmax(panel.column(str(assigned.cluster)), axis=1)
    return names


def _refuse_split_clusters(panel: Panel, assigned: Assignment) -> None:
    if not assigned.cluster:
        return
    names = _clusters(panel, assigned)
    arm = _treated(panel, assigned)
    split = [name for name in np.unique(names) if len(set(arm[names == name])) > 1]
    if split:
        raise RefusalError(
            "exposure_not_binary",
            f"{len(split)} clusters hold treated and control units, although whole"
            " clusters were randomised.",
            split_clusters=len(split),
        )


def _refuse_few(arms: Arms, *, clusters: bool) -> None:
    treated, control = int(arms.treated.sum()), int((~arms.treated).sum())
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


def _ratio(panel: Panel, assigned: Assignment) -> Check:
    treated = _treated(panel, assigned)
    if assigned.cluster:
        names = _clusters(panel, assigned)
        treated = np.array([treated[names == name].any() for name in np.unique(names)])
    counts = int(treated.sum()), int((~treated).sum())
    return sample_ratio(*counts, assigned.expected_share)


def _attrition(panel: Panel, assigned: Assignment, complete: Flags) -> Check:
    treated = _treated(panel, assigned)
    missing = [
        float((~complete[arm]).mean()) if arm.any() else 0.0
        for arm in (treated, ~treated)
    ]
    return attrition(*missing)


def _touching_one_arm(plan: Plan) -> Plan:
    """Return the plan without launches that met both arms alike: those for all."""
    kept = tuple(other for other in plan.other_launches if other.units)
    return plan.model_copy(update={"other_launches": kept})


def _notes(plan: Plan, *, clusters: bool) -> tuple[str, ...]:
    notes = []
    if clusters:
        notes.append("Every cluster counts once, whatever its size.")
    if plan.looks > 1:
        notes.append(
            "The interval is a confidence sequence: it holds at all looks at once, and"
            " is wider than one for a single look."
        )
    return tuple(notes)


__all__ = [
    "Arms",
    "Difference",
    "adjusted_difference",
    "cluster_difference",
    "fit",
    "regression_difference",
    "sequence_half_width",
    "validate",
]
