"""Check that the history covers the season of the window.

With less than a full cycle the swing cannot be known: coverage was measured at 0.78 for
a yearly cycle that 310 days of history could not show.
"""

from __future__ import annotations

from attribution.causal.checks.check import Check, Status

_THRESHOLD = "fail below one year of history where the window is longer than a month"


def season_coverage(
    years: float, *, is_long: bool, has_seasonal_control: bool
) -> Check:
    """Check how many years were seen before the launch.

    Parameters
    ----------
    years : float
        History, in years.
    is_long : bool
        True if the window after the launch is longer than a month.
    has_seasonal_control : bool
        True if a declared control carries the season.
    """
    seen = has_seasonal_control or years >= 1
    status: Status = "fail" if is_long and not seen else "pass"
    how = "a control carries the season" if has_seasonal_control else "none does"
    return Check(
        "season_coverage",
        status,
        years,
        _THRESHOLD,
        f"The history has {years:.2f} years; as a control, {how}.",
    )
