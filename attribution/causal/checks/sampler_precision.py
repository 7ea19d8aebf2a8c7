"""Effective sample size of hyper-parameter draws (Kong, Liu, Wong 1994)."""

from __future__ import annotations

from attribution.causal.checks.check import Check, Status
from attribution.causal.state_space.integration import ESS_NEEDED, ESS_WANTED

_THRESHOLD = f"warn below {ESS_WANTED:g}, fail below {ESS_NEEDED:g} effective draws"


def sampler_precision(effective_draws: float) -> Check:
    """Check the effective number of draws."""
    status: Status = "pass" if effective_draws >= ESS_WANTED else "warn"
    if effective_draws < ESS_NEEDED:
        status = "fail"
    why = f"{effective_draws:.0f} draws carry the weight; ends of intervals are known"
    how = {"pass": "well.", "warn": "less well.", "fail": "too badly to be shown."}
    return Check(
        "sampler_precision",
        status,
        effective_draws,
        _THRESHOLD,
        f"{why} {how[status]}",
    )
