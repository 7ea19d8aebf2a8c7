"""Counterfactual of a single series before and after a launch.

Estimand
    The total difference, from the launch to the end of the window, between the outcome
    and its counterfactual without the feature; by period and in sum.
Model
    Local level + AR(1) + weekday (or month) + controls, on the periods before the
    launch, standardised by them. Hyper-parameters are integrated, not plugged in; the
    variance of the sum is exact (:mod:`attribution.causal.state_space`).
Assumptions
    Nothing but the feature moved the outcome at the launch, apart from movements that
    the controls and a level that moves as it did before can follow. The feature does
    not move the controls. A shock on the day of the launch is invisible to every
    method.
Refuses
    Less than 60 periods (24 months) or three horizons of history; less than a year of
    it for more than a month without a seasonal control; without controls, a horizon
    above a quarter of the history; controls that all moved at the launch or left their
    range; growth without a declared slope; a model that fails on placebo launches; too
    few effective draws.
Sources
    Brodersen et al. 2015 (AoAS 9), section 2; Durbin and Koopman 2012, sections 4.3,
    4.10, 4.11 and chapter 13; Gelman 2006 (Bayesian Analysis 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.control_contamination import control_contamination
from attribution.causal.checks.control_range import control_range
from attribution.causal.checks.cusum import cusum
from attribution.causal.checks.growth import growth
from attribution.causal.checks.leave_one_out import leave_one_out
from attribution.causal.checks.placebo_in_time import placebo_in_time
from attribution.causal.checks.residual_autocorrelation import residual_autocorrelation
from attribution.causal.checks.sampler_precision import sampler_precision
from attribution.causal.checks.season_coverage import season_coverage
from attribution.causal.checks.specification_spread import specification_spread
from attribution.causal.checks.unaffected_outcome import unaffected_outcome
from attribution.causal.effect import Effect
from attribution.causal.estimators.control_jumps import jump_p_values
from attribution.causal.estimators.one_series import (
    HISTORY_PER_HORIZON,
    MINIMUM_PERIODS,
    cycle_of,
    is_long,
    refuse_missing,
    treated_mean,
    year_of,
)
from attribution.causal.estimators.series_model import SeriesFit, fit_series
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate, history_of
from attribution.causal.state_space.integration import LEVEL_SCALE

if TYPE_CHECKING:
    import pandas as pd

    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Without controls the horizon is at most this part of the history.
HORIZON_RATIO_WITHOUT_CONTROLS = 0.25
_CHECK_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Series:
    """Input of the model: an outcome, its controls, and the launch.

    Attributes
    ----------
    outcome : ndarray, shape (periods,)
        Total of the treated units, in the logarithm where the plan is multiplicative.
    controls : mapping of str to ndarray, shape (periods,)
        Mean over the treated units.
    launch, cycle : int
        Position of the launch, and periods of a season (1 for none).
    slope : bool
        True if a straight trend is among the regressors.
    """

    outcome: Floats
    controls: dict[str, Floats]
    launch: int
    cycle: int
    slope: bool

    def fit(
        self,
        rng: np.random.Generator,
        *,
        draws: int = 1000,
        level_scale: float = LEVEL_SCALE,
    ) -> SeriesFit:
        """Fit the model to the history."""
        return fit_series(
            self.outcome,
            np.column_stack(list(self.controls.values()))
            if self.controls
            else np.empty((len(self.outcome), 0)),
            self.launch,
            rng,
            cycle=self.cycle,
            slope=self.slope,
            draws=draws,
            level_scale=level_scale,
        )

    def without(self, control: str) -> Series:
        """Return the series without a given control."""
        kept = {name: x for name, x in self.controls.items() if name != control}
        return replace(self, controls=kept)

    def since(self, start: int) -> Series:
        """Return the series without its first periods."""
        controls = {name: x[start:] for name, x in self.controls.items()}
        return replace(
            self,
            outcome=self.outcome[start:],
            controls=controls,
            launch=self.launch - start,
        )

    def about(self, outcome: Floats, controls: dict[str, Floats]) -> Series:
        """Return a series of the same periods about something else."""
        return replace(self, outcome=outcome, controls=controls)


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse a history that is too short, or a season that was not seen."""
    history, horizon = panel.before - plan.anticipation, panel.after
    needed = max(MINIMUM_PERIODS[plan.period], HISTORY_PER_HORIZON * horizon)
    if not plan.controls:
        needed = max(needed, horizon / HORIZON_RATIO_WITHOUT_CONTROLS)
    if history < needed:
        raise RefusalError(
            "pre_period_too_short",
            f"{history} {plan.period}s before the launch are too few for a horizon of"
            f" {horizon}: {needed:g} are needed.",
            history_periods=history,
            horizon_periods=horizon,
            ratio=history / horizon,
        )
    cycles = history / year_of(panel, plan)
    if cycles < 1 and is_long(panel, plan) and not plan.seasonal_control:
        raise RefusalError(
            "season_not_covered",
            f"The history covers {cycles:.2f} years, and the horizon of {horizon}"
            f" {plan.period}s needs to have seen one.",
            annual_cycles=cycles,
        )
    refuse_missing(panel, plan, plan.controls)


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    series = series_of(panel, plan)
    children = rng.spawn(4)
    fitted = series.fit(children[0])
    placebo = placebo_in_time(fitted.placebo_z, fitted.placebo_periods)
    if placebo.status == "fail":
        raise RefusalError(
            "placebo_in_time_failed",
            f"The model finds effects of launches that never happened. {placebo.why}",
            mean_squared_z=placebo.statistic,
            z=list(placebo.picture["z"]),
        )
    effect = effect_of(fitted, plan, children[1])
    checks = (placebo, *_checks(series, fitted, panel, plan, children[2]))
    observed = fitted.observed
    if plan.scale == "multiplicative":
        observed = np.exp(observed)
    return Estimate(
        design="counterfactual_series",
        estimand="Total difference from what the series would have been without the"
        " feature, from the launch to the end of the window.",
        dates=panel.dates[panel.launch :],
        observed=observed,
        effect=effect,
        cells=float(panel.treated.sum() * panel.after),
        best_grade=_best_grade(panel, plan, checks),
        checks=checks,
        diagnostics=_diagnostics(fitted),
        notes=fitted.notes,
        history=_history(fitted, panel, plan),
    )


