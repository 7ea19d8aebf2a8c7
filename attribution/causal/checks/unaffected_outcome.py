"""An outcome that the feature cannot change: an effect on it is an error of the design.

Lipsitch, Tchetgen Tchetgen and Cohen 2010 (Epidemiology 21), negative control outcomes.
"""

from __future__ import annotations

from attribution.causal.checks.check import Check

_THRESHOLD = "warn if its 95 % interval leaves out zero"


def unaffected_outcome(low: float, high: float) -> Check:
    """Check the 95 % interval of the effect on the unaffected outcome."""
    moved = low > 0 or high < 0
    return Check(
        "unaffected_outcome",
        "warn" if moved else "pass",
        (low + high) / 2.0,
        _THRESHOLD,
        f"On an outcome that it cannot change: {low:,.4g} to {high:,.4g}.",
        {"low": [low], "high": [high]},
    )
