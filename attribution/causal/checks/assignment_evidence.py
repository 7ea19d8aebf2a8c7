"""Evidence of random assignment: a draw that nobody who benefits could choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check
from attribution.causal.random_assignment import drawn_arms, list_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.plan_parts import Assignment
    from attribution.causal.random_assignment import Draw

_NAME = "assignment_evidence"
_THRESHOLD = (
    "pass: the arms are those of the sealed draw, or those that the platform delivered;"
    " else C at most"
)
#: Part of the listed units that may have no data at all.
_ABSENT_AT_MOST = 0.05


def assignment_evidence(panel: Panel, plan: Plan, draw: Draw | None) -> Check | None:
    """Check the panel's arms against the registered draw; ``None`` without arms.

    Parameters
    ----------
    panel : Panel
        The data, with the column of the arms.
    plan : Plan
        Its assignment names the column, and the units of a sealed draw.
    draw : Draw or None
        Draw in the register; ``None`` if there is none.
    """
    assigned = plan.assignment
    if assigned is None or assigned.column not in panel.columns:
        return None
    if draw is None:
        return _failed(None, _unproved(assigned))
    if draw.objection:
        return _failed(None, draw.objection)
    arms = _arms(panel, assigned)
    if draw.list_sha256:
        differing = 0 if list_hash(arms) == draw.list_sha256 else len(arms)
        return _compared(differing, draw)
    drawn = drawn_arms(assigned.units, seed=draw.seed, share=assigned.expected_share)
    return _against(arms, drawn, draw)


def _against(arms: Mapping[str, int], drawn: Mapping[str, int], draw: Draw) -> Check:
    absent = len(drawn.keys() - arms.keys())
    if absent > _ABSENT_AT_MOST * len(drawn):
        return _failed(
            float(absent), f"{absent} of {len(drawn)} listed units have no data."
        )
    differing = sum(drawn.get(name) != arm for name, arm in arms.items())
    return _compared(differing, draw)


def _unproved(assigned: Assignment) -> str:
    if assigned.list_sha256 or assigned.seed is not None:
        return (
            "A list or a seed that its author chose shows no chance: list the units,"
            " register, and draw with `triptych study draw`."
        )
    if assigned.platform:
        return f"The export of {assigned.platform} is not in the register."
    return "The plan says that units were assigned at random, and no draw shows it."


def _compared(differing: int, draw: Draw) -> Check:
    if differing:
        text = (
            f"The arms are not those of {draw.origin}; up to {differing} units differ."
        )
        return _failed(float(differing), text)
    return Check(
        _NAME, "pass", 0.0, _THRESHOLD, f"The arms are those of {draw.origin}."
    )


def _failed(statistic: float | None, why: str) -> Check:
    return Check(_NAME, "fail", statistic, _THRESHOLD, why)


def _arms(panel: Panel, assigned: Assignment) -> dict[str, int]:
    """Return the arm of each unit that was drawn: of clusters by their number."""
    arm = np.nanmax(panel.column(assigned.column), axis=1)
    if not assigned.cluster:
        return {name: int(value) for name, value in zip(panel.units, arm, strict=True)}
    numbers = np.nanmax(panel.column(assigned.cluster), axis=1)
    return {
        f"{number:.0f}": int(value) for number, value in zip(numbers, arm, strict=True)
    }
