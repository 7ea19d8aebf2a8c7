"""The single inferential object: weighted draws of the effect path.

Interval, probability, p-value, report, chart and, later, return are read off the same
draws, so they cannot contradict each other. The total is the sum of each draw's path.
Between draws the distribution function is interpolated; interval and p-value use the
same function and its inverse, so ``p < α`` exactly when the ``1 - α`` interval excludes
zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats

#: Number of draws of an effect. Ends of a 95 % interval are known to 0.01 % of its
#: width, because the totals are quantiles and not random numbers.
DRAW_COUNT = 4000
#: Quantiles of the normal distribution: a two-sided 90 % interval, and 80 % power.
INTERVAL_QUANTILE, POWER_QUANTILE = 1.645, 0.842


@dataclass(frozen=True, eq=False)
class Effect:
    """Draws of an effect by period, in the unit of the outcome.

    Attributes
    ----------
    paths : ndarray, shape (draws, periods)
        Effect of each period. A draw may be infinite where a test cannot bound it.
    weights : ndarray, shape (draws,)
        Above zero, with sum 1.
    point_path : ndarray, shape (periods,)
        The point estimate of each period: the mean of the draws, or the limit that an
        estimator would reach with infinite draws.
    """

    paths: Floats
    weights: Floats
    point_path: Floats

    @classmethod
    def of(
        cls,
        paths: Floats,
        *,
        weights: Floats | None = None,
        point_path: Floats | None = None,
    ) -> Effect:
        """Make an effect of draws; equal weights and the mean where none are given.

        Raises
        ------
        ValueError
            Weights that are not above zero, shapes that differ, NaN draws, or
            infinite draws without a point estimate.
        """
        paths = np.asarray(paths, dtype=float)
        raw = np.ones(len(paths)) if weights is None else np.asarray(weights, float)
        if paths.ndim != 2 or raw.shape != paths.shape[:1] or not len(paths):  # noqa: PLR2004
            raise ValueError("draws are a matrix, draws by periods, a weight for each")
        if np.isnan(paths).any() or not (raw > 0).all():
            raise ValueError("draws are numbers, and weights are above zero")
        raw = raw / raw.sum()
        if point_path is None:
            if not np.isfinite(paths).all():
                raise ValueError("infinite draws need a point estimate of their own")
            point_path = raw @ paths
        return cls(paths, raw, np.asarray(point_path, float))

    @cached_property
    def draws(self) -> Floats:
        """Draws of the total over all periods: the sum of each path."""
        totals: Floats = self.paths.sum(axis=1)
        return totals

    @property
    def point(self) -> float:
        """The point estimate of the total."""
        return float(self.point_path.sum())

    @cached_property
    def distribution(self) -> Distribution:
        """Distribution of the total."""
        return Distribution.of(self.draws, self.weights)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the central interval of the total at a level below 1."""
        return self.distribution.interval(level)

    @property
    def probability_positive(self) -> float:
        """The probability that the total is above zero."""
        return 1.0 - self.distribution.below(0.0)

    #: The contract's name for it.
    probability = probability_positive

    @property
    def p_value(self) -> float:
        """The two-sided p-value of no effect in total."""
        lowest, highest = self.distribution.bounds(0.0)
        return min(1.0, 2.0 * min(highest, 1.0 - lowest))

    def widened(self, factor: float) -> Effect:
        """Return draws that lie so many times as far from the point estimate."""
        away = self.paths - self.point_path
        return type(self)(
            self.point_path + factor * away, self.weights, self.point_path
        )

    def period_interval(self, level: float) -> tuple[Floats, Floats]:
        """Return the ends of each period's interval."""
        return _columns_interval(self.paths, self.weights, level)

    def cumulative(self) -> Effect:
        """Return the effect up to each period, draw by draw, as paths of sums.

        Its ``paths[:, -1]`` are the draws of the total; its own total means nothing.
        """
        return Effect(
            np.cumsum(self.paths, axis=1), self.weights, np.cumsum(self.point_path)
        )

    def scaled(self, factor: float) -> Effect:
        """Return the effect times a positive number, such as 1 / days."""
        return Effect(self.paths * factor, self.weights, self.point_path * factor)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution on the line, interpolated between weighted draws.

    Equal draws are a step, so the quantiles of a test with few outcomes stay its own.

    Attributes
    ----------
    values, probabilities : ndarray
        Finite draws in order, and the probability below each (half its own included).
    mass_below, mass_above : float
        Probability at minus and plus infinity.
    """

    values: Floats
    probabilities: Floats
    mass_below: float
    mass_above: float

    @classmethod
    def of(cls, draws: Floats, weights: Floats) -> Distribution:
        """Return the distribution of weighted draws."""
        order = np.argsort(draws, kind="stable")
        values, mass = draws[order], weights[order]
        middles = np.cumsum(mass) - mass / 2.0
        finite = np.isfinite(values)
        return cls(
            values[finite],
            middles[finite],
            float(mass[np.isneginf(values)].sum()),
            float(mass[np.isposinf(values)].sum()),
        )

    def below(self, value: float) -> float:
        """Return the probability below a value, and half of that at it."""
        return sum(self.bounds(value)) / 2.0

    def bounds(self, value: float) -> tuple[float, float]:
        """Return the least and greatest probability with this quantile value.

        They differ where draws are equal to it.
        """
        first = int(np.searchsorted(self.values, value, side="left"))
        last = int(np.searchsorted(self.values, value, side="right"))
        if first < last:
            least, greatest = self.probabilities[[first, last - 1]]
            # The ends of the line belong to the outermost draws.
            least = self.mass_below if first == 0 else float(least)
            whole = last == len(self.values)
            return least, 1.0 - self.mass_above if whole else float(greatest)
        if first == 0:
            return self.mass_below, self.mass_below
        if first == len(self.values):
            return 1.0 - self.mass_above, 1.0 - self.mass_above
        around = slice(first - 1, first + 1)
        at = float(np.interp(value, self.values[around], self.probabilities[around]))
        return at, at

    def quantile(self, probability: float) -> float:
        """Return the value below which a probability lies; infinite if unbounded."""
        if self.mass_below and probability <= self.mass_below:
            return -np.inf
        if self.mass_above and probability >= 1.0 - self.mass_above:
            return np.inf
        return float(np.interp(probability, self.probabilities, self.values))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the central interval at a level."""
        if not 0.0 < level < 1.0:
            raise ValueError(f"a level lies between 0 and 1, not {level}")
        tail = (1.0 - level) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)


