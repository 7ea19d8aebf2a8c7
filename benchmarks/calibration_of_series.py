"""The series estimator in eight worlds, beside what is usually done instead."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import statsmodels.api as sm
from scipy import stats

from attribution.estimators.series_model import fit_series
from attribution.simulated_worlds import WORLDS, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from attribution.simulated_worlds import SimulatedSeries

    Floats = NDArray[np.float64]
    Ends = tuple[tuple[float, float], tuple[float, float]]

#: History and horizon in days; the middle one is the headline.
LENGTHS = ((90, 30), (190, 60), (310, 90))
HEADLINE = (190, 60)
#: 4 % of the level: what the power is for.
EFFECT_PER_DAY = 5.0
#: Bars of coverage at 95 % and 90 %, where the level may move but no season is missing.
BARS = {0.95: 0.90, 0.9: 0.84}


def calibrate_series(replications: int) -> dict[str, Any]:
    """Return coverage, width and power of each method in each world and length."""
    rows = []
    for before, after in LENGTHS:
        headline = (before, after) == HEADLINE
        methods = METHODS if headline else _AT_EACH_LENGTH
        for world in WORLDS:
            for name, method in methods.items():
                figures = _measured(method, world, before, after, replications)
                rows.append(
                    {
                        "world": world,
                        "days": f"{before}+{after}",
                        "method": name,
                        **figures,
                    }
                )
    return {
        "estimator": "counterfactual_series",
        "replications": replications,
        "rows": rows,
        "missed_bars": _missed(rows),
        "summary": _summary(rows, replications),
    }


def recommended(series: SimulatedSeries, rng: np.random.Generator) -> Ends:
    """Return the intervals of our model, at 95 % and 90 %."""
    fitted = fit_series(series.outcome, series.controls, series.launch, rng)
    return fitted.effect_interval(0.95), fitted.effect_interval(0.9)


def step_with_hac(series: SimulatedSeries, _rng: np.random.Generator) -> Ends:
    """Return those of a step regression with Newey–West errors."""
    days = len(series.outcome)
    step = (np.arange(days) >= series.launch).astype(float)
    design = np.column_stack([step, _static(series)])
    lags = int(4 * (days / 100) ** (2 / 9))
    found = sm.OLS(series.outcome, design).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags}
    )
    after = days - series.launch
    return _normal(found.params[0] * after, found.bse[0] * after)


def plug_in(series: SimulatedSeries, _rng: np.random.Generator) -> Ends:
    """Return those of a local level whose parameters are taken for known."""
    design = _static(series)[:, 1:]
    n, h = series.launch, len(series.outcome) - series.launch
    model = sm.tsa.UnobservedComponents(
        series.outcome[:n], "local level", exog=design[:n]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(disp=False)
    irregular, level = found.params[0], found.params[1]
    predicted = found.get_forecast(h, exog=design[n:]).predicted_mean
    at_launch = found.predicted_state_cov[0, 0, -1]
    steps = np.arange(1, h)
    variance = h**2 * at_launch + level * (steps**2).sum() + h * irregular
    return _normal((series.outcome[n:] - predicted).sum(), float(np.sqrt(variance)))


METHODS: Mapping[str, Callable[[SimulatedSeries, np.random.Generator], Ends]] = {
    "recommended": recommended,
    "step regression, HAC": step_with_hac,
    "plug-in likelihood": plug_in,
}

#: Plug-in likelihood takes as long as ours, so it is measured at the headline only.
_AT_EACH_LENGTH = {
    name: method for name, method in METHODS.items() if name != "plug-in likelihood"
}


def _static(series: SimulatedSeries) -> Floats:
    weekday = np.eye(7)[np.arange(len(series.outcome)) % 7][:, 1:]
    ones = np.ones(len(series.outcome))
    return np.column_stack([ones, weekday, series.controls - 90.0])


def _normal(point: float, error: float) -> Ends:
    at_95, at_90 = stats.norm.ppf([0.975, 0.95]) * error
    return (point - at_95, point + at_95), (point - at_90, point + at_90)


def _measured(
    method: Callable[[SimulatedSeries, np.random.Generator], Ends],
    world: str,
    before: int,
    after: int,
    replications: int,
) -> dict[str, Any]:
    found = []
    for seed in range(replications):
        rng = np.random.default_rng([seed, before, ord(world)])
        series = simulate(world, rng, days=before + after, after=after)
        found.append(method(series, rng))
    ends = np.array(found)
    held = (ends[:, :, 0] < 0) & (ends[:, :, 1] > 0)
    # An effect adds to both ends, so its power can be read off the same intervals.
    planted = EFFECT_PER_DAY * after
    power = (ends[:, 1, 0] + planted > 0) | (ends[:, 1, 1] + planted < 0)
    return {
        "coverage_95": float(held[:, 0].mean()),
        "coverage_90": float(held[:, 1].mean()),
        "false_positives_95": float(1.0 - held[:, 0].mean()),
        "median_width_95": float(np.median(ends[:, 0, 1] - ends[:, 0, 0])),
        "power_90": float(power.mean()),
        "replications": replications,
    }


def _missed(rows: list[dict[str, Any]]) -> list[str]:
    """Return the bars that our own rows miss by more than three standard errors."""
    missed = []
    for row in rows:
        if row["method"] != "recommended" or row["world"] == "H":
            continue
        for level, bar in BARS.items():
            if row["days"] == "310+90" and level == 0.9:  # noqa: PLR2004
                continue
            coverage = row[f"coverage_{level * 100:.0f}"]
            slack = 3.0 * np.sqrt(bar * (1 - bar) / row["replications"])
            if coverage < bar - slack:
                missed.append(
                    f"{row['world']} {row['days']}: {coverage:.3f} at {level}"
                )
    return missed


def _summary(rows: list[dict[str, Any]], replications: int) -> str:
    own = [
        row
        for row in rows
        if row["method"] == "recommended" and row["days"] == "190+60"
    ]
    usual = [row for row in own if row["world"] != "H"]
    low = min(row["coverage_90"] for row in usual)
    high = max(row["coverage_90"] for row in usual)
    season = next(row["coverage_90"] for row in own if row["world"] == "H")
    hac = [
        row["coverage_90"]
        for row in rows
        if row["method"] == "step regression, HAC"
        and row["days"] == "190+60"
        and row["world"] != "H"
    ]
    return (
        f"in seven simulated worlds ({replications} series each, 190 + 60 days) its"
        f" 90 % interval held the truth {low:.0%} to {high:.0%} of times; a step"
        f" regression's {min(hac):.0%} to {max(hac):.0%}. With an unseen season of the"
        f" year it held {season:.0%}, so such studies are refused."
    )


__all__ = ["METHODS", "calibrate_series"]
