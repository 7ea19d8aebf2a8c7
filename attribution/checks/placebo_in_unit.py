"""Whether units that were not treated show effects as large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.checks.check import Check, graded

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
        Part of the assignments, the true one among them, that are as extreme.
    claims_effect : bool
        Whether the 90 % interval leaves out zero: only then can placebos contradict it.
    placebos : sequence of float
        What they show, for the picture.
    """
    status = graded(p_value, warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE)
    said = "as the interval says" if claims_effect else "and no effect is claimed"
    if claims_effect and status != "pass":
        said = "although the interval leaves out zero"
    return Check(
        "placebo_in_unit",
        status if claims_effect else "pass",
        p_value,
        _THRESHOLD,
        f"Of {len(placebos)} placebos, {p_value:.1%} are as extreme, {said}.",
        {"placebo": list(placebos)},
    )


__all__ = ["placebo_in_unit"]