def effect_from_covariance(
    point_path: Floats,
    covariance: Floats,
    *,
    degrees_of_freedom: float,
    rng: np.random.Generator,
    draws: int = DRAW_COUNT,
) -> Effect:
    """Return draws of a path with a total distributed as Student's t.

    Totals are the quantiles of ``t`` at equal steps, in random order; each path is
    drawn from a normal distribution and conditioned on its total by adding ``cov(path,
    total) / var(total)`` times the difference.

    Parameters
    ----------
    point_path : ndarray, shape (periods,)
        Point estimates.
    covariance : ndarray, shape (periods, periods)
        Their covariance.
    degrees_of_freedom : float
        Of the total; infinite for a normal distribution.
    rng : Generator
        Source of the paths.
    draws : int
        Number of draws.
    """
    from scipy import special  # noqa: PLC0415  (slow to load)

    levels = stratified_levels(draws, rng)
    normal = np.isinf(degrees_of_freedom)
    quantiles = (
        special.ndtri(levels) if normal else special.stdtrit(degrees_of_freedom, levels)
    )
    with_total = covariance.sum(axis=1)
    variance = float(with_total.sum())
    roots, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(roots, 0.0))
    noise = rng.standard_normal((draws, len(point_path))) @ root.T
    totals = np.sqrt(max(variance, 0.0)) * quantiles
    share = with_total / variance if variance > 0 else np.zeros(len(point_path))
    noise += np.outer(totals - noise.sum(axis=1), share)
    return Effect.of(point_path + noise, point_path=point_path)


def stratified_levels(draws: int, rng: np.random.Generator) -> Floats:
    """Return the middles of equal steps from 0 to 1, in random order.

    The order matters: draws of two effects that are added must not be sorted alike.
    """
    return (rng.permutation(draws) + 0.5) / draws


def _columns_interval(
    paths: Floats, weights: Floats, level: float
) -> tuple[Floats, Floats]:
    ends = [
        Distribution.of(column, weights).interval(level)
        for column in np.ascontiguousarray(paths.T)
    ]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])
