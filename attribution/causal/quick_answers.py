"""Effects without checks, for the many runs of a sensitivity analysis.

The same estimators on the same panel, each by its interval; a series with fewer draws
of the hyper-parameters. A plan that would be refused as a study is refused here, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.placebo_in_time import FAIL_ABOVE
from attribution.causal.estimating import attempt, estimator_named
from attribution.causal.estimators import (
    counterfactual_series,
    staggered_adoption,
    synthetic_control,
)
from attribution.causal.estimators.rollouts.data import rollout_data
from attribution.causal.panel import panel_of
from attribution.causal.refusal import Refusal, RefusalError
from attribution.causal.state_space.integration import ESS_NEEDED, LEVEL_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from attribution.causal.estimators.series_model import SeriesFit
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

_DRAWS = 400
_LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Answer:
    """An effect per treated unit and period, with the ends of its 90 % interval."""

    effect: float
    low: float | None = None
    high: float | None = None


def quick_answer(
    frame: pd.DataFrame,
    plan: Plan,
    rng: np.random.Generator,
    *,
    level_scale: float = LEVEL_SCALE,
) -> Answer:
    """Return a plan's answer from the data, without checking its design.

    Parameters
    ----------
    frame : DataFrame
        As for :func:`attribution.estimate`.
    plan : Plan
        It names its design.
    rng : Generator
        Source of the draws.
    level_scale : float
        Of the prior of a series' level.

    Raises
    ------
    RefusalError
        The data cannot answer.
    """
    if plan.design == "counterfactual_series":
        return _series(_validated(frame, plan), plan, rng, level_scale)
    quick = _QUICK.get(plan.design)
    if quick is not None:
        return quick(_validated(frame, plan), plan, rng)
    return _whole(frame, plan, rng)


def _validated(frame: pd.DataFrame, plan: Plan) -> Panel:
    panel = panel_of(frame, plan)
    estimator_named(plan.design).validate(panel, plan)
    return panel


def _series(
    panel: Panel, plan: Plan, rng: np.random.Generator, level_scale: float
) -> Answer:
    series = counterfactual_series.series_of(panel, plan)
    fitted = series.fit(rng, draws=_DRAWS, level_scale=level_scale)
    _refuse_fit(fitted)
    cells = float(panel.treated.sum() * panel.after)
    if plan.scale == "additive":
        low, high = fitted.effect_interval(_LEVEL)
        return Answer(fitted.effect_mean / cells, low / cells, high / cells)
    effect = counterfactual_series.effect_of(fitted, plan, rng).scaled(1.0 / cells)
    return Answer(effect.point, *effect.interval(_LEVEL))


def _refuse_fit(fitted: SeriesFit) -> None:
    z = fitted.placebo_z
    if len(z) and np.mean(z**2) > FAIL_ABOVE:
        raise RefusalError(
            "placebo_in_time_failed", f"Mean z² of placebos is {np.mean(z**2):.2f}."
        )
    if fitted.integration.effective_draws < ESS_NEEDED:
        raise RefusalError(
            "sampler_ess_low",
            f"{fitted.integration.effective_draws:.0f} effective draws.",
        )


def _synthetic_control(panel: Panel, plan: Plan, rng: np.random.Generator) -> Answer:
    gaps = synthetic_control.gaps_of(panel, plan)
    test = synthetic_control.chosen_test(len(gaps.donors), plan)
    totals = synthetic_control.totals_of(panel, plan)
    total = totals.effect(synthetic_control.average_of(gaps, test, rng))
    average = total.scaled(1.0 / (totals.units * panel.after))
    return Answer(average.point, *average.interval(_LEVEL))


def _staggered(panel: Panel, plan: Plan, rng: np.random.Generator) -> Answer:
    data = rollout_data(panel, plan)
    effect = staggered_adoption.path_of(data, panel).effect(rng)
    cells = data.imputation.usable
    observed = np.where(cells, panel.outcome, 0.0).sum(axis=0)
    total = staggered_adoption.total_of(
        effect, data, observed, slice(panel.launch, None)
    )
    average = total.scaled(1.0 / float(cells.sum()))
    return Answer(average.point, *average.interval(_LEVEL))


def _whole(frame: pd.DataFrame, plan: Plan, rng: np.random.Generator) -> Answer:
    alone = plan.model_copy(update={"guardrails": ()})
    result = attempt(frame, alone, seed=int(rng.integers(2**31))).result
    if isinstance(result, Refusal):
        raise RefusalError(result.code, result.message)
    return Answer(result.average.point, *result.average.interval(_LEVEL))


_QUICK: Mapping[str, Callable[[Panel, Plan, np.random.Generator], Answer]] = {
    "synthetic_control": _synthetic_control,
    "staggered_adoption": _staggered,
}
