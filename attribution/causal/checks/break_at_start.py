"""Check that an effect breaks at the starts, rather than along a bend.

The interval of a roll-out allows for a straight drift, and no history of a usual length
can distinguish a straight drift from a growing drift: where adopters drift ever faster,
half of the roll-outs were counted and their 90 % intervals covered the truth 68 times
of 100. So a claim has to break with any line and parabola of its cohort, where its
units start. An immediate effect of 1.5 standard deviations nearly always does so, an
effect that builds evenly over a year seldom: it looks like a bend, and keeps no B.
Conversely, a null effect is not counted as such where the path breaks at the starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, Status, not_run

if TYPE_CHECKING:
    from attribution.causal.estimators.rollouts.breaks import Break

CLEAR_BELOW = 0.05
_THRESHOLD = (
    "p of no jump and no change of slope at the starts, given smooth paths. Warn from"
    f" {CLEAR_BELOW:g} on where the 90 % interval leaves out zero, or where they point"
    f" the other way; below {CLEAR_BELOW:g} where it does not"
)


def break_at_start(found: Break | None, average: float, *, claims: bool) -> Check:
    """Check the estimate of a roll-out against bends of its cohorts.

    Parameters
    ----------
    found : Break or None
        Break at the starts; ``None`` where no shape distinguishes it from a bend.
    average : float
        The estimate, per treated cell.
    claims : bool
        True if the 90 % interval excludes zero.
    """
    if found is None:
        why = "There are too few periods to tell an effect from a bend."
        if claims:
            return Check("break_at_start", "warn", None, _THRESHOLD, why)
        return not_run("break_at_start", _THRESHOLD, why)
    is_clear = found.p_value < CLEAR_BELOW
    agrees = is_clear and found.average * average > 0 if claims else not is_clear
    status: Status = "pass" if agrees else "warn"
    return Check(
        "break_at_start",
        status,
        found.p_value,
        _THRESHOLD,
        f"Given lines and parabolas of each cohort, starts change the outcome by"
        f" {found.average:,.4g} on average (p of no change = {found.p_value:.3f}); the"
        f" estimate is {average:,.4g}.",
        {"p_value": [found.p_value], "average": [found.average]},
    )
