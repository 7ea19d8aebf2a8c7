"""Check for pre-trends of treated units.

Four tests: the path of the whole history against starts assigned at random, and the
average effect of starting one, two and four periods too early. Where periods are days
or weeks, a fifth compares 4, 8, 13 and 26 weeks before each start with the same unit's
past (:mod:`attribution.causal.estimators.rollouts.own_past`). Any of them below 5 %
warns, all together (Bonferroni) fail. They find patterns that a single short lead does
not: other seasons, curves, regional shocks, and a divergence just before the start. A
straight drift is removed before: it is no reason to refuse, as the interval allows for
it (:mod:`attribution.causal.estimators.rollouts.drift`), and estimates that had to pass
a test of it held the truth 64 to 83 times of 100 instead of 90.

An estimate that excludes zero faces more: a lead on its side warns from one-sided
:data:`TOWARDS_BELOW` on. A divergence that goes on is wrong by far more than its lead
shows, so at 5 % it is found too seldom: a divergence of 0.4 standard deviations a
period in the two before each start was found 74 times of 100, and is now 94 times. The
price is shown, too (``effect at once`` among the frozen worlds). Units that start after
bad months recover, which looks like an effect, too: the longest lead on the other side
warns from one-sided :data:`AWAY_BELOW` on. Where adopters were chosen by a dip, 17
studies of 100 were counted before, and all were wrong.

A pass is no proof, so the breakdown is printed too: how much larger than before the
violations would have to be to take the effect away (Rambachan and Roth 2023, section 2,
relative magnitudes; here with the whole interval moved by the largest bias, which is
wider than theirs).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check, Status, not_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FAIL_BELOW = 0.05
#: One-sided, of a lead on the side of an estimate that excludes zero.
TOWARDS_BELOW = 0.15
#: One-sided, of the longest lead on the other side of such an estimate.
AWAY_BELOW = 0.1
_THRESHOLD = (
    f"least p of the tests of the history, times their number: fail below {FAIL_BELOW}."
    " A lead on the side of an estimate that leaves out zero: warn below one-sided"
    f" {TOWARDS_BELOW}; the longest lead on the other side: below {AWAY_BELOW}"
)
#: Errors of a drift that four tests of five find at 5 %.
_FOUND_ERRORS = 2.8


@dataclass(frozen=True, slots=True)
class Lead:
    """Effect of starting too early, on cells that were not treated yet.

    Attributes
    ----------
    below : float
        Probability that the placebo effect is below zero, for any drift.
    by_event_time : ndarray
        The placebo effect by period before treatment, in order of time.
    """

    below: float
    by_event_time: NDArray[np.float64]

    @property
    def p_value(self) -> float:
        """Two-sided, of no placebo effect."""
        return 2.0 * min(self.below, 1.0 - self.below)

    def towards(self, average: float) -> float:
        """Return the one-sided p of no placebo effect on the estimate's side."""
        return self.below if average > 0 else 1.0 - self.below


@dataclass(frozen=True, slots=True)
class History:
    """Results of tests of the whole history.

    Attributes
    ----------
    p_values : mapping of str to float
        By test; those that could be run.
    drift, drift_error : float
        Of adopters from the others, per period, and its error.
    """

    p_values: Mapping[str, float] = field(default_factory=dict)
    drift: float = 0.0
    drift_error: float = 0.0


def pre_trends(
    leads: Mapping[str, Lead],
    history: History,
    average: float,
    half_width: float,
    mean_exposure: float,
) -> Check:
    """Check the history, and print the breakdown.

    Parameters
    ----------
    leads : mapping of str to Lead
        Leads by name; the longest last. Empty where no unit has two periods before.
    history : History
        Tests of the whole of it.
    average, half_width : float
        The estimate, and half of its 90 % interval.
    mean_exposure : float
        Average number of treated periods per cell: violations add up.
    """
    p_values = {name: lead.p_value for name, lead in leads.items()}
    p_values |= dict(history.p_values)
    if not leads:
        return not_run("pre_trends", _THRESHOLD, "There is too little before.")
    clearest = min(p_values, key=lambda name: p_values[name])
    p_value = p_values[clearest]
    status: Status = "warn" if p_value < FAIL_BELOW else "pass"
    if p_value * len(p_values) < FAIL_BELOW:
        status = "fail"
    lead = list(leads.values())[-1]
    room = max(0.0, abs(average) - half_width)
    found = _partings(leads, average) if room > 0 else ""
    if found and status == "pass":
        status = "warn"
    breakdown = _breakdown(lead, room, mean_exposure)
    return Check(
        "pre_trends",
        status,
        p_value,
        _THRESHOLD,
        f"Clearest of {len(p_values)} tests is {clearest} (p = {p_value:.3f})."
        f"{found} {_power(history)}The breakdown: steps {breakdown:.2g} times the"
        " largest one before would take the effect away.",
        {"lead": lead.by_event_time.tolist(), "breakdown": [breakdown]},
    )


def _partings(leads: Mapping[str, Lead], average: float) -> str:
    """Describe pre-start patterns like the estimate; nothing if all are."""
    clearest = min(leads, key=lambda name: leads[name].towards(average))
    p_value = leads[clearest].towards(average)
    if p_value < TOWARDS_BELOW:
        return (
            f" On the side of the estimate it is {clearest} (one-sided p ="
            f" {p_value:.3f}): a parting before the start that goes on would look like"
            " an effect."
        )
    longest = list(leads)[-1]
    p_value = leads[longest].towards(-average)
    if p_value < AWAY_BELOW:
        return (
            f" On the other side it is {longest} (one-sided p = {p_value:.3f}): a dip"
            " from which units recover would look like an effect."
        )
    return ""


def _power(history: History) -> str:
    if history.drift_error <= 0:
        return ""
    found = _FOUND_ERRORS * history.drift_error
    return (
        f"Adopters drifted by {history.drift:,.2g} a period; four histories of five"
        f" would show {found:,.2g}. "
    )


def _breakdown(lead: Lead, room: float, mean_exposure: float) -> float:
    steps = np.abs(np.diff(np.append(lead.by_event_time, 0.0)))
    bias = float(steps.max()) * mean_exposure
    return room / bias if bias > 0 else np.inf
