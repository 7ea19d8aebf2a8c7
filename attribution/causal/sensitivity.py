"""Sensitivity of a study: runs with a single choice changed.

Another prior, a shorter window, a control, donor or unit less, other specifications,
other methods. Every run that is made is shown, also a refused run; the choice of runs
follows from plan and panel, never from a result. Runs are capped by number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.causal.effect import Effect
from attribution.causal.estimators.rollouts.data import rollout_data
from attribution.causal.estimators.staggered_adoption import total_of
from attribution.causal.quick_answers import Answer, quick_answer
from attribution.causal.refusal import RefusalError
from attribution.causal.state_space.integration import LEVEL_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate

Kind = Literal["prior", "window", "leave_one_out", "specification", "second_opinion"]
#: Of the items that are left out in turn, those that weigh most.
LEFT_OUT_AT_MOST = 10
SPECIFICATIONS_AT_MOST = 32
#: Multiples of the scale of the prior of a level's step.
PRIOR_GRID = (0.3, 0.5, 2.0, 3.0)
#: Parts of the periods after the launch, and of the history, that are cut off.
_CUTS_AFTER, _CUT_BEFORE = (0.25, 0.5), 0.25
#: Up to so many controls every subset of them is a specification.
_ALL_SUBSETS_UP_TO = 3
_ANTICIPATION = {"day": 7, "week": 1, "month": 1, "quarter": 1, "year": 1}


@dataclass(frozen=True, slots=True)
class Run:
    """Single run of a sensitivity analysis.

    Attributes
    ----------
    kind : str
        Choice that was changed.
    variant : str
        Its new value.
    effect, low, high : float or None
        Per treated unit and period, with its 90 % interval; without ends where a method
        has none.
    refusal_code : str or None
        Reason that there is no effect.
    is_declared : bool
        True if it is the plan itself.
    """

    kind: Kind
    variant: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    refusal_code: str | None = None
    is_declared: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """Plan that differs from the declared plan, or rows to leave out.

    Attributes
    ----------
    left_out : tuple or None
        A column and the value of the rows to leave out.
    """

    kind: Kind
    name: str
    plan: Plan
    left_out: tuple[str, object] | None = None
    level_scale: float = LEVEL_SCALE


def sensitivity_of(
    frame: pd.DataFrame, plan: Plan, estimate: Estimate, panel: Panel, *, seed: int = 0
) -> list[Run]:
    """Return the runs of an estimated study, the declared run first.

    Parameters
    ----------
    frame : DataFrame
        As for :func:`attribution.estimate`.
    plan : Plan
        As it was declared.
    estimate : Estimate
        Result of the study.
    panel : Panel
        The checked data.
    seed : int
        Of all random numbers.
    """
    low, high = estimate.average.interval(0.9)
    runs = [
        Run(
            "specification",
            "as declared",
            estimate.average.point,
            low,
            high,
            None,
            True,
        )
    ]
    named = plan.model_copy(update={"design": estimate.design})
    for number, variant in enumerate(_variants(named, estimate, panel)):
        rng = np.random.default_rng([seed, number])
        runs.append(_run(frame, variant, rng))
    if estimate.design == "staggered_adoption":
        runs += _without_units(panel, named)
    runs += [
        Run("second_opinion", name, total / estimate.cells)
        for name, total in estimate.second_opinion.items()
    ]
    return runs


def _run(frame: pd.DataFrame, variant: Variant, rng: np.random.Generator) -> Run:
    blank = Run(variant.kind, variant.name)
    if variant.left_out is not None:
        column, value = variant.left_out
        frame = frame[frame[column] != value]
    try:
        answer = quick_answer(frame, variant.plan, rng, level_scale=variant.level_scale)
    except RefusalError as refused:
        return replace(blank, refusal_code=refused.refusal.code)
    except (ArithmeticError, ValueError):
        # An error in a variant must not cost the study its answer; an error of linear
        # algebra is a ValueError.
        return replace(blank, refusal_code="failed")
    return _answered(blank, answer)


def _answered(blank: Run, answer: Answer) -> Run:
    return replace(blank, effect=answer.effect, low=answer.low, high=answer.high)


def _variants(plan: Plan, estimate: Estimate, panel: Panel) -> Iterator[Variant]:
    yield from _windows(plan, panel)
    match estimate.design:
        case "counterfactual_series":
            yield from _priors(plan)
            yield from _specifications(plan)
            yield from _without_controls(plan)
        case "synthetic_control":
            weights: dict[str, float] = estimate.diagnostics["weights"]
            heaviest = sorted(weights, key=lambda unit: (-weights[unit], unit))
            yield from _without_rows(plan, "unit", heaviest)
        case "staggered_adoption":
            yield from _anticipations(plan)
        case "experiment":
            yield from _without_randomised(plan, panel)
        case _:
            yield from _without_controls(plan)
            yield from _without_drivers(plan)


def _windows(plan: Plan, panel: Panel) -> Iterator[Variant]:
    for cut in _CUTS_AFTER:
        kept = panel.after - round(cut * panel.after)
        if 0 < kept < panel.after:
            end = panel.dates[panel.launch + kept].date()
            yield _in_window(plan, f"ends {cut:.0%} earlier, before {end}", end=end)
    dropped = round(_CUT_BEFORE * panel.before)
    if dropped:
        start = panel.dates[dropped].date()
        name = f"history {_CUT_BEFORE:.0%} shorter, from {start}"
        yield _in_window(plan, name, start=start)


def _in_window(plan: Plan, name: str, **ends: object) -> Variant:
    window = plan.window.model_copy(update=ends)
    return Variant("window", name, plan.model_copy(update={"window": window}))


def _priors(plan: Plan) -> Iterator[Variant]:
    for multiple in PRIOR_GRID:
        scale = multiple * LEVEL_SCALE
        name = f"daily step of the level half-normal({scale:g})"
        yield Variant("prior", name, plan, level_scale=scale)


def _specifications(plan: Plan) -> Iterator[Variant]:
    """Yield undeclared subsets of controls by slope by scale."""
    declared = (tuple(sorted(plan.controls)), plan.slope, plan.scale)
    choices = product(
        _subsets(sorted(plan.controls)),
        (plan.slope, not plan.slope),
        (
            plan.scale,
            "additive" if plan.scale == "multiplicative" else "multiplicative",
        ),
    )
    others = [choice for choice in choices if choice != declared]
    for controls, slope, scale in others[: SPECIFICATIONS_AT_MOST - 1]:
        name = (
            f"{'with ' + ', '.join(controls) if controls else 'without controls'};"
            f" {'a' if slope else 'no'} slope; {scale}"
        )
        changes = _with_controls(plan, controls) | {"slope": slope, "scale": scale}
        yield Variant("specification", name, plan.model_copy(update=changes))


def _subsets(controls: Sequence[str]) -> list[tuple[str, ...]]:
    count = len(controls)
    sizes = [*range(count, -1, -1)]
    if count > _ALL_SUBSETS_UP_TO:
        sizes = [count, count - 1, 1, 0]
    return [subset for size in sizes for subset in combinations(controls, size)]


def _with_controls(plan: Plan, controls: tuple[str, ...]) -> dict[str, Any]:
    seasonal = plan.seasonal_control if plan.seasonal_control in controls else None
    return {"controls": controls, "seasonal_control": seasonal}


def _without_controls(plan: Plan) -> Iterator[Variant]:
    for control in sorted(plan.controls)[:LEFT_OUT_AT_MOST]:
        kept = tuple(name for name in plan.controls if name != control)
        changed = plan.model_copy(update=_with_controls(plan, kept))
        yield Variant("leave_one_out", f"without {control}", changed)


def _without_drivers(plan: Plan) -> Iterator[Variant]:
    """Yield the plan without each driver that is not the feature itself."""
    others = [driver for driver in plan.drivers if driver.kind != "ai"]
    for left_out in others[:LEFT_OUT_AT_MOST]:
        kept = tuple(driver for driver in plan.drivers if driver != left_out)
        changed = plan.model_copy(update={"drivers": kept})
        yield Variant("leave_one_out", f"without {left_out.name}", changed)


def _without_rows(
    plan: Plan, column: str, values: Sequence[object]
) -> Iterator[Variant]:
    for value in values[:LEFT_OUT_AT_MOST]:
        name = f"without {column} {value}"
        treated = tuple(unit for unit in plan.treated if unit != value)
        rest = plan.model_copy(update={"treated": treated})
        yield Variant("leave_one_out", name, rest, (column, value))


def _anticipations(plan: Plan) -> Iterator[Variant]:
    for periods in sorted({0, _ANTICIPATION[plan.period]} - {plan.anticipation}):
        name = f"{periods} {plan.period}s before the start may react"
        changed = plan.model_copy(update={"anticipation": periods})
        yield Variant("specification", name, changed)


def _without_randomised(plan: Plan, panel: Panel) -> Iterator[Variant]:
    """Yield the experiment without each unit that lies farthest from its arm's mean."""
    assert plan.assignment is not None  # noqa: S101  (an experiment was estimated)
    totals = panel.outcome[:, panel.launch :].sum(axis=1)  # NaN if a period is missing
    arms = panel.column(plan.assignment.column).max(axis=1)
    far = np.full(len(totals), -1.0)
    for arm in (0.0, 1.0):
        members = (arms == arm) & np.isfinite(totals)
        far[members] = np.abs(totals[members] - totals[members].mean())
    order = np.argsort(-far, kind="stable")
    yield from _without_rows(plan, "unit", [panel.units[i] for i in order])


def _without_units(panel: Panel, plan: Plan) -> list[Run]:
    """Return a roll-out without each of the units that change it most.

    From the jackknife behind its error, so without separate intervals.
    """
    data = rollout_data(panel, plan)
    imputation = data.imputation
    paths = imputation.jackknifed()
    units = np.concatenate(imputation.counting())
    order = np.argsort(-np.abs(paths.sum(axis=1) - imputation.average), kind="stable")
    observed = np.where(imputation.usable, panel.outcome, 0.0).sum(axis=0)
    averages = [
        total_of(Effect.of(paths[[i]]), data, observed, slice(0, None)).point
        / imputation.cells
        for i in order[:LEFT_OUT_AT_MOST]
        if np.isfinite(paths[i]).all()
    ]
    return [
        Run("leave_one_out", f"without unit {panel.units[units[i]]}", average)
        for i, average in zip(order, averages, strict=False)
    ]
