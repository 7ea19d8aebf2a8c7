"""Check that units grow on the plan's scale: amounts or shares.

Trends that are parallel in amounts are not in shares, unless all units are of the same
size. Where adopters are twice as large and all grow by 4 % a month, a plan of amounts
takes the growth of the larger units for an effect: 90 % intervals that were counted
held 78 times of 100. Untreated cells distinguish the two wherever it matters.
"""

from __future__ import annotations

from attribution.causal.checks.check import Check, Status, not_run

#: One-sided p of the other scale, and half-widths of the 90 % interval.
CLEAR_BELOW, MATTERS_ABOVE = 0.05, 0.25
_THRESHOLD = (
    "fail where untreated cells depart from the declared scale towards the other"
    f" (one-sided p below {CLEAR_BELOW:g}), enough to look like an effect of"
    f" more than {MATTERS_ABOVE:g} half-widths of the interval. Warn where that"
    " leaves out zero and nothing but a plan of amounts says so. Also where shares of"
    " what lies above a constant are as clear and would look like as much"
)
_GROWS_BY = {"additive": "amounts", "multiplicative": "shares"}


def scale(
    declared: str,
    p_value: float | None,
    effect: float,
    hidden: float = 1.0,
    *,
    claims_effect: bool,
) -> Check:
    """Check the scale that a plan declares.

    Parameters
    ----------
    declared : {"additive", "multiplicative"}
        By the plan.
    p_value : float or None
        One-sided, of the declared scale against the other; ``None`` where the other
        does not exist.
    effect : float
        Effect that would be found without any, if units grew on the other scale; in
        half-widths of the 90 % interval.
    hidden : float
        Least p of amounts against shares of the part above a constant, if those alone
        would look like as large an effect.
    claims_effect : bool
        True if the 90 % interval excludes zero.
    """
    other = next(name for name in _GROWS_BY if name != declared)
    if p_value is None:
        why = "On the other scale sums lie below zero."
        if declared == "additive" and claims_effect:
            why = (
                "Sums below zero have no shares, so nothing but the plan says that"
                " units grow by amounts: measure the outcome from zero."
            )
            return Check("scale", "warn", None, _THRESHOLD, why)
        # Amounts that lead below zero are wrong, as a plan of shares states.
        return not_run("scale", _THRESHOLD, why)
    is_other = p_value < CLEAR_BELOW and abs(effect) > MATTERS_ABOVE
    is_hidden = claims_effect and hidden < CLEAR_BELOW
    status: Status = "fail" if is_other else "warn" if is_hidden else "pass"
    advice = f" Declare `scale: {other}`." if is_other else ""
    if status == "warn":
        advice = (
            f" Shares of what lies above a constant have p = {hidden:.3f}, and would"
            " look like as much: was one added to all outcomes?"
        )
    return Check(
        "scale",
        status,
        abs(effect),
        _THRESHOLD,
        f"Test of growth by {_GROWS_BY[other]} against {_GROWS_BY[declared]}, the scale"
        f" of the plan: p = {p_value:.3f}. Growth by {_GROWS_BY[other]} alone would"
        f" look like an effect of {abs(effect):.0%} of the margin of error.{advice}",
        {"p_value": [p_value], "effect": [effect]},
    )
