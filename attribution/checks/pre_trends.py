"""Whether treated units already moved away before they were treated.

One number is tested, the average effect of starting some periods too early. A pass
means little: a trend that biases by half of an effect of one day's noise is found less
than a third of times. So the breakdown is printed too: how much larger than before the
violations would have to be to take the effect away (Rambachan and Roth 2023, section 2,
relative magnitudes; here with the whole interval moved by the largest bias, which is
wider than theirs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.checks.check import Check, not_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAIL_BELOW = 0.05
_THRESHOLD = f"p of the average lead: fail below {FAIL_BELOW}"


@dataclass(frozen=True, slots=True)
class Lead:
    """Effect of starting too early, on cells that were not treated yet.

    Attributes
    ----------
    average, standard_error : float
        Of the placebo effect.
    units : int
        Behind the jackknife error.
    by_event_time : ndarray
        The placebo effect by period before treatment, in order of time.
    """

    average: float
    standard_error: float
    units: int
    by_event_time: NDArray[np.float64]


def pre_trends(
    lead: Lead | None, average: float, half_width: float, mean_exposure: float
) -> Check:
    """Check the average lead, and print the breakdown.

    Parameters
    ----------
    lead : Lead or None
        What was there before; ``None`` where no unit has two periods before.
    average, half_width : float
        The estimate, and half of its 90 % interval.
    mean_exposure : float
        How many periods cells have been treated on average: violations add up.
    """
    if lead is None or lead.standard_error == 0:
        return not_run("pre_trends", _THRESHOLD, "There is too little before.")
    t = lead.average / lead.standard_error
    p_value = float(2.0 * stats.t.sf(abs(t), lead.units - 1))
    steps = np.abs(np.diff(np.append(lead.by_event_time, 0.0)))
    bias = float(steps.max()) * mean_exposure
    room = max(0.0, abs(average) - half_width)
    breakdown = room / bias if bias > 0 else np.inf
    return Check(
        "pre_trends",
        "fail" if p_value < FAIL_BELOW else "pass",
        p_value,
        _THRESHOLD,
        f"Before treatment the difference was {lead.average:,.3g}"
        f" (p = {p_value:.3f}); breakdown: steps {breakdown:.2g} times the largest one"
        " before would take the effect away.",
        {"lead": lead.by_event_time.tolist(), "breakdown": [breakdown]},
    )


__all__ = ["Lead", "pre_trends"]
