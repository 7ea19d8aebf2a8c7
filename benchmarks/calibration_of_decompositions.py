"""Contributions, joint launches and automation in worlds whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from attribution.causal.estimators.automation_savings import (
    counts_of,
    minutes_of,
    rate_study,
)
from attribution.causal.estimators.counterfactual_series import effect_of, series_of
from attribution.causal.estimators.joint_launches import JointFit, Launches
from attribution.causal.estimators.response_model import fit_response
from attribution.causal.estimators.series_model import season_contrasts
from attribution.causal.panel import panel_of
from attribution.causal.plan import Plan
from attribution.causal.plan_parts import Process
from benchmarks.calibration_of_panels import LEVELS, card_of_rows, row_of, students
from benchmarks.simulated_drivers import WORLDS, simulate_response
from benchmarks.simulated_worlds import autoregression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.arrays import Floats
    from benchmarks.simulated_drivers import SimulatedResponse

    Found = tuple[float, Floats]

#: Days between two launches of +3 a day each, in a horizon of 60 days.
GAPS = (3, 10, 30)
_DAYS, _LAUNCH = 250, 190
_USUAL_SAVINGS = "means before and after"
#: What nobody declared cannot be seen in the data, and no bar is set for it.
_BEYOND_METHODS = frozenset({"stock undeclared"})


def calibrate_adoption_response(replications: int) -> dict[str, Any]:
    """Return coverage of adoption's contribution, beside two regressions."""
    rows = []
    for world in WORLDS:
        for name, method in _RESPONSE_METHODS.items():
            found = [
                method(*_response(world, seed), np.random.default_rng(seed))
                for seed in range(replications)
            ]
            rows.append(row_of(world, name, found))
    return card_of_rows(
        "adoption_response",
        rows,
        replications,
        "regression, HAC",
        without_bars=_BEYOND_METHODS,
    )


def calibrate_joint_launches(replications: int) -> dict[str, Any]:
    """Return coverage of total and parts, beside two separate step regressions."""
    rows = []
    for gap in GAPS:
        found = [_joint(gap, seed) for seed in range(replications)]
        for name in ("recommended", "one of them", "sum of separate claims"):
            world = f"{gap} days apart, {'one' if name == 'one of them' else 'total'}"
            method = "recommended" if name == "one of them" else name
            rows.append(row_of(world, method, [one[name] for one in found]))
    return card_of_rows("joint_launches", rows, replications, "sum of separate claims")


def calibrate_automation_savings(replications: int) -> dict[str, Any]:
    """Return coverage of saved minutes, beside the difference of means."""
    rows = []
    for world in ("even rate", "drifting rate", "growing volume"):
        for name, method in _SAVINGS_METHODS.items():
            found = [method(*_process(world, seed)) for seed in range(replications)]
            rows.append(row_of(world, name, found))
    return card_of_rows(
        "automation_savings", rows, replications, "means before and after"
    )


def _response(world: str, seed: int) -> tuple[SimulatedResponse, Floats]:
    """Return a series, and multiples of the change from first to last 90 days."""
    rng = np.random.default_rng([seed, WORLDS.index(world)])
    series = simulate_response(world, rng)
    multiples = np.zeros(len(series.outcome))
    multiples[:90], multiples[-90:] = -1.0 / 90.0, 1.0 / 90.0
    return series, multiples


def _state_space(
    series: SimulatedResponse, multiples: Floats, rng: np.random.Generator
) -> Found:
    fitted = fit_response(series.outcome, [series.drivers], rng)
    loading = np.zeros(len(fitted.members[0].scales))
    loading[0] = multiples @ series.drivers[:, 0]
    mixture = fitted.total([loading])
    truth = series.truth(multiples)
    ends = np.array([mixture.interval(level) for level in LEVELS])
    return mixture.mean - truth, ends - truth


def _regression(series: SimulatedResponse) -> Floats:
    days = len(series.outcome)
    drift = np.arange(days) / days
    ones = np.ones(days)
    return np.column_stack([ones, series.drivers, season_contrasts(days, 7), drift])


def _hac(
    series: SimulatedResponse, multiples: Floats, _rng: np.random.Generator
) -> Found:
    lags = int(4 * (len(series.outcome) / 100) ** (2 / 9))
    found = sm.OLS(series.outcome, _regression(series)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags}
    )
    return _scaled(found.params[1], found.bse[1], series, multiples)


def _glsar(
    series: SimulatedResponse, multiples: Floats, _rng: np.random.Generator
) -> Found:
    model = sm.GLSAR(series.outcome, _regression(series), rho=1)
    found = model.iterative_fit(maxiter=20)
    return _scaled(found.params[1], found.bse[1], series, multiples)


def _scaled(
    coefficient: float, error: float, series: SimulatedResponse, multiples: Floats
) -> Found:
    change = float(multiples @ series.drivers[:, 0])
    return students(
        coefficient * change - series.truth(multiples), error * abs(change), np.inf
    )


