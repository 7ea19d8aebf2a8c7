"""CUSUM check of the history's errors (Brown, Durbin, Evans 1975)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check, not_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The 1 % point of the largest absolute value of a Brownian motion on (0, 1).
WARN_ABOVE = 2.807
_THRESHOLD = f"largest running sum over root n: warn above {WARN_ABOVE}"
_FEWEST = 20


def cusum(residuals: NDArray[np.float64]) -> Check:
    """Check the running sum of standardised one-step errors."""
    if len(residuals) < _FEWEST:
        return not_run("cusum", _THRESHOLD, "There are too few residuals.")
    running = np.cumsum(residuals) / np.sqrt(len(residuals))
    statistic = float(np.abs(running).max())
    return Check(
        "cusum",
        "warn" if statistic > WARN_ABOVE else "pass",
        statistic,
        _THRESHOLD,
        f"Errors of the history add up to {statistic:.2f} root n at most.",
        {"running_sum": running.tolist()},
    )
