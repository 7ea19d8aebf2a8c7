"""Disagreement of defensible specifications of the same design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, not_run

if TYPE_CHECKING:
    from collections.abc import Mapping

WARN_ABOVE = 0.25
_BY_CHANCE = ", which is no more than chance."
_THRESHOLD = (
    "largest difference from the estimate, relative to the estimate or to the"
    f" half-width of its 90 % interval if that is more: warn above {WARN_ABOVE:.0%}"
)


def specification_spread(
    point: float,
    half_width: float,
    others: Mapping[str, float],
    *,
    chance: Mapping[str, float] | None = None,
) -> Check:
    """Check estimates of other specifications.

    Parameters
    ----------
    point, half_width : float
        The estimate, and half of its 90 % interval. An estimate near zero would make
        any difference look large.
    others : mapping of str to float
        The estimate under each other specification.
    chance : mapping of str to float, optional
        Difference of each that is exceeded 1 time in 10 where neither is wrong: a
        difference up to there is no disagreement.
    """
    if not others:
        return not_run("specification_spread", _THRESHOLD, "There is no other.")
    farthest = max(others, key=lambda name: abs(others[name] - point))
    size = max(abs(point), half_width)
    beyond = {
        name: abs(other - point)
        for name, other in others.items()
        if abs(other - point) > (chance or {}).get(name, 0.0)
    }
    farthest = max(beyond, key=lambda name: beyond[name], default=farthest)
    spread = abs(others[farthest] - point) / size
    return Check(
        "specification_spread",
        "warn" if beyond and spread > WARN_ABOVE else "pass",
        spread,
        _THRESHOLD,
        f"{farthest.capitalize()}, it would be {others[farthest]:,.4g} instead of"
        f" {point:,.4g}: {spread:.0%} apart{'.' if beyond else _BY_CHANCE}",
        {"point": [point], **{name: [value] for name, value in others.items()}},
    )
