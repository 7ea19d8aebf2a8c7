"""Check for differential attrition between the arms."""

from __future__ import annotations

from attribution.causal.checks.check import Check, graded

WARN_ABOVE, FAIL_ABOVE = 0.02, 0.05
_THRESHOLD = (
    f"difference of the missing parts: warn above {WARN_ABOVE:.0%}, fail above"
    f" {FAIL_ABOVE:.0%}"
)


def attrition(treated_missing: float, control_missing: float) -> Check:
    """Check the parts of each arm that have no complete outcome."""
    difference = abs(treated_missing - control_missing)
    return Check(
        "attrition",
        graded(difference, warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE),
        difference,
        _THRESHOLD,
        f"{treated_missing:.1%} of treated and {control_missing:.1%} of control units"
        " have no complete outcome after the launch.",
    )
