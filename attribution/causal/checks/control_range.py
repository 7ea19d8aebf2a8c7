"""Check that controls stay within their historical range.

Outside, the estimate rests on a straight line that nobody has seen there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, graded, not_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_THRESHOLD = (
    "part of values beyond the history's range widened by half of it on both sides:"
    " warn above 10 %, fail above 50 %"
)
WARN_ABOVE, FAIL_ABOVE = 0.1, 0.5


def control_range(controls: Mapping[str, NDArray[np.float64]], launch: int) -> Check:
    """Check the values from the launch on against those before it."""
    if not controls:
        return not_run("control_range", _THRESHOLD, "There are no controls.")
    shares = {name: _outside(values, launch) for name, values in controls.items()}
    worst = max(shares, key=lambda name: shares[name])
    return Check(
        "control_range",
        graded(shares[worst], warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE),
        shares[worst],
        _THRESHOLD,
        f"{shares[worst]:.0%} of {worst!r} after the launch lie far outside what was"
        " seen before it.",
        {name: [share] for name, share in shares.items()},
    )


def _outside(values: NDArray[np.float64], launch: int) -> float:
    low, high = values[:launch].min(), values[:launch].max()
    margin = (high - low) / 2.0
    after = values[launch:]
    if margin == 0:
        return 0.0  # constant before: left out of the model, so nothing rests on it
    return float(((after < low - margin) | (after > high + margin)).mean())
