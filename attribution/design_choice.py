"""Which estimator answers a study: from its declared facts, never from a result.

``design: auto`` walks one tree; each branch is logged, so that anybody can see why. A
design that is named is used, or refused by its own conditions; none replaces another
because its answer is nicer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.refusal import RefusalError

if TYPE_CHECKING:
    from attribution.panel import Panel
    from attribution.plan import Plan


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
    return [
        (
            "Were units assigned at random?",
            plan.assignment is not None,
            "experiment",
        ),
        (
            f"Did several units ({treated}) start (on {starts} dates), with others to"
            " compare?",
            treated > 1 and (compared > 0 or starts > 1),
            "staggered_adoption",
        ),
        (
            f"Did one unit start, with others ({compared}) that did not?",
            treated == 1 and compared > 1,
            "synthetic_control",
        ),
        (
            "Is there one series, before and after?",
            treated >= 1 and compared <= 1 and starts == 1,
            "counterfactual_series",
        ),
    ]


__all__ = ["choose_design"]