def series_of(panel: Panel, plan: Plan) -> Series:
    """Return the single series of a panel: its treated units together."""
    outcome = _treated(panel, panel.outcome).sum(axis=0)
    if plan.scale == "multiplicative":
        outcome = np.log(outcome)
    # Periods that may already react are no evidence of the time before; the filter
    # steps over them.
    outcome[max(panel.launch - plan.anticipation, 0) : panel.launch] = np.nan
    controls = {name: treated_mean(panel, name) for name in sorted(plan.controls)}
    return Series(outcome, controls, panel.launch, cycle_of(panel, plan), plan.slope)


def effect_of(fitted: SeriesFit, plan: Plan, rng: np.random.Generator) -> Effect:
    """Return draws of the effect: observed minus counterfactual, path by path."""
    counterfactual = fitted.counterfactual_paths(rng)
    if plan.scale == "additive":
        point = fitted.observed - fitted.counterfactual_mean
        return Effect.of(fitted.observed - counterfactual, point_path=point)
    return Effect.of(np.exp(fitted.observed) - np.exp(counterfactual))


def _treated(panel: Panel, values: Floats) -> Floats:
    chosen: Floats = values[panel.treated]
    return chosen


def _checks(
    series: Series,
    fitted: SeriesFit,
    panel: Panel,
    plan: Plan,
    rng: np.random.Generator,
) -> list[Check]:
    residuals = fitted.residuals()
    checks = [
        sampler_precision(fitted.integration.effective_draws),
        residual_autocorrelation(residuals, series.cycle),
        cusum(residuals),
        season_coverage(
            panel.before / year_of(panel, plan),
            is_long=is_long(panel, plan),
            has_seasonal_control=bool(plan.seasonal_control),
        ),
        contested_window(plan, panel.dates[panel.launch :], panel.units),
        control_range(series.controls, series.launch),
        control_contamination(_control_p_values(series, rng)),
    ]
    without = {
        name: series.without(name).fit(rng, draws=_CHECK_DRAWS)
        for name in series.controls
    }
    checks.append(leave_one_out(_point_and_half_width(fitted), _pairs(without)))
    point, half = _point_and_half_width(fitted)
    trend = replace(series, slope=not series.slope).fit(rng, draws=_CHECK_DRAWS)
    lean = float(residuals.mean() / residuals.std() * np.sqrt(len(residuals)))
    change = (trend.effect_mean - point) / half
    checks.append(growth(lean, change, is_declared=series.slope))
    checks.append(_spread(series, fitted, trend, rng))
    if plan.unaffected_outcome:
        other = _treated(panel, panel.column(plan.unaffected_outcome)).sum(axis=0)
        if plan.scale == "multiplicative":
            other = np.log(other)
        about = series.about(other, series.controls).fit(rng, draws=_CHECK_DRAWS)
        checks.append(unaffected_outcome(*about.effect_interval(0.95)))
    return checks


