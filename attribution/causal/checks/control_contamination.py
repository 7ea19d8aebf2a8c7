"""Check for effects of the launch on controls, each taken as an outcome.

A control that the feature moves hides the effect that it shares. A change of the mean
is hard to see in a control that wanders, so jumps from one period to the next count,
too (:mod:`attribution.causal.estimators.control_jumps`). A jump of five usual steps is
always found; a launch that moves a control by two is found in 1 case of 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, Status, not_run

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL = 0.01
_THRESHOLD = (
    f"p below {LEVEL} divided by the number of controls: warn for one, fail for all"
)


def control_contamination(p_values: Mapping[str, float]) -> Check:
    """Check the p-value of an effect on each control."""
    if not p_values:
        return not_run("control_contamination", _THRESHOLD, "There are no controls.")
    moved = [name for name, p in p_values.items() if p < LEVEL / len(p_values)]
    status: Status = "warn" if moved else "pass"
    if len(moved) == len(p_values):
        status = "fail"
    said = f"{', '.join(sorted(moved))} moved" if moved else "None moved visibly"
    return Check(
        "control_contamination",
        status,
        min(p_values.values()),
        _THRESHOLD,
        f"Of {len(p_values)} controls: {said} at the launch.",
        {name: [p] for name, p in p_values.items()},
    )
