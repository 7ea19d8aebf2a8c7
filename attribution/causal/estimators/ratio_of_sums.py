"""Arms compared by a ratio of sums: outcome per user of teams, minutes per ticket.

The unit of randomisation is a group with two sums in each period, a numerator and a
denominator: the outcome of a team and its users, or minutes and tickets. An arm's ratio
weighs groups by their denominators, so that its difference times the treated
denominators is the total. Errors leave out a group at a time, which is the delta method
with a correction for few and unequal groups (Deng et al. 2018, KDD; MacKinnon, Nielsen
and Webb 2023, J. Econometrics 232).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.difference import Difference
from attribution.causal.estimators.wild_bootstrap import MOST_CLUSTERS, ClusterParts

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats


#: Groups up to which the adjustment is fitted again without each of them.
REFITTED_UP_TO = 100


@dataclass(frozen=True, eq=False)
class Sums:
    """Two sums of each randomised group.

    Attributes
    ----------
    treated : ndarray of bool, shape (groups,)
        Assignment.
    numerator, denominator : ndarray, shape (groups, periods)
        From the launch on; denominators are at least zero.
    before : ndarray, shape (groups,)
        The ratio before the launch; NaN where it is not known.
    """

    treated: Flags
    numerator: Floats
    denominator: Floats
    before: Floats

    def adjusted(self) -> Sums:
        """Return numerators net of the part explained by the baseline ratio.

        By a single slope for each period, within arms, weighed by denominators. Groups
        without a known history keep their numerators.
        """
        weight = self.denominator * np.isfinite(self.before)[:, None]
        habit = self._habit()
        ratio = self.numerator / np.maximum(self.denominator, 1e-300)
        own_habit, own_ratio = (self._within(x, weight) for x in (habit, ratio))
        squares = (weight * own_habit**2).sum(axis=0)
        slopes = (weight * own_habit * own_ratio).sum(axis=0) / np.maximum(
            squares, 1e-300
        )
        left = self.numerator - slopes * self.denominator * habit
        return replace(self, numerator=left)

    def about_no_effect(self, *, varies: bool) -> Floats:
        """Return residual numerators by period, given equal ratios in both arms.

        Parameters
        ----------
        varies : bool
            True if a slope of the ratio before is fitted with it.
        """
        below = self.denominator
        common = self.numerator.sum(axis=0) / np.maximum(below.sum(axis=0), 1e-300)
        left: Floats = self.numerator - common * below
        if varies:
            # Habits are about their weighted mean: the ratio is the same without them.
            habit = self._habit()
            squares = np.maximum((below * habit**2).sum(axis=0), 1e-300)
            left = left - (habit * left).sum(axis=0) / squares * below * habit
        return left

    def only(self, chosen: Flags) -> Sums:
        """Return the same of some groups."""
        return Sums(
            self.treated[chosen],
            self.numerator[chosen],
            self.denominator[chosen],
            self.before[chosen],
        )

    def _habit(self) -> Floats:
        """Return ratios before about their weighted mean; zero where not known."""
        known = np.isfinite(self.before)[:, None]
        weight = self.denominator * known
        habit = np.where(known, self.before[:, None], 0.0)
        centre = (weight * habit).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
        found: Floats = np.where(known, habit - centre, 0.0)
        return found

    def _within(self, values: Floats, weight: Floats) -> Floats:
        """Return values minus the weighted mean of the arm."""
        found = np.broadcast_to(values, weight.shape).copy()
        for arm in (self.treated, ~self.treated):
            total = np.maximum(weight[arm].sum(axis=0), 1e-300)
            found[arm] -= (weight[arm] * found[arm]).sum(axis=0) / total
        return found


def sums_difference(sums: Sums) -> Difference:
    """Return the total by period that assignment made, in units of the numerator.

    The difference of the arms' ratios times the treated denominators. Student's t has
    the number of groups minus two degrees of freedom, minus 1 more where the ratio
    before is adjusted for.
    """
    varies = _varies(sums)
    exposed = sums.denominator[sums.treated].sum(axis=0)
    path = exposed * _difference(sums, varies=varies)
    left_out = _left_out(sums, varies=varies)
    covariance = np.zeros((len(path), len(path)))
    for arm in (sums.treated, ~sums.treated):
        spread = exposed * (left_out[arm] - left_out[arm].mean(axis=0))
        groups = len(spread)
        covariance += (groups - 1) / groups * spread.T @ spread
    return Difference(path, covariance, len(sums.treated) - 2.0 - float(varies))


def wild_p_value(sums: Sums) -> float | None:
    """Return the p of no effect over all signs; ``None`` where groups are many.

    Without an effect both arms share a ratio in each period, and a slope of the ratio
    before where that varies; the residuals belong to each group. The adjustment is
    fitted again for every sign.

    Parameters
    ----------
    sums : Sums
        Sums of the randomised groups.
    """
    groups = len(sums.treated)
    if groups > MOST_CLUSTERS:
        return None
    varies = _varies(sums)
    exposed = sums.denominator[sums.treated].sum(axis=0)
    left = sums.about_no_effect(varies=varies)
    parts, without = np.zeros(groups), np.zeros((groups, groups))
    for group in range(groups):
        own = np.zeros_like(left)
        own[group] = left[group]
        alone = replace(sums, numerator=own)
        parts[group] = exposed @ _difference(alone, varies=varies)
        without[:, group] = _left_out(alone, varies=varies) @ exposed
    return ClusterParts(parts, without, sums.treated.astype(np.int64)).p_value()


def _varies(sums: Sums) -> bool:
    known = sums.before[np.isfinite(sums.before)]
    return bool(len(known)) and bool(np.ptp(known) > 0)


def _difference(sums: Sums, *, varies: bool) -> Floats:
    """Return the difference of the arms' ratios by period."""
    used = sums.adjusted() if varies else sums
    treated, control = (
        used.numerator[arm].sum(axis=0)
        / np.maximum(used.denominator[arm].sum(axis=0), 1e-300)
        for arm in (used.treated, ~used.treated)
    )
    difference: Floats = treated - control
    return difference


def _left_out(sums: Sums, *, varies: bool) -> Floats:
    """Return the difference without each group.

    Few groups move the slope of the adjustment, too, so it is fitted again without each
    of them; with many that changes nothing that could be seen.
    """
    groups = len(sums.treated)
    if varies and groups <= REFITTED_UP_TO:
        every = np.arange(groups)
        return np.array(
            [_difference(sums.only(every != group), varies=True) for group in every]
        )
    used = sums.adjusted() if varies else sums
    left_out = np.empty_like(used.numerator)
    for sign, arm in ((1.0, used.treated), (-1.0, ~used.treated)):
        above, below = used.numerator[arm], used.denominator[arm]
        rest = np.maximum(below.sum(axis=0) - below, 1e-300)
        left_out[arm] = sign * (above.sum(axis=0) - above) / rest
    return left_out
