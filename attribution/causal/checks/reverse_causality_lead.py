"""Check for reverse causality: leads of the driver explain the outcome."""

from __future__ import annotations

import math

from attribution.causal.checks.check import Check, Status, not_run

WARN_BELOW, FAIL_BELOW = 0.05, 0.01
_THRESHOLD = f"p of the driver's later value: warn below {WARN_BELOW}, fail below 0.01"


def reverse_causality_lead(t_value: float | None, periods: int) -> Check:
    """Check the coefficient of the driver as it was some periods later.

    Parameters
    ----------
    t_value : float or None
        The coefficient in its standard errors; ``None`` if the driver never varied.
    periods : int
        Number of periods of the lead.
    """
    name = "reverse_causality_lead"
    if t_value is None:
        return not_run(name, _THRESHOLD, "The later values do not vary.")
    p_value = math.erfc(abs(t_value) / math.sqrt(2.0))
    status: Status = "warn" if p_value < WARN_BELOW else "pass"
    if p_value < FAIL_BELOW:
        status = "fail"
    moves = "moves the driver" if status != "pass" else "does not visibly move it"
    return Check(
        name,
        status,
        p_value,
        _THRESHOLD,
        f"With the driver of {periods} periods later included, p = {p_value:.3f}: the"
        f" outcome {moves}.",
        {"t": [t_value]},
    )
