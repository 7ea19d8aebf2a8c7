"""Grade of an estimate, by rule, from its recorded checks.

Starts at the best grade of the design and only goes down; every step is a reason.
Nothing raises a grade: not a passed check, not a small p-value, not a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.causal.checks.check import Check

LETTERS = "ABCDX"
#: Checks of a substitute for a control group. Failing any leaves a modelled estimate at
#: most.
CONTROL_CHECKS = frozenset(
    {"pre_trends", "placebo_in_time", "placebo_in_unit", "leave_one_out", "balance"}
    | {"attrition", "assignment_evidence"}
)
#: Checks that even a modelled estimate needs → the code of the refusal on failure.
REFUSAL_OF_CHECK = {
    "sample_ratio": "sample_ratio_mismatch",
    "season_coverage": "season_not_covered",
    "donor_hull": "donors_do_not_span",
    "control_contamination": "controls_contaminated",
    "control_range": "controls_extrapolate",
    "growth": "growth_not_declared",
    "scale": "scale_contradicted",
    "sampler_precision": "sampler_ess_low",
    "interference": "interference_declared",
}
#: Checks with a warning that costs a step: those, the contested window, and the spread.
STEP_CHECKS = (
    CONTROL_CHECKS
    | REFUSAL_OF_CHECK.keys()
    | {"contested_window", "history_length"}
    | {"residual_autocorrelation", "second_opinion", "unaffected_outcome"}
    | {"few_clusters", "break_at_start"}
    | {"collinearity", "negative_baseline", "reverse_causality_lead"}
)


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade with how it came about.

    Attributes
    ----------
    letter : {"A", "B", "C", "D", "X"}
        A randomised, B controlled, C modelled, D assumed, X not estimable.
    reasons : tuple of str
        The best grade of the design first, then every step down.
    """

    letter: str
    reasons: tuple[str, ...]


def grade(
    best: str, checks: Sequence[Check], *, design: str, is_exploratory: bool
) -> Grade:
    """Return the grade of an estimate.

    Parameters
    ----------
    best : str
        Best grade of the design.
    checks : sequence of Check
        Checks of the estimate. Checks that were not run change nothing.
    design : str
        Name of the estimator, for the first reason.
    is_exploratory : bool
        True if the plan was not registered before the data was read, or amended since.
    """
    reasons = [f"{design} is {best} at best."]
    at = LETTERS.index(best)
    at = max(at, _cap_of_failures(checks, reasons))
    if at < LETTERS.index("X"):
        steps = list(_steps(checks))
        reasons += steps
        at = min(at + len(steps), LETTERS.index("D"))
    if is_exploratory and at < LETTERS.index("C"):
        reasons.append("Not registered before the data was read: C at most.")
        at = LETTERS.index("C")
    return Grade(LETTERS[at], tuple(reasons))


def _cap_of_failures(checks: Sequence[Check], reasons: list[str]) -> int:
    cap = 0
    for check in checks:
        if check.status != "fail":
            continue
        if check.name in REFUSAL_OF_CHECK:
            reasons.append(f"{check.name} failed: not estimable. {check.why}")
            cap = max(cap, LETTERS.index("X"))
        elif check.name in CONTROL_CHECKS:
            reasons.append(f"{check.name} failed: C at most. {check.why}")
            cap = max(cap, LETTERS.index("C"))
    return cap


def _steps(checks: Sequence[Check]) -> list[str]:
    steps = [
        f"{check.name}: one step down. {check.why}"
        for check in checks
        if check.status == "warn" and check.name in STEP_CHECKS
    ]
    # Neither has a separate cap: a failure costs the same as a warning.
    steps += [
        f"{check.name}: one step down. {check.why}"
        for check in checks
        if (check.name == "specification_spread" and check.status in ("warn", "fail"))
        or (check.name == "contested_window" and check.status == "fail")
    ]
    return steps
