"""What a treated series exceeds its synthetic control by, and two tests of that.

Abadie, Diamond and Hainmueller 2010 (JASA 105) for the idea; the intercept after
Doudchenko and Imbens 2016; ranks among donors inverted as in Firpo and Possebom 2018;
conformal inference after Chernozhukov, Wüthrich and Zhu 2021 (JASA 116). Both tests use
one statistic, the mean gap after the launch in units of the gaps before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attribution.estimators.convex_weights import convex_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_GRID_STEPS = 200
_FARTHEST = 30.0


@dataclass(frozen=True, eq=False)
class SyntheticGaps:
    """A treated series beside what donors make of it.

    Attributes
    ----------
    treated : ndarray, shape (periods,)
        The treated unit, or the mean of several.
    donors : ndarray, shape (donors, periods)
        The others.
    launch : int
        Position of the first treated period.
    intercept : bool
        Whether the control may lie above or below by a constant.
    """

    treated: Floats
    donors: Floats
    launch: int
    intercept: bool = True

    @cached_property
    def weights(self) -> Floats:
        """Weights of the donors, from the periods before the launch."""
        return _weights(
            self.treated[: self.launch],
            self.donors[:, : self.launch],
            intercept=self.intercept,
        )

    @cached_property
    def gaps(self) -> Floats:
        """Treated minus synthetic, by period; mean zero before with an intercept."""
        gaps = self.treated - self.weights @ self.donors
        return gaps - gaps[: self.launch].mean() if self.intercept else gaps

    @property
    def mean_gap(self) -> float:
        """The mean gap from the launch on: the effect per period."""
        return float(self.gaps[self.launch :].mean())

    @property
    def error_before(self) -> float:
        """Root mean squared gap before the launch."""
        return float(np.sqrt(np.mean(self.gaps[: self.launch] ** 2)))

    @property
    def statistic(self) -> float:
        """The mean gap after, in root mean squared gaps before."""
        return abs(self.mean_gap) / max(self.error_before, 1e-300)

    @property
    def error_ratio(self) -> float:
        """Mean squared gap after over that before, of Abadie et al."""
        after = float(np.mean(self.gaps[self.launch :] ** 2))
        return after / max(self.error_before**2, 1e-300)

    @cached_property
    def placebos(self) -> tuple[SyntheticGaps, ...]:
        """The same for each donor as if it were treated, without the treated unit."""
        return tuple(
            SyntheticGaps(
                self.donors[i],
                np.delete(self.donors, i, axis=0),
                self.launch,
                self.intercept,
            )
            for i in range(len(self.donors))
        )

    @property
    def relative_error_before(self) -> float:
        """The error before, in relation to the median donor's own."""
        donors = [placebo.error_before for placebo in self.placebos]
        return self.error_before / max(float(np.median(donors)), 1e-300)

    def without(self, donor: int) -> SyntheticGaps:
        """Return the same without one donor."""
        rest = np.delete(self.donors, donor, axis=0)
        return SyntheticGaps(self.treated, rest, self.launch, self.intercept)

    def until(self, launch: int, end: int) -> SyntheticGaps:
        """Return the same for an earlier launch, up to before a period."""
        return SyntheticGaps(
            self.treated[:end], self.donors[:, :end], launch, self.intercept
        )

    def rank_p_value(self) -> float:
        """Return the rank p-value of the ratio of errors: how many are as extreme."""
        extreme = sum(one.error_ratio >= self.error_ratio for one in self.placebos)
        return (1 + extreme) / (len(self.placebos) + 1)

    def rank_half_widths(self, alphas: Floats) -> Floats:
        """Return half-widths of the sets of effects that ranks do not reject.

        An effect ``τ₀`` is kept where ``1 + #{donors at least as extreme}`` exceeds
        ``α (donors + 1)``; infinite where no effect can be rejected at ``α``.
        """
        donors = np.sort([one.statistic for one in self.placebos])[::-1]
        needed = np.floor(np.asarray(alphas) * (len(donors) + 1) + 1e-9).astype(int)
        needed = np.minimum(needed, len(donors))
        widths = np.append(np.inf, self.error_before * donors)
        found: Floats = widths[needed]
        return found

    def conformal_p_value(self, effect: float) -> float:
        """Return the p-value of a constant effect, over all cyclic shifts in time.

        The weights are fitted on all periods, with the effect taken out.
        """
        changed = self.treated.copy()
        changed[self.launch :] -= effect
        weights = _weights(changed, self.donors, intercept=self.intercept)
        residuals = changed - weights @ self.donors
        if self.intercept:
            residuals = residuals - residuals.mean()
        after = len(residuals) - self.launch
        twice = np.concatenate([[0.0], np.cumsum(np.append(residuals, residuals))])
        sums = np.abs(twice[after : after + len(residuals)] - twice[: len(residuals)])
        own = sums[self.launch]
        return float(np.mean(sums >= own * (1.0 - 1e-9)))

    def conformal_ends(self, alphas: Floats) -> tuple[Floats, Floats]:
        """Return the hulls of the sets of effects that the shifts do not reject.

        On a grid of steps of a hundredth of the errors' scale and up; infinite where
        even the farthest effect is not rejected.
        """
        grid, p_values = self._conformal_grid
        middle = len(grid) // 2
        low = self._side(grid[middle::-1], p_values[middle::-1], alphas)
        high = self._side(grid[middle:], p_values[middle:], alphas)
        return low, high

    @cached_property
    def _conformal_grid(self) -> tuple[Floats, Floats]:
        scale = self.error_before + float(self.gaps[self.launch :].std())
        # Fine near the estimate, and wider and wider away from it.
        steps = np.sinh(np.linspace(0.0, np.arcsinh(10 * _FARTHEST), _GRID_STEPS)) / 10
        offsets = np.concatenate([-steps[:0:-1], steps]) * scale
        grid = self.mean_gap + offsets
        return grid, np.array([self.conformal_p_value(value) for value in grid])

    @staticmethod
    def _side(grid: Floats, p_values: Floats, alphas: Floats) -> Floats:
        """Return, for each level, the first value beyond all that are kept."""
        farthest = np.maximum.accumulate(p_values[::-1])[::-1]
        # How many values, from the estimate outwards, some value at or beyond is kept.
        kept = np.searchsorted(-farthest, -np.asarray(alphas), side="left")
        padded = np.append(grid, np.sign(grid[-1] - grid[0]) * np.inf)
        found: Floats = padded[np.minimum(kept, len(grid))]
        return found


def _weights(target: Floats, donors: Floats, *, intercept: bool) -> Floats:
    if intercept:
        target = target - target.mean()
        donors = donors - donors.mean(axis=1)[:, None]
    return convex_weights(target, donors.T)


__all__ = ["SyntheticGaps"]