def _control_p_values(series: Series, rng: np.random.Generator) -> dict[str, float]:
    control_p_values = {}
    for name, values in series.controls.items():
        if np.ptp(values[: series.launch]) == 0:
            continue
        fitted = series.about(values, {}).fit(rng, draws=_CHECK_DRAWS)
        # Three tests of the same control share its level.
        control_p_values[name] = min(
            1.0,
            3.0
            * min(fitted.p_value, *jump_p_values(values, series.launch, series.cycle)),
        )
    return control_p_values


def _point_and_half_width(fitted: SeriesFit) -> tuple[float, float]:
    low, high = fitted.effect_interval(0.9)
    return fitted.effect_mean, (high - low) / 2.0


def _pairs(fits: dict[str, SeriesFit]) -> dict[str, tuple[float, float]]:
    return {name: _point_and_half_width(fitted) for name, fitted in fits.items()}


def _spread(
    series: Series, fitted: SeriesFit, trend: SeriesFit, rng: np.random.Generator
) -> Check:
    """Check the trend, and the later half of the history, against the estimate."""
    slope = "without a slope" if series.slope else "with a slope"
    fits = {slope: trend.effect_mean}
    half = series.launch // 2
    if half >= HISTORY_PER_HORIZON * (len(series.outcome) - series.launch):
        later = series.since(half).fit(rng, draws=_CHECK_DRAWS)
        fits["with half of the history"] = later.effect_mean
    return specification_spread(*_point_and_half_width(fitted), fits)


def _history(fitted: SeriesFit, panel: Panel, plan: Plan) -> pd.DataFrame:
    rows = np.stack([fitted.outcome[: fitted.launch], fitted.expected_history])
    if plan.scale == "multiplicative":
        rows = np.exp(rows)
    return history_of(panel.dates[: panel.launch], *rows)


def _best_grade(panel: Panel, plan: Plan, checks: tuple[Check, ...]) -> str:
    """Return C; without controls only if a year, an outcome and the calendar help."""
    if plan.controls:
        return "C"
    passed = {check.name for check in checks if check.status == "pass"}
    full_year = panel.before >= year_of(panel, plan)
    return (
        "C"
        if full_year and {"unaffected_outcome", "contested_window"} <= passed
        else "D"
    )


def _diagnostics(fitted: SeriesFit) -> dict[str, float]:
    at = fitted.posterior_means()
    return {
        "effective_draws": fitted.integration.effective_draws,
        "level_sd": at[0],
        "error_sd": at[1],
        "autocorrelation": at[2],
        "minimum_detectable_effect": fitted.minimum_detectable_effect,
    }
