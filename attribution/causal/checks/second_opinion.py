"""Check for agreement with another method of the same estimand."""

from __future__ import annotations

from attribution.causal.checks.check import Check, not_run

_THRESHOLD = "difference above half the width of the 90 % interval warns"
_BEYOND_CHANCE = f"{_THRESHOLD}, if chance alone does so less than 5 times of 100"


def second_opinion(
    name: str,
    other: float | None,
    point: float,
    half_width: float,
    *,
    chance: float = 0.0,
    silenced: str = "",
) -> Check:
    """Check another method's estimate against ours.

    Parameters
    ----------
    name : str
        The other method.
    other : float or None
        Estimate of the other method; ``None`` where it has none.
    point, half_width : float
        The estimate, and half of its 90 % interval.
    chance : float
        Difference between the two that is exceeded 5 times of 100 where both are right.
        A method that uses little of the data disagrees most of the time, without a loss
        of knowledge.
    silenced : str
        Part of the plan that keeps the other method from an answer: it costs as much as
        a different answer would, so nobody gains by its absence.
    """
    threshold = _BEYOND_CHANCE if chance else _THRESHOLD
    if other is None and silenced:
        why = f"{name} has no answer: {silenced}."
        return Check("second_opinion", "warn", None, threshold, why)
    if other is None:
        return not_run("second_opinion", threshold, f"{name} does not apply here.")
    difference = abs(other - point)
    differs = difference > max(half_width, chance)
    noise = f" By chance they differ by up to {chance:,.4g}." if chance else ""
    return Check(
        "second_opinion",
        "warn" if differs else "pass",
        difference / half_width if half_width else 0.0,
        threshold,
        f"{name} says {other:,.4g}, this one {point:,.4g}.{noise}",
        {"ours": [point], "other": [other], "chance": [chance]},
    )
