"""A feature that is there by degrees, among other things that move the outcome.

Estimand
    The excess of the outcome, from the launch to the end of the window, over the
    outcome with the feature's drivers (those of kind ``ai``) at their declared
    baselines.
Method
    A single series over the whole window: local level + fixed drift + AR(1) + season +
    declared drivers (:mod:`attribution.causal.estimators.response_model`). A driver may
    carry over into later periods; the declared ways are averaged by evidence.
    Contributions of drivers, drift and season are drawn together, and the residual is
    the rest of the change, so each draw sums. GLSAR of statsmodels serves as a second
    opinion.
Assumptions
    Every driver that moved in the window is declared; each works in proportion; the
    baseline is smooth. A growing adoption looks like a trend, and only the last
    assumption separates them. An undeclared driver cannot be seen in the data; the
    robustness value states how strong it would have to be.
Refuses
    Less than 60 periods; a driver that never moved; a feature that moved like other
    drivers (their sum may be claimed); an outcome that moves the feature; a baseline
    below zero; too few effective draws.
Sources
    Jin et al. 2017 (Bayesian methods for media mix modeling); Cochrane and Orcutt 1949
    (JASA 44); Cinelli and Hazlett 2020 (JRSS-B 82), section 4; Ibrahim and Chen 2000
    (Statistical Science 15) for an experiment beside the series.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from statsmodels.regression.linear_model import GLSAR
from statsmodels.tools import add_constant

from attribution.causal.checks.collinearity import collinearity, tolerance
from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.negative_baseline import negative_baseline
from attribution.causal.checks.reverse_causality_lead import reverse_causality_lead
from attribution.causal.checks.sampler_precision import sampler_precision
from attribution.causal.checks.season_coverage import season_coverage
from attribution.causal.checks.second_opinion import second_opinion
from attribution.causal.checks.specification_spread import specification_spread
from attribution.causal.estimators.declared_drivers import (
    Claimed,
    Response,
    claimed_drivers,
    effect_loadings,
    effect_of,
    response_of,
)
from attribution.causal.estimators.one_series import (
    MINIMUM_PERIODS,
    refuse_missing,
    year_of,
)
from attribution.causal.estimators.response_contributions import (
    change_at,
    contributions_of,
    one_of,
    robustness_of,
)
from attribution.causal.estimators.response_model import ResponseFit, fit_response
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.effect import Effect
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Number of carry-over variants that may be averaged.
VARIANTS_ALLOWED = 27
#: Lead of a driver in the check that it follows the outcome.
LEAD_PERIODS = {"day": 14, "week": 2, "month": 1, "quarter": 1, "year": 1}
#: An experiment and a series that are farther apart are not put together.
CONFLICT_Z = 2.0
#: Below this tolerance a later value adds nothing to the present value.
_LEAD_TOLERANCE = 0.01
_CHECK_DRAWS = 400


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse too short a series, gaps, drivers that never moved, or too many models."""
    if not plan.drivers or plan.scale == "multiplicative":
        raise RefusalError(
            "plan_not_supported",
            "A response is estimated for declared drivers, on the outcome as it is:"
            " declare `drivers` and `scale: additive`.",
            drivers=len(plan.drivers),
            scale=plan.scale,
        )
    variants = int(np.prod([len(driver.carry_over) for driver in plan.drivers]))
    if variants > VARIANTS_ALLOWED:
        raise RefusalError(
            "plan_not_supported",
            f"The drivers may carry over in {variants} ways together; up to"
            f" {VARIANTS_ALLOWED} are averaged.",
            variants=variants,
        )
    periods, needed = len(panel.dates), MINIMUM_PERIODS[plan.period]
    if periods < needed or panel.before < 2:  # noqa: PLR2004  (a mean, and a change)
        raise RefusalError(
            "pre_period_too_short",
            f"{periods} {plan.period}s, {panel.before} of them before the launch, are"
            f" too few: {needed} are needed.",
            history_periods=panel.before,
            periods=periods,
        )
    columns = [driver.column for driver in plan.drivers]
    refuse_missing(panel, plan, [*columns, *plan.controls])
    _refuse_constant(response_of(panel, plan))


