"""Synthetic control: a weighted mean of donors for a treated unit.

Estimand
    The excess of the treated unit (or the treated units together) over its
    counterfactual, in total from the launch.
Method
    Weights that are at least zero and sum to 1, with an intercept, fitted on the
    periods before the launch only and found exactly
    (:mod:`attribution.causal.estimators.convex_weights`). Ranks among donors give
    p-value, interval and draws; where there are too few donors for the level of the
    decision, differences over blocks that the weights did not see do, at grade C. A
    multiplicative plan is estimated in logarithms. The weights without an intercept and
    synthetic difference in differences are shown beside the estimate.
Assumptions
    Without the launch, the treated unit would have kept its relation to the weighted
    donors; the launch does not touch donors; the effect is about constant. Draws of the
    path move all periods together: single periods have no separate interval.
Refuses
    Fewer than twelve periods before, or fewer than after; donors that do not span the
    treated unit.
Sources
    Abadie, Diamond and Hainmueller 2010 (JASA 105), section 2; Doudchenko and Imbens
    2016 (NBER 22791); Ferman and Pinto 2021 (Quantitative Economics 12); Firpo and
    Possebom 2018 (J. Causal Inference 6); Chernozhukov, Wüthrich and Zhu 2025 (A t-test
    for synthetic controls); Arkhangelsky et al. 2021 (Amer. Econ. Rev. 111).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import stats

from attribution.causal.checks.contested_window import contested_window
from attribution.causal.checks.donor_hull import FAIL_ABOVE, donor_hull
from attribution.causal.checks.history_length import history_length
from attribution.causal.checks.interference import interference
from attribution.causal.checks.leave_one_out import leave_one_out
from attribution.causal.checks.placebo_in_time import placebo_in_time
from attribution.causal.checks.placebo_in_unit import placebo_in_unit
from attribution.causal.checks.specification_spread import specification_spread
from attribution.causal.effect import DRAW_COUNT, Effect, stratified_levels
from attribution.causal.estimators.synthetic_did import (
    placebo_effects,
    placebo_error,
    synthetic_did,
)
from attribution.causal.estimators.synthetic_gaps import SyntheticGaps
from attribution.causal.estimators.synthetic_totals import Totals
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate, history_of

if TYPE_CHECKING:
    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

Test = Literal["ranks among donors", "cross-fitted differences"]
PERIODS_BEFORE_NEEDED = 12
DONORS_NEEDED = 2
_PLACEBO_LAUNCHES = 3
_COUNTS = 1e-3


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse too short a history, too few donors, or several starts."""
    panel.refuse_gaps()
    if len(set(panel.first[panel.treated].tolist())) > 1:
        raise RefusalError(
            "plan_not_supported",
            "Treated units start on several dates, which is a staggered roll-out.",
            design=plan.design,
        )
    donors = int((~panel.treated).sum())
    if not panel.treated.any() or donors < DONORS_NEEDED:
        raise RefusalError(
            "no_comparison_units",
            f"{panel.treated.sum()} treated units and {donors} donors; one and"
            f" {DONORS_NEEDED} are needed.",
            donors=donors,
        )
    if panel.before < max(PERIODS_BEFORE_NEEDED, panel.after):
        raise RefusalError(
            "pre_period_too_short",
            f"{panel.before} {plan.period}s before the launch and {panel.after} after:"
            f" at least {PERIODS_BEFORE_NEEDED} and as many as after are needed.",
            history_periods=panel.before,
            horizon_periods=panel.after,
        )


