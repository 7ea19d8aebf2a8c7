"""Allowance for a straight drift of adopters that mimics an effect.

Parallel trends are never proved by a history, however long. So the interval of a
roll-out holds the contribution that a drift ``δ`` a period may make, given the history:
``δ`` is normal with mean zero and standard deviation ``k s``, where ``s`` is the error
of the drift that the history shows, and ``k`` is integrated over :data:`MULTIPLES` by
the evidence. Where the history shows no drift, the interval is a third (half of the
periods before) to four fifths wider (a third of them) than an interval that takes
parallel trends for granted; where it shows a drift, that is removed. The drift is that
of all adopters, or the mean of those of each cohort; the two are as likely until the
history shows how far they lie apart. It is the smoothness bound of Rambachan and Roth
2023 (REStud 90) with no curvature, with its slope shrunk by how well it is known: a
drift that grows from period to period is not held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.causal.effect import DRAW_COUNT, Effect, stratified_levels
from attribution.causal.estimators.rollouts.imputation import covariance_of_jackknifed
from attribution.causal.state_space.integration import Mixture

if TYPE_CHECKING:
    from attribution.arrays import Floats

#: Size of a possible drift, in errors of the drift that the history shows.
MULTIPLES = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
#: A variance below this part of another is rounding.
_LEAST = 1e-9
#: A logarithm of odds beyond which they are as good as certain.
_LARGE = 500.0
_NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, eq=False)
class DriftingPath:
    """The average effect by period, beside a drift before, with errors of both.

    Attributes
    ----------
    path : ndarray, shape (periods,)
        Weighted effects by period, as if trends were parallel.
    bias : ndarray, shape (periods,)
        Addition of a drift of 1 a period to it.
    drift : float
        Drift that the untreated cells show; 0 without a comparison group.
    left_out : ndarray, shape (groups, periods + 1)
        Path, and drift last, without each group of units.
    bias_left_out : ndarray, shape (groups,)
        The sum of the bias without each.
    common_drift : float
        Of all cohorts as if they drifted alike.
    common_left_out : ndarray, shape (groups,)
        The same without each group.
    """

    path: Floats
    bias: Floats
    drift: float
    left_out: Floats
    bias_left_out: Floats
    common_drift: float
    common_left_out: Floats

    @property
    def groups(self) -> int:
        """Return the number of groups left out in turn."""
        return len(self.left_out)

    @property
    def degrees_of_freedom(self) -> float:
        """Of Student's t."""
        return float(self.groups - 1)

    @property
    def covariance(self) -> Floats:
        """Of path and drift, by the jackknife."""
        return covariance_of_jackknifed(self.left_out)

    @property
    def drift_error(self) -> float:
        """Of the drift."""
        return float(np.sqrt(self.covariance[-1, -1]))

    def below_zero(self) -> float:
        """Return the probability that the total is below zero, for any drift."""
        return float(self._mixture(self._parts()).below(np.zeros(1))[0])

    def interval(self, level: float) -> tuple[float, float]:
        """Return the exact interval of the total."""
        return self._mixture(self._parts()).interval(level)

    @property
    def point(self) -> float:
        """Mean of the total, less the part attributed to a drift."""
        return self._mixture(self._parts()).mean

    def effect(self, rng: np.random.Generator) -> Effect:
        """Return draws of the path that allow for a drift.

        The total is an exact mixture of normal distributions, with errors widened to
        those of Student's t at 95 %.
        """
        parts = self._parts()
        mixture = self._mixture(parts)
        totals = mixture.quantiles(stratified_levels(DRAW_COUNT, rng))
        members = mixture.members(totals, rng)
        paths = np.empty((DRAW_COUNT, len(self.path)))
        for number, part in enumerate(parts):
            chosen = members == number
            paths[chosen] = part.paths(totals[chosen], rng)
        return Effect.of(paths)

    @staticmethod
    def _mixture(parts: list[_Part]) -> Mixture:
        return Mixture(
            np.array([part.weight for part in parts]),
            np.array([part.path.sum() for part in parts]),
            np.array([max(part.covariance.sum(), 1e-300) for part in parts]),
        )

    def _parts(self) -> list[_Part]:
        """Return the path for each size that a drift may have, by either drift."""
        own, common = self._either_drift()
        return [
            *self._parts_of(self.drift, own),
            *self._parts_of(self.common_drift, common),
        ]

    def _either_drift(self) -> tuple[_Shrunk, _Shrunk]:
        """Return how far the drift of each cohort, and that of all, is taken off.

        Cohorts that drift apart bias the drift of all, and a growing drift biases that
        of each cohort, as its history ends sooner.
        """
        apart = self.apart
        common = np.column_stack([self.left_out[:, :-1], self.common_left_out])
        return (
            self._shrunk(self.drift, self.covariance, apart),
            self._shrunk(
                self.common_drift, covariance_of_jackknifed(common), 1.0 - apart
            ),
        )

    @property
    def apart(self) -> float:
        """Return the probability that cohorts drift apart.

        By the evidence of the difference of the two drifts: nothing but its error where
        they drift together, else any of :data:`MULTIPLES` of it on top.
        """
        both = np.column_stack([self.left_out[:, -1], self.common_left_out])
        covariance = covariance_of_jackknifed(both)
        variance = float(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1])
        if variance <= _LEAST * float(covariance[0, 0]):
            return 0.5
        spread = 1.0 + MULTIPLES**2
        squared = (self.drift - self.common_drift) ** 2 / variance
        # Both by the evidence of no difference, so that neither is rounded to nothing.
        gain = 0.5 * squared * (1.0 - 1.0 / spread) - 0.5 * np.log(spread)
        odds = float(np.exp(np.minimum(gain, _LARGE)).mean())
        return odds / (1.0 + odds)

    def left_of(self, total: float, drift: float, common_drift: float) -> float:
        """Return another path's total, less its drift as removed here.

        Parameters
        ----------
        total : float
            Its sum, as if trends were parallel.
        drift, common_drift : float
            Drift that untreated cells show with it, of each cohort and of all.
        """
        own, common = self._either_drift()
        bias = float(self.bias.sum())
        return total - own.taken_off(drift, bias) - common.taken_off(common_drift, bias)

    def _shrunk(self, drift: float, covariance: Floats, share: float) -> _Shrunk:
        widened = stats.t.ppf(0.975, self.degrees_of_freedom) / _NORMAL_95
        covariance = covariance * widened**2
        shared, variance = covariance[:-1, -1], float(covariance[-1, -1])
        if variance <= 0:
            none = np.zeros(1)
            return _Shrunk(np.array([share]), none, covariance, np.zeros(len(shared)))
        kept = MULTIPLES**2 / (1.0 + MULTIPLES**2)
        spread = variance * (1.0 + MULTIPLES**2)
        log_evidence = -0.5 * drift**2 / spread - 0.5 * np.log(spread)
        evidence = np.exp(log_evidence - log_evidence.max())
        weights = share * evidence / evidence.sum()
        return _Shrunk(weights, kept, covariance, shared / variance)

    def _parts_of(self, drift: float, found: _Shrunk) -> list[_Part]:
        own, slope = found.covariance[:-1, :-1], found.slope
        variance = found.covariance[-1, -1]
        rest = own - np.outer(found.covariance[:-1, -1], slope)
        left = slope - self.bias
        return [
            _Part(
                float(weight),
                self.path - kept * drift * self.bias - slope * (1.0 - kept) * drift,
                rest + kept * variance * np.outer(left, left),
            )
            for weight, kept in zip(found.weights, found.kept, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class _Shrunk:
    """Removed share of a drift, for each size that it may have.

    Attributes
    ----------
    weights, kept : ndarray, shape (sizes,)
        Weight of each size, and the share of the drift that it removes.
    covariance : ndarray
        Of path and drift, widened to Student's t.
    slope : ndarray, shape (periods,)
        Share of the drift's errors in the path.
    """

    weights: Floats
    kept: Floats
    covariance: Floats
    slope: Floats

    def taken_off(self, drift: float, bias: float) -> float:
        """Return the part removed from a total, by the drift's probability."""
        parts = self.kept * bias + self.slope.sum() * (1.0 - self.kept)
        return float(self.weights @ parts) * drift


@dataclass(frozen=True, eq=False)
class _Part:
    """Path given a single size of drifts: normal, with a weight."""

    weight: float
    path: Floats
    covariance: Floats

    def paths(self, totals: Floats, rng: np.random.Generator) -> Floats:
        """Return paths with some totals."""
        roots, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(roots, 0.0))
        noise = rng.standard_normal((len(totals), len(self.path))) @ root.T
        found = self.path + noise
        with_total = self.covariance.sum(axis=1)
        variance = float(with_total.sum())
        even = np.full(len(self.path), 1.0 / len(self.path))
        share = with_total / variance if variance > 0 else even
        moved: Floats = found + np.outer(totals - found.sum(axis=1), share)
        return moved