def _refuse_constant(response: Response) -> None:
    moved = np.ptp(response.values, axis=0) > 0
    still = [name for name, one in zip(response.names, moved, strict=True) if not one]
    away = response.values[response.launch :] != response.baselines
    if not away[:, response.feature].any():
        still = [response.names[j] for j in response.feature]
    if still:
        raise RefusalError(
            "driver_constant",
            f"{', '.join(still)} never moved away from its baseline in the window.",
            drivers=still,
        )


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    children = rng.spawn(4)
    response = response_of(panel, plan)
    claimed = claimed_drivers(response, plan)
    fitted, conflict = _fitted(response, plan, children[0])
    loadings = effect_loadings(response, fitted, claimed.columns)
    coefficients, model = fitted.drawn(loadings, children[1])
    effect = effect_of(response, fitted, claimed.columns, coefficients, model)
    lead = _lead(response, fitted, plan, children[2])
    baseline = _negative_baseline(response, effect, plan)
    for check, code in ((lead, "reverse_causality"), (baseline, "baseline_negative")):
        if check.status == "fail":
            raise RefusalError(code, check.why, statistic=check.statistic)
    checks = _checks(response, fitted, panel, plan, loadings, claimed)
    names = [response.names[j] for j in claimed.columns]
    held = any(driver.experiment for driver in plan.drivers if driver.kind == "ai")
    return Estimate(
        design="adoption_response",
        estimand=f"What {' and '.join(names)} added from the launch to the end of the"
        " window, over their baselines.",
        dates=panel.dates[panel.launch :],
        observed=response.outcome[panel.launch :],
        effect=effect,
        cells=float(panel.treated.sum() * panel.after),
        best_grade="C" if held and not conflict else "D",
        checks=(*checks, lead, baseline),
        second_opinion={"GLSAR": glsar_total(response, fitted, loadings)},
        diagnostics=_diagnostics(response, fitted, loadings, claimed),
        notes=(*conflict, *_notes(response, claimed, plan)),
        decomposition=contributions_of(
            fitted,
            response.names,
            (coefficients, model),
            change_at(response.outcome, response.launch),
            joint=claimed.collinear,
            unit=plan.outcome_unit,
        ),
    )


def _fitted(
    response: Response, plan: Plan, rng: np.random.Generator
) -> tuple[ResponseFit, tuple[str, ...]]:
    """Return the fit, held to experiments unless they contradict it."""
    series, both = rng.spawn(2)
    fitted = fit_response(
        response.outcome, response.variants, series, cycle=response.cycle
    )
    experiments = [driver.experiment for driver in plan.drivers]
    conflict = []
    for j, found in enumerate(experiments):
        if found is None:
            continue
        mean, sd = fitted.mean_and_sd(one_of(fitted, j))
        z = (mean - found.effect_per_unit) / np.hypot(sd, found.standard_error)
        if abs(z) > CONFLICT_Z:
            conflict.append(
                f"{response.names[j]}: the series says {mean:,.4g} per unit, and"
                f" {found.source} {found.effect_per_unit:,.4g} ({z:+.1f} errors apart)."
                " They contradict each other, and nothing is averaged."
            )
    if conflict or not any(experiments):
        return fitted, tuple(conflict)
    priors = [
        None
        if experiment is None
        else (
            experiment.effect_per_unit,
            experiment.standard_error / experiment.weight**0.5,
        )
        for experiment in experiments
    ]
    return (
        fit_response(
            response.outcome,
            response.variants,
            both,
            cycle=response.cycle,
            priors=priors,
        ),
        (),
    )


def glsar_total(
    response: Response, fitted: ResponseFit, loadings: Sequence[Floats]
) -> float:
    """Return the total by GLSAR with lag 1, in the likeliest model."""
    best = int(np.argmax(fitted.weights))
    known = np.isfinite(response.outcome)
    design = add_constant(fitted.members[best].regressors[known])
    found = GLSAR(response.outcome[known], design, rho=1).iterative_fit(maxiter=20)
    return float(np.asarray(found.params)[1:] @ loadings[best])


def _checks(
    response: Response,
    fitted: ResponseFit,
    panel: Panel,
    plan: Plan,
    loadings: Sequence[Floats],
    claimed: Claimed,
) -> tuple[Check, ...]:
    total = fitted.total(loadings)
    low, high = total.interval(0.9)
    half = (high - low) / 2.0
    return (
        sampler_precision(fitted.effective_draws),
        _collinearity(response, claimed),
        second_opinion(
            "GLSAR", glsar_total(response, fitted, loadings), total.mean, half
        ),
        specification_spread(total.mean, half, _by_variant(response, fitted, loadings)),
        season_coverage(
            len(panel.dates) / year_of(panel, plan),
            is_long=True,
            has_seasonal_control=bool(plan.seasonal_control)
            or "season" in response.kinds,
        ),
        contested_window(
            _without_drivers(plan), panel.dates[panel.launch :], panel.units
        ),
    )


