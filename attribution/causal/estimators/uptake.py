"""Effect of use where assignment moves use but does not decide it.

Encouraged or assigned, some do not use a feature, and some use it all the same. Users
and others differ in more than the feature, so they are never compared. Assignment is an
instrument instead: the effect on those who use it because they were assigned is the
effect of assignment on the outcome, divided by its effect on use (Imbens and Angrist
1994, Econometrica 62; Angrist, Imbens and Rubin 1996, JASA 91).

Its interval is that of Anderson and Rubin (1949): all effects ``τ`` for which
assignment changes nothing of ``outcome - τ use``, which holds however little assignment
moves use, and excludes no effect exactly if the total's does. In closed form it is
Fieller's. The total is that of assignment either way: the payment is for the result of
assignment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from attribution.causal.confidence_sequences import progress_of
from attribution.causal.estimators.experiment_arms import sums_of
from attribution.causal.estimators.ratio_of_sums import sums_difference
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Flags, Floats
    from attribution.causal.estimators.difference import Difference
    from attribution.causal.estimators.experiment_arms import Arms
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: The F of use on assignment below which there is no effect of use (Staiger and Stock
#: 1997, Econometrica 65): assignment hardly moved it.
STRENGTH_NEEDED = 10.0


@dataclass(frozen=True, eq=False)
class EffectOfUse:
    """Total effects of assignment on outcome and use, with their errors.

    Attributes
    ----------
    outcome, use : float
        Effects of assignment: in the outcome's unit, and in periods of use.
    covariance : ndarray, shape (2, 2)
        Of both.
    degrees_of_freedom : float
        Of Student's t.
    assigned_share, other_share : float
        Part of all periods with use, in either arm.
    """

    outcome: float
    use: float
    covariance: Floats
    degrees_of_freedom: float
    assigned_share: float
    other_share: float

    @property
    def strength(self) -> float:
        """The F of use on assignment; infinite where assignment decides it."""
        variance = float(self.covariance[1, 1])
        if variance <= 1e-12 * max(self.use**2, 1e-300):
            return np.inf if self.use else 0.0
        return self.use**2 / variance

    @property
    def is_weak(self) -> bool:
        """Return True if assignment hardly moved use, or moved it the other way."""
        return self.use <= 0 or self.strength < STRENGTH_NEEDED

    @property
    def point(self) -> float:
        """The effect of a period of use."""
        return self.outcome / self.use

    def interval(self, level: float) -> tuple[float, float]:
        """Return the effects of a period of use that are not rejected.

        Infinite on both sides where assignment moved use too little for the level.
        """
        quantile = float(special.stdtrit(self.degrees_of_freedom, 0.5 + level / 2.0))
        own, shared, of_use = self.covariance[[0, 0, 1], [0, 1, 1]] * quantile**2
        square = self.use**2 - of_use
        if square <= 0:
            return -np.inf, np.inf
        middle = self.outcome * self.use - shared
        root = np.sqrt(max(middle**2 - square * (self.outcome**2 - own), 0.0))
        return float((middle - root) / square), float((middle + root) / square)

    def diagnostics(self, level: float) -> dict[str, Any]:
        """Return the figures; without an effect where assignment is too weak."""
        strength = self.strength if np.isfinite(self.strength) else None
        figures: dict[str, Any] = {
            "use_by_assignment": self.use,
            "strength_of_assignment": strength,
        }
        if not self.is_weak:
            low, high = self.interval(level)
            figures |= {"effect_of_use": self.point}
            figures |= {"effect_of_use_low": low, "effect_of_use_high": high}
        return figures

    def note(self, unit: str, level: float) -> str:
        """Return a note with the effect, or the reason that there is none."""
        shares = (
            f"Used in {self.assigned_share:.0%} of the periods of those assigned, and"
            f" in {self.other_share:.0%} of the others'."
        )
        if self.is_weak:
            return (
                f"{shares} The effect of use is not estimated: assignment hardly moved"
                f" it (F {self.strength:.2g}; {STRENGTH_NEEDED:g} are needed). The"
                " total is that of assignment and holds all the same."
            )
        low, high = self.interval(level)
        return (
            f"{shares} A period of use that assignment brought about changed"
            f" {self.point:,.4g} {unit} ({level:.0%} interval of Anderson and Rubin"
            f" {low:,.4g} to {high:,.4g}). This holds if assignment works through use"
            " alone and keeps nobody from it."
        )


def effect_of_use(
    panel: Panel,
    plan: Plan,
    arms: Arms,
    complete: Flags,
    adjusted: Callable[[Arms], Difference],
) -> EffectOfUse | None:
    """Return the effect of use of an experiment.

    ``None`` where the plan declares no ``uptake``, or before its registered end: the
    interval holds at a single look.

    Parameters
    ----------
    panel, plan : Panel, Plan
        The study.
    arms : Arms
        Individual units, which are summed where clusters were randomised.
    complete : ndarray of bool, shape (units,)
        Positions of those units in the panel.
    adjusted : callable
        The difference of arms where units were randomised.

    Raises
    ------
    RefusalError
        ``uptake_unreadable``: use is unknown in a period, or is no part of it.
    """
    name = plan.assignment.uptake if plan.assignment else None
    if name is None or progress_of(panel, plan) < 1.0:
        return None
    used = panel.column(name)[complete][:, panel.launch :]
    odd = ~(np.isfinite(used) & (used >= 0) & (used <= 1))
    if odd.any():
        raise RefusalError(
            "uptake_unreadable",
            f"{int(odd.sum())} values of {name!r} are unknown, or not between 0 and 1.",
            column=name,
            unreadable_rows=int(odd.sum()),
        )
    both = replace(arms, outcome=np.hstack([arms.outcome, used]))
    sums = sums_of(panel, plan, both, complete)
    found = (
        adjusted(both).scaled(float(arms.treated.sum()))
        if sums is None
        else sums_difference(sums)
    )
    shares = [float(used[arm].mean()) for arm in (arms.treated, ~arms.treated)]
    return _summed(found, shares)


def _summed(difference: Difference, shares: list[float]) -> EffectOfUse:
    """Return totals of a path: outcomes in its first half, then use."""
    periods = len(difference.path) // 2
    halves = np.kron(np.eye(2), np.ones(periods))
    outcome, use = halves @ difference.path
    return EffectOfUse(
        float(outcome),
        float(use),
        halves @ difference.covariance @ halves.T,
        difference.degrees_of_freedom,
        *shares,
    )
