"""Launches that never happened, in the history: the model should find nothing there.

A failure finds a wrong model. A pass does not certify a right model: where the level
drifts, 95 % intervals of step regressions that passed held the truth about half of the
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check, graded, not_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THRESHOLD = "mean z² of placebo effects: warn above 2, fail above 3"
WARN_ABOVE, FAIL_ABOVE = 2.0, 3.0


def placebo_in_time(z: NDArray[np.float64], periods: int) -> Check:
    """Check placebo effects in units of their predictive standard deviation."""
    if not len(z):
        return not_run("placebo_in_time", _THRESHOLD, "The history is too short.")
    statistic = float(np.mean(z**2))
    return Check(
        "placebo_in_time",
        graded(statistic, warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE),
        statistic,
        _THRESHOLD,
        f"{len(z)} placebo launches of {periods} periods show effects of"
        f" {np.sqrt(statistic):.2f} standard deviations on average, where 1 is"
        " expected; windows overlap, so only two or three are independent.",
        {"z": z.tolist()},
    )
