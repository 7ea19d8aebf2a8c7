"""Effects on treated cells, imputed from the untreated ones.

Borusyak, Jaravel and Spiess 2024 (REStud 91), theorem 2 and section 4.3. The model
``Y_it = α_i + β_t`` is fitted on untreated cells only; the effect of a treated cell is
what its outcome exceeds ``α_i + β_t`` by. Unlike two-way fixed effects, no treated cell
is ever a control.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Imputation:
    """Effects of treated cells.

    Attributes
    ----------
    outcome : ndarray, shape (units, periods)
        NaN where unknown.
    untreated : ndarray of bool, shape (units, periods)
        Cells that the model is fitted on.
    wanted : ndarray of bool, shape (units, periods)
        Treated cells whose effects are asked for.
    """

    outcome: Floats
    untreated: Flags
    wanted: Flags

    @cached_property
    def _known(self) -> Floats:
        return (self.untreated & np.isfinite(self.outcome)).astype(float)

    @cached_property
    def usable(self) -> Flags:
        """Wanted cells whose unit and period were also seen untreated."""
        units = self._known.sum(axis=1) > 0
        periods = self._known.sum(axis=0) > 0
        seen = units[:, None] & periods & np.isfinite(self.outcome)
        found: Flags = self.wanted & seen
        return found

    @cached_property
    def _parts(self) -> tuple[Floats, Floats]:
        """Each unit's part of the normal equations of the periods' effects."""
        known = self._known
        count = np.maximum(known.sum(axis=1), 1.0)
        y = np.where(known > 0, self.outcome, 0.0)
        centred = known * (y - (y.sum(axis=1) / count)[:, None])
        squares = -known[:, :, None] * known[:, None, :] / count[:, None, None]
        diagonal = np.arange(known.shape[1])
        squares[:, diagonal, diagonal] += known
        return squares, centred

    def _cell_effects(self, without: int | None = None) -> Floats:
        squares, centred = self._parts
        matrix, right = squares.sum(axis=0), centred.sum(axis=0)
        if without is not None:
            matrix, right = matrix - squares[without], right - centred[without]
        periods = np.linalg.pinv(matrix, hermitian=True) @ right
        known = self._known
        left = np.where(known > 0, self.outcome - periods, 0.0).sum(axis=1)
        units = left / np.maximum(known.sum(axis=1), 1.0)
        effects: Floats = self.outcome - units[:, None] - periods
        return effects

    @cached_property
    def effects(self) -> Floats:
        """The effect of each usable cell; NaN elsewhere."""
        return np.where(self.usable, self._cell_effects(), np.nan)

    @property
    def untreated_outcome(self) -> Floats:
        """What each unit would have had untreated; NaN where it was never seen so."""
        seen = (self._known.sum(axis=1) > 0)[:, None] & (self._known.sum(axis=0) > 0)
        expected: Floats = np.where(seen, self.outcome - self._cell_effects(), np.nan)
        return expected

    @property
    def cells(self) -> int:
        """How many treated cells there are."""
        return int(self.usable.sum())

    @property
    def path(self) -> Floats:
        """Effects summed over units by period, divided by all cells.

        Its sum is the average effect on the treated.
        """
        summed: Floats = np.nansum(self.effects, axis=0) / self.cells
        return summed

    @property
    def average(self) -> float:
        """The average effect on the treated."""
        return float(self.path.sum())

    def jackknifed(self) -> tuple[Floats, int]:
        """Return the path without each unit that counts, and how many those are.

        A unit that takes the last other treated cell, or the last untreated one of a
        period, with it cannot be left out: then there is no such error.
        """
        counting = np.flatnonzero(self._known.sum(axis=1) > 0)
        paths = []
        for unit in counting:
            rest = np.ones(len(self.outcome), dtype=bool)
            rest[unit] = False
            left = self._known[rest].sum(axis=0) > 0
            cells = self.usable & rest[:, None] & left
            if not cells.any():
                return np.full((len(counting), self.outcome.shape[1]), np.nan), len(
                    counting
                )
            effects = np.where(cells, self._cell_effects(int(unit)), 0.0)
            paths.append(effects.sum(axis=0) / cells.sum())
        return np.array(paths), len(counting)

    def jackknife_covariance(self) -> tuple[Floats, int]:
        """Return the covariance of the path, and the number of units behind it.

        See :func:`covariance_of_jackknifed`.
        """
        paths, count = self.jackknifed()
        return covariance_of_jackknifed(paths), count

    def analytic_covariance(self, cohort: NDArray[np.int64]) -> Floats:
        """Return the covariance of the path from each unit's influence.

        Parameters
        ----------
        cohort : ndarray of int, shape (units,)
            First period with treatment: effects are centred by cohort and period.
        """
        residuals = np.where(self._known > 0, self._cell_effects(), 0.0)
        centred = self._centred_by_cohort(cohort)
        influences = []
        for period in range(self.outcome.shape[1]):
            weights = np.zeros_like(self.outcome)
            weights[:, period] = self.usable[:, period] / self.cells
            influence = (self._implied_weights(weights) * residuals).sum(axis=1)
            influences.append(influence + (weights * centred).sum(axis=1))
        stacked = np.array(influences)
        covariance: Floats = stacked @ stacked.T
        return covariance

    def _implied_weights(self, weights: Floats) -> Floats:
        """Return how the estimate weighs the untreated cells."""
        known, squares = self._known, self._parts[0]
        count = np.maximum(known.sum(axis=1), 1.0)
        of_units = weights.sum(axis=1)
        right = weights.sum(axis=0) - (known * (of_units / count)[:, None]).sum(axis=0)
        periods = np.linalg.pinv(squares.sum(axis=0), hermitian=True) @ right
        units = (of_units - known @ periods) / count
        implied: Floats = -known * (units[:, None] + periods)
        return implied

    def _centred_by_cohort(self, cohort: NDArray[np.int64]) -> Floats:
        centred = np.where(self.usable, self.effects, 0.0)
        for start in np.unique(cohort):
            members = cohort == start
            cells = self.usable[members]
            means = centred[members].sum(axis=0) / np.maximum(cells.sum(axis=0), 1)
            centred[members] -= cells * means
        return centred

    def without(self, left_out: Flags) -> Imputation:
        """Return the same without some units."""
        keep = ~left_out
        return replace(
            self,
            outcome=self.outcome[keep],
            untreated=self.untreated[keep],
            wanted=self.wanted[keep],
        )


def covariance_of_jackknifed(paths: Floats) -> Floats:
    """Return the covariance of a path from the paths without each of m units.

    ``(m - 1)/m Σ (θ_(i) - mean)²``, with quantiles of Student's t with m - 1 degrees of
    freedom: a CV3 error (MacKinnon, Nielsen and Webb 2023).
    """
    count = len(paths)
    spread = paths - paths.mean(axis=0)
    covariance: Floats = (count - 1) / count * spread.T @ spread
    return covariance


def imputation_of(
    outcome: Floats, first: NDArray[np.int64], *, anticipation: int = 0
) -> Imputation:
    """Return the imputation of a roll-out.

    Parameters
    ----------
    outcome : ndarray, shape (units, periods)
        NaN where unknown.
    first : ndarray of int, shape (units,)
        First period with treatment; the number of periods for never.
    anticipation : int
        Periods before that are neither treated nor controls.
    """
    periods = np.arange(outcome.shape[1])
    return Imputation(
        outcome,
        periods < (first - anticipation)[:, None],
        periods >= first[:, None],
    )


def lead_of(
    outcome: Floats, first: NDArray[np.int64], periods_early: int
) -> Imputation:
    """Return the imputation of a roll-out that begins some periods too early.

    Really treated cells are left out, so whatever it finds was there before.
    """
    periods = np.arange(outcome.shape[1])
    before = periods < first[:, None]
    started = periods >= (first - periods_early)[:, None]
    treated = (first < outcome.shape[1])[:, None]
    return Imputation(
        outcome, before & ~(started & treated), before & started & treated
    )


__all__ = ["Imputation", "covariance_of_jackknifed", "imputation_of", "lead_of"]
