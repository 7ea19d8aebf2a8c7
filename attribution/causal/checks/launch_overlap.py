"""Check that a launch is separable from launches beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH_RATIO_ALLOWED = 2.0
GAP_RATIO_NEEDED = 0.25
_THRESHOLD = (
    f"a gap below {GAP_RATIO_NEEDED:g} of the horizon, or alone more than"
    f" {WIDTH_RATIO_ALLOWED:g} times as uncertain as together: fail, warn for a joint"
    " claim"
)


def launch_overlap(
    others: Sequence[str], width_ratio: float, together: str, *, is_joint_claim: bool
) -> Check:
    """Check for launches that are inseparable from the feature.

    Parameters
    ----------
    others : sequence of str
        Launches that are inseparable from the feature.
    width_ratio : float
        Width of the feature's own interval in that of the sum with them.
    together : str
        The sum and its interval, in words.
    is_joint_claim : bool
        True if the study asks for the sum.
    """
    if not others:
        return Check(
            "launch_overlap",
            "pass",
            width_ratio,
            _THRESHOLD,
            "It is told from everything else that was launched.",
        )
    status: Status = "warn" if is_joint_claim else "fail"
    return Check(
        "launch_overlap",
        status,
        width_ratio,
        _THRESHOLD,
        f"It cannot be told from {', '.join(others)}: alone it is {width_ratio:.1f}"
        f" times as uncertain as together, which is {together}.",
    )
