"""Several launches on an outcome in a joint model, separated if possible.

Estimand
    The addition of the feature's launch to the outcome, from its launch to the end of
    the window; or, for a joint claim, its addition together with all launches
    inseparable from it. Claims of features on the same outcome come from a single
    model, so they never sum to more than the total.
Method
    A single series over the whole window: local level + AR(1) + season + controls +
    each launch as it came (:mod:`attribution.causal.estimators.response_model`): at
    once, over its declared days, or as a column measured it. The total, and each group
    of launches, is linear in the same draws. Two launches are separable if their dates
    are a quarter of the horizon apart, or either of them varied separately before; and
    if each alone is no more than twice as uncertain as both together.
Assumptions
    Every launch on the outcome is declared; each has a single lasting effect in
    proportion to its amount; nothing else moved the level in a single step.
Refuses
    Less than 60 periods or three horizons of history; a feature with a launch that no
    data can separate from another (a joint claim may be made); gaps after the launch.
Sources
    Durbin and Koopman 2012, sections 3.2.5 and 4.10 (interventions in a local level);
    Albrecht, François and Schoors 2002 (Energy Policy 30) for the allocation by policy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attribution.causal.checks.collinearity import tolerance
from attribution.causal.checks.interference import interference
from attribution.causal.checks.launch_overlap import (
    GAP_RATIO_NEEDED,
    WIDTH_RATIO_ALLOWED,
    launch_overlap,
)
from attribution.causal.checks.sampler_precision import sampler_precision
from attribution.causal.checks.season_coverage import season_coverage
from attribution.causal.checks.specification_spread import specification_spread
from attribution.causal.effect import Effect
from attribution.causal.estimators.one_series import (
    HISTORY_PER_HORIZON,
    MINIMUM_PERIODS,
    cycle_of,
    is_long,
    refuse_missing,
    treated_mean,
    year_of,
)
from attribution.causal.estimators.response_contributions import (
    change_at,
    contributions_of,
)
from attribution.causal.estimators.response_model import ResponseFit, fit_response
from attribution.causal.estimators.shapley import shapley_parts
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

    Positions = NDArray[np.intp]

#: Below this tolerance a launch duplicates another: data carry no information on it
#: alone.
TOLERANCE_NEEDED = 0.01
#: A joint claim of more launches is not shared out: orders are too many to be a policy.
ALLOCATED_AT_MOST = 5
_CHECK_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Launches:
    """Input of the model.

    Attributes
    ----------
    outcome : ndarray, shape (periods,)
        Total of the treated units.
    names : tuple of str
        The feature, then the other launches.
    exposures : ndarray, shape (periods, launches)
        Amount of each launch.
    without : ndarray, shape (launches,)
        Amount of it without the launch.
    gaps : ndarray, shape (launches,)
        Days between the feature's launch and theirs; for a measured launch, the day
        before it, or else after it, on which it first was not as usual.
    controls : ndarray, shape (periods, controls)
        Other drivers of the outcome.
    launch, cycle : int
        Position of the launch, and periods of a season.
    has_slope : bool
        True if a straight trend was declared.
    """

    outcome: Floats
    names: tuple[str, ...]
    exposures: Floats
    without: Floats
    gaps: Floats
    controls: Floats
    launch: int
    cycle: int
    has_slope: bool

    @cached_property
    def steps(self) -> Floats:
        """Return the increase of each launch after the feature's."""
        return self.exposures[self.launch :] - self.without

    def fit(
        self,
        rng: np.random.Generator,
        *,
        launches: Sequence[int] | None = None,
        draws: int = 1000,
    ) -> ResponseFit:
        """Fit the model with all launches, or with some."""
        kept = range(len(self.names)) if launches is None else launches
        columns = [self.exposures[:, list(kept)], self.controls]
        return fit_response(
            self.outcome,
            [np.column_stack(columns)],
            rng,
            cycle=self.cycle,
            has_drift=self.has_slope,
            draws=draws,
        )