def chosen_test(donors: int, plan: Plan) -> Test:
    """Return the test of the shown interval, chosen before the outcomes.

    Ranks among donors hold for any outcomes, if no p-value below the level of the
    decision is out of their reach; otherwise differences in time replace them.
    """
    least = 1.0 / (donors + 1)
    attainable = least <= 1.0 - plan.decision_rule.level + 1e-12
    return "ranks among donors" if attainable else "cross-fitted differences"


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    gaps = gaps_of(panel, plan)
    test = chosen_test(len(gaps.donors), plan)
    average = average_of(gaps, test, rng)
    totals = totals_of(panel, plan)
    did = synthetic_did(
        gaps.treated, gaps.donors, panel.launch, treated_units=int(totals.units)
    )
    before = slice(None, panel.launch)
    plain = replace(gaps, intercept=False)
    return Estimate(
        design="synthetic_control",
        estimand="What the treated units had more than without the launch, in total.",
        dates=panel.dates[panel.launch :],
        observed=totals.observed[panel.launch :],
        effect=totals.effect(average),
        cells=totals.units * panel.after,
        best_grade="B" if test == "ranks among donors" else "C",
        checks=_checks(gaps, panel, plan, average, did),
        second_opinion={
            "without an intercept": totals.of_mean_gap(plain.mean_gap),
            "synthetic difference in differences": totals.of_mean_gap(did),
        },
        diagnostics=_diagnostics(gaps, panel, test, rng),
        notes=_notes(gaps, test),
        history=history_of(
            panel.dates[before],
            totals.observed[before],
            totals.without(gaps.gaps)[before],
        ),
    )


def gaps_of(panel: Panel, plan: Plan) -> SyntheticGaps:
    """Return the treated units' mean beside the donors, in logarithms if planned so."""
    treated = panel.outcome[panel.treated].mean(axis=0)
    donors = panel.outcome[~panel.treated]
    if plan.scale == "multiplicative":
        treated, donors = np.log(treated), np.log(donors)
    return SyntheticGaps(treated, donors, panel.launch)


def totals_of(panel: Panel, plan: Plan) -> Totals:
    """Return how gaps of a panel's treated units read in the unit of the outcome."""
    return Totals(
        panel.outcome[panel.treated].sum(axis=0),
        float(panel.treated.sum()),
        panel.launch,
        is_ratio=plan.scale == "multiplicative",
    )


def average_of(gaps: SyntheticGaps, test: Test, rng: np.random.Generator) -> Effect:
    """Return draws per treated unit with intervals that invert a test.

    The draw at probability ``u`` is the end of the set at ``α = 2 min(u, 1 - u)``; it
    is infinite where the test cannot reject anything at that level.
    """
    levels = stratified_levels(DRAW_COUNT, rng)
    alphas = 2.0 * np.minimum(levels, 1.0 - levels)
    point = gaps.mean_gap
    if test == "ranks among donors":
        half = gaps.rank_half_widths(alphas)
    else:
        cross = gaps.cross_fitted()
        point = cross.point
        tails = stats.t.isf(alphas / 2.0, cross.degrees_of_freedom)
        half = cross.standard_error * tails
    shifts = np.where(levels < 0.5, -half, half)  # noqa: PLR2004
    path = gaps.gaps[gaps.launch :] + (point - gaps.mean_gap)
    return Effect.of(path + shifts[:, None], point_path=path)


def _diagnostics(
    gaps: SyntheticGaps, panel: Panel, test: Test, rng: np.random.Generator
) -> dict[str, Any]:
    cross = gaps.cross_fitted()
    return {
        "test": test,
        "least_p_value": 1.0 / (len(gaps.donors) + 1),
        "rank_p_value": gaps.mean_rank_p_value(),
        "error_ratio_p_value": gaps.rank_p_value(),
        "cross_fitted_p_value": cross.p_value(),
        "cross_fitted": cross.point,
        "relative_error_before": gaps.relative_error_before,
        "weights": _named_weights(gaps, panel),
        "synthetic_did_error": placebo_error(
            placebo_effects(gaps.donors, panel.launch), rng
        ),
    }


def _notes(gaps: SyntheticGaps, test: Test) -> tuple[str, ...]:
    least = 1.0 / (len(gaps.donors) + 1)
    if test == "ranks among donors":
        return (
            f"Interval and p-value are from {test}; no p-value is below {least:.3f}.",
        )
    return (
        f"{len(gaps.donors)} donors are too few for ranks at this level (no p-value is"
        f" below {least:.3f}): interval and p-value are from {test}.",
    )


