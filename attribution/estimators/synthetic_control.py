"""One treated unit, and others that were not: a weighted mean of them stands in.

Estimand
    What the treated unit (or the treated units together) had more than it would have
    had, in total from the launch.
Method
    Weights that are at least zero and sum to one, with an intercept, found exactly
    (:mod:`attribution.estimators.convex_weights`). One test makes p-value, interval and
    draws: ranks among donors, or conformal shifts in time, whichever can attain the
    finer level with this many donors and periods. The other is shown beside it, and so
    are the weights without an intercept and synthetic difference in differences.
Assumptions
    Without the launch, the treated unit would have kept its relation to the weighted
    donors; the launch does not touch donors; the effect is about constant. Draws of the
    path move all periods together: a period has no interval of its own.
Refuses
    Fewer than twelve periods before, or fewer than after; donors that do not span the
    treated unit; a decision at a level that this many donors or periods cannot attain.
Sources
    Abadie, Diamond and Hainmueller 2010 (JASA 105), section 2; Doudchenko and Imbens
    2016 (NBER 22791); Ferman and Pinto 2021 (Quantitative Economics 12); Firpo and
    Possebom 2018 (J. Causal Inference 6); Chernozhukov, Wüthrich and Zhu 2021 (JASA
    116); Arkhangelsky et al. 2021 (Amer. Econ. Rev. 111).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.checks.contested_window import contested_window
from attribution.checks.donor_hull import donor_hull
from attribution.checks.history_length import history_length
from attribution.checks.interference import interference
from attribution.checks.leave_one_out import leave_one_out
from attribution.checks.placebo_in_time import placebo_in_time
from attribution.checks.placebo_in_unit import placebo_in_unit
from attribution.checks.specification_spread import specification_spread
from attribution.effect import DRAW_COUNT, Effect, stratified_levels
from attribution.estimators.synthetic_did import placebo_error, synthetic_did
from attribution.estimators.synthetic_gaps import SyntheticGaps
from attribution.refusal import RefusalError
from attribution.result import Estimate, history_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.checks.check import Check
    from attribution.panel import Panel
    from attribution.plan import Plan

    Floats = NDArray[np.float64]

Test = Literal["ranks among donors", "conformal shifts in time"]
PERIODS_BEFORE_NEEDED = 12
DONORS_NEEDED = 2
_PLACEBO_LAUNCHES = 3
_COUNTS = 1e-3


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse too short a history, too few donors, or a level out of reach."""
    panel.refuse_gaps()
    if plan.scale == "multiplicative":
        raise RefusalError(
            "plan_not_supported",
            "Synthetic control is estimated on the outcome as it is: declare"
            " `scale: additive`.",
            scale=plan.scale,
        )
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
    _refuse_level(panel, plan, donors)


def _refuse_level(panel: Panel, plan: Plan, donors: int) -> None:
    _, least = chosen_test(donors, len(panel.dates))
    alpha = 1.0 - plan.decision_rule.level
    if least > alpha + 1e-12:
        raise RefusalError(
            "level_not_attainable",
            f"With {donors} donors and {len(panel.dates)} {plan.period}s no p-value is"
            f" below {least:.3f}, and the decision needs {alpha:.2f}.",
            least_p_value=least,
            alpha=alpha,
        )


def chosen_test(donors: int, periods: int) -> tuple[Test, float]:
    """Return the test that can attain the finer level, and its least p-value.

    Known before any outcome is looked at: it depends on counts only.
    """
    by_rank, by_shift = 1.0 / (donors + 1), 1.0 / periods
    if by_rank <= by_shift:
        return "ranks among donors", by_rank
    return "conformal shifts in time", by_shift


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for what is estimated."""
    gaps = gaps_of(panel)
    test, least = chosen_test(len(gaps.donors), len(panel.dates))
    average = effect_of(gaps, test, rng)
    units = float(panel.treated.sum())
    half = _half_width(average)
    did = synthetic_did(
        gaps.treated, gaps.donors, panel.launch, treated_units=int(units)
    )
    plain = replace(gaps, intercept=False)
    cells = units * panel.after
    return Estimate(
        design="synthetic_control",
        estimand="What the treated units had more than without the launch, in total.",
        dates=panel.dates[panel.launch :],
        observed=panel.outcome[panel.treated][:, panel.launch :].sum(axis=0),
        effect=average.scaled(units),
        cells=cells,
        best_grade="B",
        checks=_checks(gaps, panel, plan, average, half, did),
        second_opinion={
            "without an intercept": plain.mean_gap * cells,
            "synthetic difference in differences": did * cells,
        },
        diagnostics={
            "test": test,
            "least_p_value": least,
            "rank_p_value": gaps.rank_p_value(),
            "conformal_p_value": gaps.conformal_p_value(0.0),
            "relative_error_before": gaps.relative_error_before,
            "weights": _named_weights(gaps, panel),
            "synthetic_did_error": placebo_error(gaps.donors, panel.launch, rng),
        },
        notes=(
            f"Interval and p-value are from {test}; no p-value is below {least:.3f}.",
        ),
        history=history_of(
            panel.dates[: panel.launch],
            units * gaps.treated[: panel.launch],
            units * (gaps.treated - gaps.gaps)[: panel.launch],
        ),
    )


def gaps_of(panel: Panel) -> SyntheticGaps:
    """Return the treated units' mean beside the donors."""
    return SyntheticGaps(
        panel.outcome[panel.treated].mean(axis=0),
        panel.outcome[~panel.treated],
        panel.launch,
    )


def effect_of(gaps: SyntheticGaps, test: Test, rng: np.random.Generator) -> Effect:
    """Return draws whose intervals are the sets that a test does not reject.

    The draw at probability ``u`` is the end of the set at ``α = 2 min(u, 1 - u)``; it
    is infinite where the test cannot reject anything at that level.
    """
    levels = stratified_levels(DRAW_COUNT, rng)
    alphas = 2.0 * np.minimum(levels, 1.0 - levels)
    if test == "ranks among donors":
        half = gaps.rank_half_widths(alphas)
        low, high = gaps.mean_gap - half, gaps.mean_gap + half
    else:
        low, high = gaps.conformal_ends(alphas)
    means = np.where(levels < 0.5, low, high)  # noqa: PLR2004
    path = gaps.gaps[gaps.launch :]
    return Effect.of(path + (means - gaps.mean_gap)[:, None], point_path=path)


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
    half: float,
    did: float,
) -> tuple[Check, ...]:
    low, high = average.interval(0.9)
    after = panel.after
    others = {
        "without an intercept": replace(gaps, intercept=False).mean_gap * after,
        "by synthetic difference in differences": did * after,
    }
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
            gaps.rank_p_value(),
            claims_effect=bool(low > 0 or high < 0),
            placebos=[one.mean_gap for one in gaps.placebos],
        ),
        leave_one_out((gaps.mean_gap * after, half), without),
        specification_spread(gaps.mean_gap * after, half, others),
        interference(is_declared=plan.interference, has_clusters=False),
        contested_window(plan, panel.dates[panel.launch :], panel.units),
    )


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
        spread = np.sqrt(np.mean([one.mean_gap**2 for one in early.placebos]))
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


__all__ = ["chosen_test", "effect_of", "fit", "gaps_of", "validate"]
