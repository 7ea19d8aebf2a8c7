"""Check for growth in the history that the plan does not declare.

A level that moves as it did before lags behind growth: where outcomes grew by 10 % a
month, 90 % intervals held 65 times of 100. One-step-ahead errors that lean to one side
show growth, and the estimate with a straight trend shows how much it matters.
"""

from __future__ import annotations

from attribution.causal.checks.check import Check, Status

#: Errors of the mean, and half-widths of the 90 % interval.
CLEAR_ABOVE, MATTERS_ABOVE = 3.0, 0.5
_THRESHOLD = (
    f"fail where errors one period ahead lean by more than {CLEAR_ABOVE:g} standard"
    f" errors and a straight trend changes the estimate by more than"
    f" {MATTERS_ABOVE:g} half-widths of its interval (90 %)"
)


def growth(lean: float, change: float, *, is_declared: bool) -> Check:
    """Check a model without a trend.

    Parameters
    ----------
    lean : float
        Mean of the one-step-ahead errors, in its standard errors.
    change : float
        Of the estimate where a straight trend is added, in half-widths of its 90 %
        interval.
    is_declared : bool
        True if the plan has a trend already.
    """
    grows = abs(lean) > CLEAR_ABOVE and abs(change) > MATTERS_ABOVE
    status: Status = "fail" if grows and not is_declared else "pass"
    how = f"The plan declares {'a' if is_declared else 'no'} trend."
    return Check(
        "growth",
        status,
        abs(change),
        _THRESHOLD,
        f"Errors one period ahead lean by {lean:+.1f} standard errors; a straight trend"
        f" changes the estimate by {abs(change):.2f} half-widths. {how}",
        {"lean": [lean], "change": [change]},
    )
