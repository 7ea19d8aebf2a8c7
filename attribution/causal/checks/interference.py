"""Check for declared interference of treated units with others."""

from __future__ import annotations

from attribution.causal.checks.check import Check

_THRESHOLD = "fail where it is declared and whole clusters were not assigned"


def interference(*, is_declared: bool, has_clusters: bool) -> Check:
    """Check the declared fact against the design; the data cannot show it."""
    failed = is_declared and not has_clusters
    said = "can" if is_declared else "cannot"
    return Check(
        "interference",
        "fail" if failed else "pass",
        float(is_declared),
        _THRESHOLD,
        f"The plan declares that treated units {said} change the outcome of others.",
    )
