"""Check that the counterfactual is a possible value of the outcome."""

from __future__ import annotations

from attribution.causal.checks.check import Check, graded, not_run

WARN_ABOVE, FAIL_ABOVE = 0.2, 0.8
_THRESHOLD = f"probability below zero: warn above {WARN_ABOVE}, fail above {FAIL_ABOVE}"


def negative_baseline(probability: float | None) -> Check:
    """Check the probability that the outcome without the feature sums below zero.

    Parameters
    ----------
    probability : float or None
        ``None`` where the outcome may be below zero.
    """
    if probability is None:
        return not_run("negative_baseline", _THRESHOLD, "It may be below zero.")
    return Check(
        "negative_baseline",
        graded(probability, warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE),
        probability,
        _THRESHOLD,
        f"Without the feature the total would be below zero with probability"
        f" {probability:.2f}, which cannot be.",
    )
