"""From data and a plan to an estimate or a refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

import numpy as np

from attribution.causal.calibration_cards import card_of
from attribution.causal.checks.assignment_evidence import assignment_evidence
from attribution.causal.checks.guardrails import GuardedOutcome, guardrails
from attribution.causal.confidence_sequences import (
    anytime_valid,
    early_note,
    progress_of,
)
from attribution.causal.design_choice import choose_design
from attribution.causal.grade import REFUSAL_OF_CHECK, grade
from attribution.causal.panel import panel_of
from attribution.causal.refusal import Refusal, RefusalError
from attribution.causal.unused_options import refuse_unused, unused_notes
from attribution.estimates.fitting_processes import one_blas_thread
from attribution.estimates.library_versions import version_by_library

if TYPE_CHECKING:
    import pandas as pd

    from attribution.causal.estimators.estimator import Estimator
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.random_assignment import Draw
    from attribution.causal.result import Estimate

GUARDRAIL_LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Attempt:
    """An estimate or a refusal, with how far it came.

    Attributes
    ----------
    result : Estimate or Refusal
        Result of the study.
    panel : Panel or None
        The checked data; ``None`` where it was refused.
    design : str
        The estimator; empty where none was found.
    """

    result: Estimate | Refusal
    panel: Panel | None
    design: str


def estimate(
    frame: pd.DataFrame,
    plan: Plan,
    *,
    seed: int = 0,
    is_registered: bool = False,
    draw: Draw | None = None,
) -> Estimate | Refusal:
    """Estimate the effect of a feature, or explain why it is unknown.

    Parameters
    ----------
    frame : DataFrame
        One row per unit and period: ``unit``, ``date``, ``outcome`` in the unit of the
        plan, then controls and exposures.
    plan : Plan
        The question, and the facts of the design.
    seed : int
        Of all random numbers. The same data, plan and seed give the same result.
    is_registered : bool
        True if the plan was locked before data from after the launch was read;
        otherwise the estimate is exploratory, and its grade C at most.
    draw : Draw, optional
        Evidence of the arms' chance; without it an experiment is of grade C at most.

    Returns
    -------
    Estimate or Refusal
        Never an exception for data that cannot answer the question.
    """
    # Several threads wait for each other, and would round differently from a single
    # thread.
    with one_blas_thread():
        return attempt(
            frame, plan, seed=seed, is_registered=is_registered, draw=draw
        ).result


def attempt(
    frame: pd.DataFrame,
    plan: Plan,
    *,
    seed: int = 0,
    is_registered: bool = False,
    draw: Draw | None = None,
) -> Attempt:
    """Estimate as :func:`estimate` does, and keep intermediate findings.

    Parameters
    ----------
    frame, plan, seed, is_registered, draw
        As there.
    """
    log: tuple[str, ...] = ()
    panel, design = None, ""
    try:
        panel = panel_of(frame, plan)
        design, log = choose_design(panel, plan)
        if not is_registered:
            refuse_unused(plan, design)
        estimator = estimator_named(design)
        # Looks were declared once; every study now may be looked at before its end.
        asked = plan.model_copy(update={"looks": 1})
        estimator.validate(panel, asked)
        found = estimator.fit(panel, asked, np.random.default_rng(seed))
        found = _guarded(found, frame, plan, seed)
        found = _with_evidence(found, panel, plan, draw)
        whole = _completed(found, panel, plan, seed, log, is_registered=is_registered)
        return Attempt(whole, panel, design)
    except RefusalError as refused:
        refusal = replace(
            refused.refusal,
            study_id=plan.id,
            plan_hash=plan.hash,
            data_hash=panel.data_hash if panel else "",
            break_even=plan.break_even,
            design_log=log,
        )
        return Attempt(refusal, panel, design)


def _guarded(found: Estimate, frame: pd.DataFrame, plan: Plan, seed: int) -> Estimate:
    """Add the effects on guardrail outcomes, each a study like this."""
    if not plan.guardrails:
        return found
    guarded = []
    for guardrail in plan.guardrails:
        name, better = guardrail.column, guardrail.better
        about = guardrail_plan(plan, name)
        data = frame.drop(columns="outcome_unit", errors="ignore")
        rows = data.assign(outcome=data[name])
        # Derived from the plan: a part that it does not read is no mistake of its
        # author.
        own = estimate(rows, about, seed=seed, is_registered=True)
        if isinstance(own, Refusal):
            guarded.append(GuardedOutcome(name, better, None, own.code))
        else:
            interval = own.average.interval(GUARDRAIL_LEVEL)
            guarded.append(GuardedOutcome(name, better, interval))
    return replace(found, checks=(*found.checks, guardrails(guarded)))


def guardrail_plan(plan: Plan, column: str) -> Plan:
    """Return the plan of the same study about an outcome that must not get worse.

    Minutes of a process have a separate design; its rework is an outcome like any
    other.
    """
    changes = {
        "outcome": column,
        "guardrails": (),
        "unaffected_outcome": None,
        "may_be_negative": True,
        "scale": "additive",
        "minimum_effect": None,
    }
    if plan.process is not None:
        changes |= {"process": None, "design": "auto", "outcome_unit": column}
    return plan.model_copy(update=changes)


def estimator_named(design: str) -> Estimator:
    """Return the estimator of a design: a module with ``validate`` and ``fit``."""
    module = import_module(f"attribution.causal.estimators.{design}")
    return cast("Estimator", module)


def _completed(
    found: Estimate,
    panel: Panel,
    plan: Plan,
    seed: int,
    log: tuple[str, ...],
    *,
    is_registered: bool,
) -> Estimate:
    graded = grade(
        found.best_grade,
        found.checks,
        design=found.design,
        is_exploratory=not is_registered,
    )
    if graded.letter == "X":
        _refuse(found)
    progress = progress_of(panel, plan)
    notes = found.notes + unused_notes(plan, found.design)
    if progress < 1.0:
        notes += (early_note(progress),)
    return replace(
        found,
        effect=anytime_valid(found.effect, progress),
        progress=progress,
        notes=notes,
        study_id=plan.id,
        outcome=plan.outcome,
        unit=plan.outcome_unit,
        level=plan.decision_rule.level,
        minimum_effect=plan.minimum_effect,
        plan_hash=plan.hash,
        data_hash=panel.data_hash,
        seed=seed,
        is_exploratory=not is_registered,
        grading=graded,
        design_log=log,
        break_even=plan.break_even,
        calibration=card_of(found.design),
        versions=dict(version_by_library()),
    )


def _with_evidence(
    found: Estimate, panel: Panel, plan: Plan, draw: Draw | None
) -> Estimate:
    """Add evidence of random assignment; without it C is the best grade."""
    check = assignment_evidence(panel, plan, draw)
    return found if check is None else replace(found, checks=(*found.checks, check))


def _refuse(found: Estimate) -> None:
    failed = next(
        check
        for check in found.checks
        if check.status == "fail" and check.name in REFUSAL_OF_CHECK
    )
    raise RefusalError(
        REFUSAL_OF_CHECK[failed.name],
        failed.why,
        check=failed.name,
        statistic=failed.statistic,
    )
