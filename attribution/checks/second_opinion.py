"""Whether another method that estimates the same agrees."""

from __future__ import annotations

from attribution.checks.check import Check, not_run

_THRESHOLD = "difference above half the width of the 90 % interval warns"


def second_opinion(
    name: str, other: float | None, point: float, half_width: float
) -> Check:
    """Check another method's estimate against ours.

    Parameters
    ----------
    name : str
        The other method.
    other : float or None
        What it says; ``None`` where it cannot.
    point, half_width : float
        The estimate, and half of its 90 % interval.
    """
    if other is None:
        return not_run("second_opinion", _THRESHOLD, f"{name} does not apply here.")
    difference = abs(other - point)
    differs = difference > half_width
    return Check(
        "second_opinion",
        "warn" if differs else "pass",
        difference / half_width if half_width else 0.0,
        _THRESHOLD,
        f"{name} says {other:,.4g}, this one {point:,.4g}.",
        {"ours": [point], "other": [other]},
    )


__all__ = ["second_opinion"]