def _collinearity(response: Response, claimed: Claimed) -> Check:
    among = response.tolerances(with_drift=False)
    beside_drift = response.tolerances(with_drift=True)[claimed.columns].min()
    named = dict(zip(response.names, among.tolist(), strict=True))
    return collinearity(named, float(beside_drift))


def _by_variant(
    response: Response, fitted: ResponseFit, loadings: Sequence[Floats]
) -> dict[str, float]:
    """Return the total under each way of carrying over, where there are several."""
    ways = list(product(*response.carry_over))
    if len(ways) == 1:
        return {}
    totals = [
        float(one.integration.weights @ (one.coefficients @ loading))
        for one, loading in zip(fitted.members, loadings, strict=True)
    ]
    return {
        f"carrying over {', '.join(f'{part:g}' for part in way)}": total
        for way, total in zip(ways, totals, strict=True)
    }


def _without_drivers(plan: Plan) -> Plan:
    """Return the plan without launches that are measured by a driver."""
    columns = {driver.column for driver in plan.drivers}
    rest = tuple(
        launch for launch in plan.other_launches if launch.column not in columns
    )
    return plan.model_copy(update={"other_launches": rest})


def _lead(
    response: Response, fitted: ResponseFit, plan: Plan, rng: np.random.Generator
) -> Check:
    """Check if later values of the feature predict the current outcome."""
    periods = LEAD_PERIODS[plan.period]
    best = int(np.argmax(fitted.weights))
    found = fitted.members[best]
    columns = response.feature
    mean = found.integration.weights @ found.coefficients
    feature = found.regressors[:, columns] @ mean[columns]
    later, now = feature[periods:], found.regressors[:-periods]
    if np.ptp(later) == 0 or tolerance(later, now) < _LEAD_TOLERANCE:
        return reverse_causality_lead(None, periods)
    drivers = now[:, : len(response.names)]
    again = fit_response(
        response.outcome[:-periods],
        [np.column_stack([drivers[:, np.ptp(drivers, axis=0) > 0], later])],
        rng,
        cycle=response.cycle,
        draws=_CHECK_DRAWS,
    )
    position = again.drivers - 1
    mean_later, sd = again.mean_and_sd(one_of(again, position))
    return reverse_causality_lead(mean_later / sd, periods)


def _negative_baseline(response: Response, effect: Effect, plan: Plan) -> Check:
    if plan.may_be_negative:
        return negative_baseline(None)
    total = float(response.outcome[response.launch :].sum())
    return negative_baseline(float(effect.weights @ (total - effect.draws < 0)))


def _diagnostics(
    response: Response,
    fitted: ResponseFit,
    loadings: Sequence[Floats],
    claimed: Claimed,
) -> dict[str, object]:
    robustness = {
        name: robustness_of(fitted, one_of(fitted, j))
        for j, name in enumerate(response.names)
    }
    others = {
        name: value
        for j, (name, value) in enumerate(robustness.items())
        if j not in claimed.columns
    }
    ways = product(*response.carry_over)
    return {
        "effective_draws": fitted.effective_draws,
        "robustness_value": robustness_of(fitted, loadings),
        "strongest_declared": max(others, key=lambda name: others[name], default=None),
        "strongest_declared_robustness_value": max(others.values(), default=None),
        "tolerances": dict(
            zip(
                response.names,
                response.tolerances(with_drift=True).tolist(),
                strict=True,
            )
        ),
        "carry_over_weights": {
            ", ".join(f"{part:g}" for part in way): float(weight)
            for way, weight in zip(ways, fitted.weights, strict=True)
        },
    }


def _notes(response: Response, claimed: Claimed, plan: Plan) -> tuple[str, ...]:
    notes = [
        f"Drivers that were declared: {', '.join(response.names)}. One that was not"
        " cannot be seen in these data."
    ]
    if len(claimed.columns) > len(response.feature):
        names = " and ".join(response.names[j] for j in claimed.columns)
        notes.append(f"A joint claim: {names} cannot be separated.")
    notes += [
        f"{driver.name} is held to {driver.experiment.source}, with weight"
        f" {driver.experiment.weight:g}."
        for driver in plan.drivers
        if driver.experiment
    ]
    return tuple(notes)