_RESPONSE_METHODS: Mapping[
    str, Callable[[SimulatedResponse, Floats, np.random.Generator], Found]
] = {"recommended": _state_space, "GLSAR": _glsar, "regression, HAC": _hac}


def _joint(gap: int, seed: int) -> dict[str, Found]:
    rng = np.random.default_rng([seed, gap])
    day = np.arange(_DAYS)
    steps = np.column_stack([day >= _LAUNCH, day >= _LAUNCH + gap]).astype(float)
    noise = autoregression(rng, _DAYS, 0.5, 1.5)
    outcome = 100.0 + steps @ np.array([3.0, 3.0]) + noise
    launches = Launches(
        outcome,
        ("first", "second"),
        steps,
        np.zeros(2),
        np.array([0.0, gap]),
        np.empty((_DAYS, 0)),
        _LAUNCH,
        7,
        has_slope=False,
    )
    joint_fit = JointFit(launches, launches.fit(rng))
    result = {}
    truths = {(0, 1): 3.0 * steps.sum(), (0,): 3.0 * steps[:, 0].sum()}
    for name, some in (("recommended", (0, 1)), ("one of them", (0,))):
        mixture = joint_fit.fitted.total(joint_fit.loadings(some))
        ends = np.array([mixture.interval(level) for level in LEVELS])
        result[name] = (mixture.mean - truths[some], ends - truths[some])
    claims = [_step(outcome, steps[:, j]) for j in (0, 1)]
    error = float(np.hypot(claims[0][1], claims[1][1]))
    total = sum(point for point, _ in claims)
    result["sum of separate claims"] = students(total - truths[0, 1], error, np.inf)
    return result


def _step(outcome: Floats, step: Floats) -> tuple[float, float]:
    design = np.column_stack([np.ones(len(step)), step])
    found = sm.OLS(outcome, design).fit(cov_type="HAC", cov_kwds={"maxlags": 4})
    return float(found.params[1] * step.sum()), float(found.bse[1] * step.sum())


def _process(world: str, seed: int) -> tuple[pd.DataFrame, Plan, float]:
    """Return 240 + 30 days of documents, and the change of minutes that is true."""
    rng = np.random.default_rng([seed, len(world)])
    days, launch = 270, 240
    dates = pd.date_range("2024-01-01", periods=days)
    after = np.arange(days) >= launch
    usual = 1150.0 * (1.0 + 0.5 * after * (world == "growing volume"))
    volume = rng.poisson(usual, days)
    automated = np.where(after, rng.binomial(volume, 0.3), 0)
    rate = 6.5 * (1.0 + rng.normal(0.0, 0.05, days))
    if world == "drifting rate":
        rate = rate + np.cumsum(rng.normal(0.0, 0.02, days))
    minutes = (volume - automated) * rate
    frame = pd.DataFrame(
        {
            "unit": "all",
            "date": dates,
            "outcome": minutes / volume,
            "volume": volume,
            "automated_volume": automated,
            "handling_minutes": minutes,
        }
    )
    frame = frame[frame["date"].dt.day_of_week < 5]  # noqa: PLR2004  (working days)
    plan = Plan.model_validate(
        {
            "id": "invoices",
            "feature": "reader",
            "outcome": "invoices",
            "outcome_unit": "minutes",
            "launch": dates[launch].date(),
            "window": {
                "start": dates[0].date(),
                "end": (dates[-1] + pd.Timedelta(days=1)).date(),
            },
            "process": {},
        }
    )
    open_days = dates.day_of_week < 5  # noqa: PLR2004  (working days)
    truth = -float((automated * rate)[after & open_days].sum())
    return frame, plan, truth


def _savings(frame: pd.DataFrame, plan: Plan, truth: float) -> Found:
    """Return what the estimator says, without its checks, which take most time."""
    panel = panel_of(frame, plan)
    rates, rate_plan, _ = rate_study(panel, plan)
    chosen, drawn = np.random.default_rng(0).spawn(2)
    fitted = series_of(rates, rate_plan).fit(chosen)
    counts = counts_of(panel, Process())
    effect = minutes_of(effect_of(fitted, rate_plan, drawn), counts)
    ends = np.array([effect.interval(level) for level in LEVELS])
    return effect.point - truth, ends - truth


def _means(frame: pd.DataFrame, plan: Plan, truth: float) -> Found:
    """Return the difference of daily means, times days, with Welch's error."""
    after = frame["date"] >= pd.Timestamp(plan.launch)
    minutes = frame["handling_minutes"]
    days = int(after.sum())
    point = (minutes[after].mean() - minutes[~after].mean()) * days
    sides = (minutes[after].to_numpy(), minutes[~after].to_numpy())
    variance = sum(float(side.var(ddof=1)) / len(side) for side in sides)
    return students(float(point) - truth, variance**0.5 * days, float(days - 1))


_SAVINGS_METHODS: Mapping[str, Callable[[pd.DataFrame, Plan, float], Found]] = {
    "recommended": _savings,
    _USUAL_SAVINGS: _means,
}
