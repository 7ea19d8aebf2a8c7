"""Evidence of random assignment: who drew each arm, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check
from attribution.causal.random_assignment import drawn_arms, list_hash

if TYPE_CHECKING:
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.plan_parts import Assignment

_NAME = "assignment_evidence"
_THRESHOLD = (
    "pass: the arms are those of the plan's seed, or of the list whose hash it has;"
    " else B at most"
)


def assignment_evidence(panel: Panel, plan: Plan) -> Check | None:
    """Check the panel's arms against the locked plan; ``None`` without arms.

    Parameters
    ----------
    panel : Panel
        The data, with the column of the arms.
    plan : Plan
        Its assignment has a ``seed`` or a ``list_sha256``, or neither.
    """
    assigned = plan.assignment
    if assigned is None or assigned.column not in panel.columns:
        return None
    arms = _arms(panel, assigned)
    if assigned.seed is not None:
        drawn = drawn_arms(arms, seed=assigned.seed, share=assigned.expected_share)
        differing = sum(drawn[name] != arm for name, arm in arms.items())
        return _check(differing, f"those that seed {assigned.seed} draws")
    if assigned.list_sha256 is not None:
        is_same = list_hash(arms) == assigned.list_sha256
        return _check(0 if is_same else len(arms), "those of the locked list")
    return Check(
        _NAME,
        "warn",
        None,
        _THRESHOLD,
        "The plan says that units were assigned at random, and neither a seed nor the"
        " hash of a list shows it: observational, B at most.",
    )


def _check(differing: int, expected: str) -> Check:
    if not differing:
        return Check(_NAME, "pass", 0.0, _THRESHOLD, f"The arms are {expected}.")
    return Check(
        _NAME,
        "warn",
        float(differing),
        _THRESHOLD,
        f"The arms are not {expected}; up to {differing} units differ: observational, B"
        " at most.",
    )


def _arms(panel: Panel, assigned: Assignment) -> dict[str, int]:
    """Return the arm of each unit that was drawn: of clusters by their number."""
    arm = np.nanmax(panel.column(assigned.column), axis=1)
    if not assigned.cluster:
        return {name: int(value) for name, value in zip(panel.units, arm, strict=True)}
    numbers = np.nanmax(panel.column(assigned.cluster), axis=1)
    return {
        f"{number:.0f}": int(value) for number, value in zip(numbers, arm, strict=True)
    }
