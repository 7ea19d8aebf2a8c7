"""Check for baseline balance between the arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.causal.checks.check import Check, Status, not_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

WARN_BELOW, FAIL_BELOW = 0.01, 0.0001
_THRESHOLD = f"p of Welch's test: warn below {WARN_BELOW}, fail below {FAIL_BELOW}"
_FEWEST = 2


def balance(treated: NDArray[np.float64], control: NDArray[np.float64]) -> Check:
    """Check pre-launch measurements by arm."""
    few = min(len(treated), len(control)) < _FEWEST
    pooled = 0.0 if few else np.sqrt((treated.var() + control.var()) / 2.0)
    if pooled == 0:
        return not_run("balance", _THRESHOLD, "Nothing varied before the launch.")
    p_value = float(stats.ttest_ind(treated, control, equal_var=False).pvalue)
    difference = float((treated.mean() - control.mean()) / pooled)
    status: Status = "warn" if p_value < WARN_BELOW else "pass"
    return Check(
        "balance",
        "fail" if p_value < FAIL_BELOW else status,
        p_value,
        _THRESHOLD,
        f"Before the launch the arms differ by {difference:+.2f} standard deviations"
        f" (p = {p_value:.2g}).",
        {"standardised_difference": [difference]},
    )