def _half_width(average: Effect) -> float:
    """Return half of the 90 % interval, or of the widest that is bounded."""
    for level in (0.9, 0.8, 0.5):
        low, high = average.interval(level)
        if np.isfinite(high - low):
            return (high - low) / 2.0
    return np.inf


def _checks(
    gaps: SyntheticGaps,
    panel: Panel,
    plan: Plan,
    average: Effect,
    did: float,
) -> tuple[Check, ...]:
    low, high = average.interval(0.9)
    half = _half_width(average)
    after = panel.after
    others, chance = _other_specifications(gaps, did)
    names = _donors(panel)
    without = {
        names[i]: (gaps.without(int(i)).mean_gap * after, half)
        for i in np.flatnonzero(gaps.weights > _COUNTS)
    }
    return (
        _hull(gaps),
        history_length(panel.before, panel.after),
        placebo_in_time(*_placebo_launches(gaps)),
        placebo_in_unit(
            gaps.mean_rank_p_value(),
            claims_effect=bool(low > 0 or high < 0),
            placebos=[placebo.mean_gap for placebo in gaps.placebos],
        ),
        leave_one_out((gaps.mean_gap * after, half), without),
        specification_spread(gaps.mean_gap * after, half, others, chance=chance),
        interference(is_declared=plan.interference, has_clusters=False),
        contested_window(plan, panel.dates[panel.launch :], panel.units),
    )


def _other_specifications(
    gaps: SyntheticGaps, did: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Return other estimates of the total gap, and how far chance takes each off.

    Chance is measured on donors: the difference of both estimates in errors before,
    nine donors of ten.
    """
    after = len(gaps.treated) - gaps.launch
    own = np.array([placebo.mean_gap for placebo in gaps.placebos])
    errors = np.array([placebo.error_before for placebo in gaps.placebos])
    found = {"by synthetic difference in differences": did}
    placebos = {**dict.fromkeys(found, placebo_effects(gaps.donors, gaps.launch))}
    plain = replace(gaps, intercept=False)
    # Weights that cannot make the unit at its level are no defensible specification.
    if plain.relative_error_before <= FAIL_ABOVE:
        found["without an intercept"] = plain.mean_gap
        placebos["without an intercept"] = np.array(
            [placebo.mean_gap for placebo in plain.placebos]
        )
    return {name: gap * after for name, gap in found.items()}, {
        name: after * gaps.error_before * _usual((other - own) / errors)
        for name, other in placebos.items()
    }


def _usual(differences: Floats) -> float:
    return float(np.quantile(np.abs(differences), 0.9))


def _hull(gaps: SyntheticGaps) -> Check:
    donors = gaps.donors[:, : gaps.launch]
    target = gaps.treated[: gaps.launch]
    beyond = (target > donors.max(axis=0)) | (target < donors.min(axis=0))
    return donor_hull(
        gaps.relative_error_before,
        float(beyond.mean()),
        float(1.0 / (gaps.weights @ gaps.weights)),
        float(gaps.weights.max()),
    )


def _placebo_launches(gaps: SyntheticGaps) -> tuple[Floats, int]:
    """Return gaps at launches that never happened, in the spread of the donors'."""
    periods = max(1, min(len(gaps.treated) - gaps.launch, gaps.launch // 3))
    last = gaps.launch - periods
    origins = np.unique(
        np.linspace(gaps.launch // 2, last, _PLACEBO_LAUNCHES, dtype=int)
    )
    found = []
    for origin in origins:
        early = gaps.until(int(origin), int(origin) + periods)
        spread = np.sqrt(np.mean([placebo.mean_gap**2 for placebo in early.placebos]))
        found.append(early.mean_gap / spread)
    return np.array(found), periods


def _named_weights(gaps: SyntheticGaps, panel: Panel) -> dict[str, float]:
    return {
        donor: float(weight)
        for donor, weight in zip(_donors(panel), gaps.weights, strict=True)
        if weight > _COUNTS
    }


def _donors(panel: Panel) -> list[str]:
    paired = zip(panel.units, panel.treated, strict=True)
    return [unit for unit, is_treated in paired if not is_treated]
