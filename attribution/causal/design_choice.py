"""Choice of the estimator from declared facts, never from a result.

``design: auto`` walks a single tree; each branch is logged, so that anybody can see
why. A named design is used, or refused by its conditions; none replaces another because
its answer is nicer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.contested_window import contested_window
from attribution.causal.estimators.rollouts.imputation import UNITS_NEEDED
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan


def choose_design(panel: Panel, plan: Plan) -> tuple[str, tuple[str, ...]]:
    """Return the estimator of a study and how it was found.

    Raises
    ------
    RefusalError
        ``design_not_identified`` where no branch fits.
    """
    if plan.design != "auto":
        return plan.design, (f"The plan names {plan.design}.",)
    log: list[str] = []
    for question, answer, design in _branches(panel, plan):
        log.append(f"{question} {'Yes' if answer else 'No'}.")
        if answer:
            log.append(f"So the estimator is {design}.")
            return design, tuple(log)
    raise RefusalError(
        "design_not_identified",
        "No estimator fits the declared facts: " + " ".join(log),
        treated_units=int(panel.treated.sum()),
        units=len(panel.units),
    )


def _branches(panel: Panel, plan: Plan) -> list[tuple[str, bool, str]]:
    treated = int(panel.treated.sum())
    compared = len(panel.units) - treated
    starts = len(set(panel.first[panel.treated].tolist()))
    one_series = treated >= 1 and compared <= 1 and starts == 1
    return [
        (
            "Are minutes of a counted process to be saved?",
            plan.process is not None,
            "automation_savings",
        ),
        (
            "Were units assigned at random?",
            plan.assignment is not None,
            "experiment",
        ),
        (
            f"Did too few units for a roll-out ({treated}, of {UNITS_NEEDED}) start"
            f" together, with others ({compared}) that did not?",
            0 < treated < UNITS_NEEDED and starts == 1 and compared > 1,
            "synthetic_control",
        ),
        (
            f"Did several units ({treated}) start (on {starts} dates), with others to"
            " compare?",
            treated > 1 and (compared > 0 or starts > 1),
            "staggered_adoption",
        ),
        (
            f"Is there one series, and are its drivers declared ({len(plan.drivers)})?",
            one_series and bool(plan.drivers),
            "adoption_response",
        ),
        (
            "Is there one series, on which something else was launched at the time?",
            one_series and _is_contested(panel, plan),
            "joint_launches",
        ),
        ("Is there one series, before and after?", one_series, "counterfactual_series"),
    ]


def _is_contested(panel: Panel, plan: Plan) -> bool:
    """Return whether another launch is as near as the contested window asks."""
    touched = tuple(panel.units[i] for i in np.flatnonzero(panel.treated))
    window = panel.dates[panel.launch :]
    return contested_window(plan, window, touched).status != "pass"
