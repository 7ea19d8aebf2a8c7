"""Check for sample ratio mismatch of the arms (Fabijan et al. 2019, KDD).

A mismatch means that units were lost or added by arm, which no analysis repairs.
"""

from __future__ import annotations

from scipy import stats

from attribution.causal.checks.check import Check

FAIL_BELOW = 0.001
_THRESHOLD = f"p of the chi-squared test: fail below {FAIL_BELOW}"


def sample_ratio(treated: int, control: int, expected_share: float) -> Check:
    """Check the numbers of randomised units.

    Parameters
    ----------
    treated, control : int
        Units, or clusters where those were randomised.
    expected_share : float
        Part that should be treated.
    """
    total = treated + control
    expected = [total * expected_share, total * (1.0 - expected_share)]
    p_value = float(stats.chisquare([treated, control], expected).pvalue)
    return Check(
        "sample_ratio",
        "fail" if p_value < FAIL_BELOW else "pass",
        p_value,
        _THRESHOLD,
        f"{treated} treated and {control} control units, where {expected[0]:.0f} and"
        f" {expected[1]:.0f} were expected (p = {p_value:.2g}).",
        {"found": [treated, control], "expected": expected},
    )