@dataclass(frozen=True, eq=False)
class JointFit:
    """Model of all launches, with their separability."""

    launches: Launches
    fitted: ResponseFit

    def loadings(self, some: Sequence[int]) -> list[Floats]:
        """Return gains of the launches' total per unit of each coefficient."""
        loading = np.zeros(len(self.fitted.members[0].scales))
        loading[list(some)] = self.launches.steps[:, list(some)].sum(axis=0)
        return [loading]

    def interval(self, some: Sequence[int], level: float = 0.9) -> tuple[float, float]:
        """Return the interval of their total."""
        return self.fitted.total(self.loadings(some)).interval(level)

    def width(self, some: Sequence[int]) -> float:
        """Return how wide it is."""
        low, high = self.interval(some)
        return high - low

    @cached_property
    def inseparable(self) -> tuple[int, ...]:
        """Return the feature and the launches inseparable from it.

        A launch joins if it began too near, or if with it the sum is less than half as
        uncertain as without it. Points and p-values are not looked at.
        """
        horizon = self.launches.steps.shape[0]
        group = [0]
        grew = True
        while grew:
            grew = False
            for other in range(1, len(self.launches.names)):
                if other in group:
                    continue
                near = self.launches.gaps[other] < GAP_RATIO_NEEDED * horizon
                ratio = self.width(group) / self.width([*group, other])
                if near or ratio > WIDTH_RATIO_ALLOWED:
                    group.append(other)
                    grew = True
        return tuple(sorted(group))


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse a plan without other launches, too short a history, or gaps."""
    if plan.scale == "multiplicative" or plan.rollout:
        raise RefusalError(
            "plan_not_supported",
            "Joint launches are estimated on one series as it is, with one date of the"
            " launch: declare `scale: additive` and `treated`.",
            scale=plan.scale,
        )
    launches = launches_of(panel, plan)
    if len(launches.names) == 1:
        raise RefusalError(
            "plan_not_supported",
            "The plan declares no other launch on these units in the window.",
            other_launches=len(plan.other_launches),
        )
    needed = max(MINIMUM_PERIODS[plan.period], HISTORY_PER_HORIZON * panel.after)
    if panel.before < needed:
        raise RefusalError(
            "pre_period_too_short",
            f"{panel.before} {plan.period}s before the launch are too few for a horizon"
            f" of {panel.after}: {needed:g} are needed.",
            history_periods=panel.before,
            horizon_periods=panel.after,
        )
    columns = [launch.column for launch in plan.other_launches if launch.column]
    refuse_missing(panel, plan, [*plan.controls, *columns])


def launches_of(panel: Panel, plan: Plan) -> Launches:
    """Return the series of a panel with every launch that touched it and varied."""
    own = _ramp(panel.dates, plan.launch, plan.ramp_days)
    names, exposures, without, gaps = [plan.feature], [own], [0.0], [0.0]
    touched = {panel.units[i] for i in np.flatnonzero(panel.treated)}
    for other in plan.other_launches:
        exposure = _ramp(panel.dates, other.on, other.ramp_days)
        before, gap = 0.0, float(abs((other.on - plan.launch).days))
        if other.column:
            exposure = treated_mean(panel, other.column)
            before = float(np.median(exposure[: panel.launch]))
            gap = _farthest_day(panel, exposure != before)
        if (other.units and not touched & set(other.units)) or not np.ptp(exposure):
            continue
        names.append(other.name)
        exposures.append(exposure)
        without.append(before)
        gaps.append(gap)
    controls = [treated_mean(panel, name) for name in sorted(plan.controls)]
    return Launches(
        panel.outcome[panel.treated].sum(axis=0),
        tuple(names),
        np.column_stack(exposures),
        np.array(without),
        np.array(gaps),
        np.column_stack(controls) if controls else np.empty((len(panel.dates), 0)),
        panel.launch,
        cycle_of(panel, plan),
        plan.slope,
    )


def _ramp(dates: pd.DatetimeIndex, on: date, days: int) -> Floats:
    """Return how much of a launch there was: a step, or a straight line over days."""
    since = (dates - pd.Timestamp(on)).days.to_numpy()
    if days == 0:
        return (since >= 0).astype(float)
    ramp: Floats = np.clip(since / days, 0.0, 1.0)
    return ramp


def _farthest_day(panel: Panel, moved: NDArray[np.bool_]) -> float:
    days = (panel.dates - panel.dates[panel.launch]).days.to_numpy()[moved]
    if not len(days):
        return np.inf
    return float(-days.min()) if days.min() < 0 else float(days.min())


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    children = rng.spawn(3)
    launches = launches_of(panel, plan)
    joint_fit = JointFit(launches, launches.fit(children[0]))
    group = joint_fit.inseparable
    is_joint = plan.claim == "joint" and len(group) > 1
    if not is_joint:
        _refuse_identical(launches)
    claimed = group if is_joint else (0,)
    drawn = joint_fit.fitted.drawn(joint_fit.loadings(claimed), children[1])
    coefficients, _ = drawn
    paths = coefficients[:, list(claimed)] @ launches.steps[:, list(claimed)].T
    names = [launches.names[j] for j in claimed]
    joint = group if len(group) > 1 else ()
    return Estimate(
        design="joint_launches",
        estimand=f"What {' and '.join(names)} added{' together' * is_joint}, from the"
        " launch to the end of the window, net of all else that was launched.",
        dates=panel.dates[panel.launch :],
        observed=launches.outcome[panel.launch :],
        effect=Effect.of(paths),
        cells=float(panel.treated.sum() * panel.after),
        best_grade="C" if is_joint or not joint else "D",
        checks=_checks(joint_fit, panel, plan, claimed, is_joint=is_joint),
        diagnostics=_diagnostics(joint_fit, children[2]),
        notes=_notes(joint_fit, plan),
        decomposition=contributions_of(
            joint_fit.fitted,
            (*launches.names, *sorted(plan.controls)),
            drawn,
            change_at(launches.outcome, launches.launch),
            joint=joint,
            unit=plan.outcome_unit,
        ),
    )


def _refuse_identical(launches: Launches) -> None:
    others = np.column_stack([launches.exposures[:, 1:], launches.controls])
    left = tolerance(launches.exposures[:, 0], others)
    if left < TOLERANCE_NEEDED:
        gap = float(launches.gaps[1:].min())
        raise RefusalError(
            "launches_overlap",
            f"{launches.names[0]} came as other launches did: {left:.4f} of its"
            f" variation is its own, and {TOLERANCE_NEEDED:g} is needed. The nearest"
            f" began {gap:g} days from it, and the horizon is {len(launches.steps)}.",
            tolerance=left,
            gap_days=gap,
            horizon_periods=len(launches.steps),
        )


def _checks(
    joint_fit: JointFit,
    panel: Panel,
    plan: Plan,
    claimed: Sequence[int],
    *,
    is_joint: bool,
) -> tuple[Check, ...]:
    launches, group = joint_fit.launches, joint_fit.inseparable
    low, high = joint_fit.interval(claimed)
    point = joint_fit.fitted.total(joint_fit.loadings(claimed)).mean
    slope = "without a slope" if launches.has_slope else "with a slope"
    return (
        sampler_precision(joint_fit.fitted.effective_draws),
        launch_overlap(
            [launches.names[j] for j in group[1:]],
            joint_fit.width([0]) / joint_fit.width(group),
            _in_words(joint_fit, group, plan.outcome_unit),
            is_joint_claim=is_joint,
        ),
        season_coverage(
            len(panel.dates) / year_of(panel, plan),
            is_long=is_long(panel, plan),
            has_seasonal_control=bool(plan.seasonal_control),
        ),
        specification_spread(
            point, (high - low) / 2.0, {slope: _other_slope(joint_fit, claimed)}
        ),
        interference(is_declared=plan.interference, has_clusters=False),
    )


def _other_slope(joint_fit: JointFit, claimed: Sequence[int]) -> float:
    """Return the estimate with the trend that was not declared, or without it."""
    launches = replace(joint_fit.launches, has_slope=not joint_fit.launches.has_slope)
    other = JointFit(
        launches, launches.fit(np.random.default_rng(0), draws=_CHECK_DRAWS)
    )
    return other.fitted.total(other.loadings(claimed)).mean


def _in_words(joint_fit: JointFit, some: Sequence[int], unit: str) -> str:
    low, high = joint_fit.interval(some)
    point = joint_fit.fitted.total(joint_fit.loadings(some)).mean
    return f"{point:,.4g} {unit} in total ({low:,.4g} to {high:,.4g})"


def _diagnostics(joint_fit: JointFit, rng: np.random.Generator) -> dict[str, object]:
    launches, group = joint_fit.launches, joint_fit.inseparable
    everything = range(len(launches.names))
    low, high = joint_fit.interval(everything)
    return {
        "effective_draws": joint_fit.fitted.effective_draws,
        "total_of_all_launches": joint_fit.fitted.total(
            joint_fit.loadings(everything)
        ).mean,
        "total_low_90": low,
        "total_high_90": high,
        "launches": list(launches.names),
        "gap_days": launches.gaps.tolist(),
        "cannot_be_told_apart": [launches.names[j] for j in group],
        "width_alone": joint_fit.width([0]),
        "width_together": joint_fit.width(group),
        "policy_allocation": _allocation(joint_fit, rng),
    }


def _allocation(joint_fit: JointFit, rng: np.random.Generator) -> dict[str, float]:
    """Return each launch's part of the joint claim, by policy and not by estimate."""
    launches, group = joint_fit.launches, joint_fit.inseparable
    if not 1 < len(group) <= ALLOCATED_AT_MOST:
        return {}
    apart = [j for j in range(len(launches.names)) if j not in group]
    seed = int(rng.integers(2**32))

    def together(some: tuple[int, ...]) -> float:
        if not some:
            return 0.0
        kept = [group[i] for i in some]
        if len(kept) == len(group):
            return joint_fit.fitted.total(joint_fit.loadings(group)).mean
        fitted = launches.fit(
            np.random.default_rng(seed), launches=[*kept, *apart], draws=_CHECK_DRAWS
        )
        loading = np.zeros(len(fitted.members[0].scales))
        loading[: len(kept)] = launches.steps[:, kept].sum(axis=0)
        return fitted.total([loading]).mean

    parts = shapley_parts(len(group), together)
    return {launches.names[j]: part for j, part in zip(group, parts, strict=True)}


def _notes(joint_fit: JointFit, plan: Plan) -> tuple[str, ...]:
    launches, group = joint_fit.launches, joint_fit.inseparable
    everything = range(len(launches.names))
    notes = [
        f"All launches together ({', '.join(launches.names)}):"
        f" {_in_words(joint_fit, everything, plan.outcome_unit)}."
    ]
    if len(group) > 1:
        named = " and ".join(launches.names[j] for j in group)
        notes.append(
            f"{named} cannot be separated. Together:"
            f" {_in_words(joint_fit, group, plan.outcome_unit)}."
        )
    return tuple(notes)
