"""Check for effects as large among untreated units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, graded

if TYPE_CHECKING:
    from collections.abc import Sequence

WARN_ABOVE, FAIL_ABOVE = 0.1, 0.2
_THRESHOLD = (
    "part of placebo units or assignments with an effect as large, where the interval"
    f" leaves out zero: warn above {WARN_ABOVE:.0%}, fail above {FAIL_ABOVE:.0%}"
)


def placebo_in_unit(
    p_value: float, *, claims_effect: bool, placebos: Sequence[float]
) -> Check:
    """Check the estimate's rank among placebos.

    Parameters
    ----------
    p_value : float
        Share of the assignments, including the true assignment, that are as extreme.
    claims_effect : bool
        True if the 90 % interval excludes zero: only then can placebos contradict it.
    placebos : sequence of float
        Placebo effects, for the chart.
    """
    status = graded(p_value, warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE)
    return Check(
        "placebo_in_unit",
        status if claims_effect else "pass",
        p_value,
        _THRESHOLD,
        _finding(p_value, len(placebos), claims_effect=claims_effect, status=status),
        {"placebo": list(placebos)},
    )


def _finding(
    p_value: float, placebo_count: int, *, claims_effect: bool, status: str
) -> str:
    """Describe how many placebos moved as much, and if they are enough.

    The rank counts the true assignment too, so it is never below 1 / (placebos + 1).
    """
    as_extreme = max(round(p_value * (placebo_count + 1)) - 1, 0)
    moved = f"{as_extreme or 'None'} of {placebo_count} placebos moved as much"
    if not claims_effect:
        return f"{moved}; no effect is claimed."
    if status == "pass":
        return f"{moved}, as the interval says."
    if as_extreme == 0:
        return (
            f"{moved}, but {placebo_count} are too few to prove it: the least share"
            f" that they can show is {1 / (placebo_count + 1):.1%}."
        )
    return f"{moved}, although the interval leaves out zero."
