"""From a gap per treated unit, or in the logarithm, to the total of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.effect import Effect

if TYPE_CHECKING:
    from attribution.arrays import Floats


@dataclass(frozen=True, eq=False)
class Totals:
    """Conversion of gaps to a synthetic control into totals.

    Attributes
    ----------
    observed : ndarray, shape (periods,)
        Outcome of all treated units together.
    units : float
        Number of treated units.
    launch : int
        Position of the first treated period.
    is_ratio : bool
        True if gaps are differences of logarithms.
    """

    observed: Floats
    units: float
    launch: int
    is_ratio: bool

    def effect(self, average: Effect) -> Effect:
        """Return draws of the total by period from those of the gap after the launch.

        A ratio takes no more than the whole outcome away, and adds without a bound.
        """
        if not self.is_ratio:
            return average.scaled(self.units)
        after = self.observed[self.launch :]
        with np.errstate(over="ignore"):  # what no test bounds is infinite here, too
            paths = -after * np.expm1(-average.paths)
        return Effect.of(paths, point_path=-after * np.expm1(-average.point_path))

    def of_mean_gap(self, gap: float) -> float:
        """Return the total over the periods after, for the same gap in each."""
        after = self.observed[self.launch :]
        if self.is_ratio:
            return float(-np.expm1(-gap) * after.sum())
        return gap * self.units * len(after)

    def without(self, gaps: Floats) -> Floats:
        """Return the total by period that there would have been without a gap."""
        without: Floats = self.observed - self.units * gaps
        if self.is_ratio:
            without = self.observed * np.exp(-gaps)
        return without
