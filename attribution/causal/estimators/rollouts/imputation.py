"""Effects on treated cells, imputed from the untreated cells.

Borusyak, Jaravel and Spiess 2024 (REStud 91), theorem 2 and section 4.3. The model
``Y_it = α_i + β_t + x_i γ_t`` is fitted on untreated cells only, without ``γ`` where no
covariates are declared; the effect of a treated cell is the excess of its outcome over
the model. Unlike two-way fixed effects, no treated cell is ever a control.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Flags, Floats


#: Treated and compared units that errors need.
UNITS_NEEDED = 6
#: Cells of models that are solved at once.
_CELLS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Counted:
    """Treated cells that count in an average, and how much each."""

    cells: Flags
    weights: Floats

    def path(self, effects: Floats) -> Floats:
        """Return the weighted sums of effects by period."""
        weighted = np.where(self.cells, self.weights * effects, 0.0)
        path: Floats = weighted.sum(axis=0)
        return path


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
        Treated cells with requested effects.
    covariates : ndarray, shape (units, covariates), optional
        Covariates that units' trends may depend on, with mean zero.
    importance : ndarray, shape (units, periods), optional
        Weight of each wanted cell in the average; all alike by default.
    """

    outcome: Floats
    untreated: Flags
    wanted: Flags
    covariates: Floats | None = None
    importance: Floats | None = None

    @cached_property
    def _known(self) -> Floats:
        return (self.untreated & np.isfinite(self.outcome)).astype(float)

    @cached_property
    def _seen(self) -> Floats:
        """Return the number of units known untreated, by period."""
        seen: Floats = self._known.sum(axis=0)
        return seen

    @cached_property
    def usable(self) -> Flags:
        """Wanted cells with a unit and period also seen untreated."""
        units = self._known.sum(axis=1) > 0
        seen = units[:, None] & (self._seen > 0) & np.isfinite(self.outcome)
        found: Flags = self.wanted & seen
        return found

    @cached_property
    def _loadings(self) -> Floats:
        """Multipliers of each unit's period effects: 1, and covariates."""
        ones: Floats = np.ones((len(self.outcome), 1))
        if self.covariates is None:
            return ones
        joined: Floats = np.hstack([ones, self.covariates])
        return joined

    def _squares(self, units: NDArray[np.int64] | slice) -> Floats:
        """Return each unit's part of the normal equations of the periods' effects."""
        known = self._known[units]
        count = np.maximum(known.sum(axis=1), 1.0)
        parts = -known / count[:, None]
        squares: Floats = parts[:, :, None] * known[:, None, :]
        diagonal = np.arange(known.shape[1])
        squares[:, diagonal, diagonal] += known
        return squares

    def _matrix(self, units: NDArray[np.int64] | slice) -> Floats:
        loadings, periods = self._loadings[units], self.outcome.shape[1]
        squares = self._squares(units)
        if loadings.shape[1] == 1:
            plain: Floats = squares.sum(axis=0)
            return plain
        summed: Floats = np.einsum(
            "ua,ub,ust->asbt", loadings, loadings, squares, optimize=True
        )
        size = loadings.shape[1] * periods
        return summed.reshape(size, size)

    @cached_property
    def matrix(self) -> Floats:
        """The normal equations of the periods' effects."""
        return self._matrix(slice(None))

    @cached_property
    def inverse(self) -> Floats:
        """Inverse that solves for the period effects."""
        return _inverse(self.matrix)

    def inverses(self, groups: Sequence[NDArray[np.int64]] | None) -> Floats:
        """Return inverses without each group, shape (models, size, size).

        A single inverse with all units where there are no groups.
        """
        if groups is None:
            return self.inverse[None]
        return _inverse(np.array([self.matrix - self._matrix(own) for own in groups]))

    def residuals(self, outcome: Floats, inverse: Floats) -> Floats:
        """Return cells' excess over the model fitted on untreated cells.

        Parameters
        ----------
        outcome : ndarray, shape (units, periods)
            The modelled variable: the outcome, or anything else of the same cells.
        inverse : ndarray
            Of the normal equations.
        """
        residuals: Floats = self.residuals_without(outcome, inverse[None], None)[0]
        return residuals

    def residuals_without(
        self,
        outcome: Floats,
        inverses: Floats,
        groups: Sequence[NDArray[np.int64]] | None,
    ) -> Floats:
        """Return residuals of models without each of some groups.

        Parameters
        ----------
        outcome : ndarray, shape (units, periods)
            As for :meth:`residuals`.
        inverses : ndarray, shape (models, size, size)
            Of the normal equations, without each group.
        groups : sequence of ndarray of int, optional
            Units that a model is not fitted on; by default a single model with all of
            them.

        Returns
        -------
        ndarray, shape (models, units, periods)
        """
        known, loadings = self._known, self._loadings
        count = np.maximum(known.sum(axis=1), 1.0)
        y = np.where(known > 0, outcome, 0.0)
        centred = known * (y - (y.sum(axis=1) / count)[:, None])
        whole = loadings.T @ centred
        right = whole[None]
        if groups is not None:
            right = np.array([whole - loadings[own].T @ centred[own] for own in groups])
        flat = right.reshape(len(right), -1, 1)
        periods = loadings @ (inverses @ flat).reshape(right.shape)
        left = np.where(known > 0, outcome - periods, 0.0).sum(axis=2)
        residuals: Floats = outcome - (left / count)[:, :, None] - periods
        return residuals

    @cached_property
    def _own_effects(self) -> Floats:
        return self.residuals(self.outcome, self.inverse)

    @cached_property
    def effects(self) -> Floats:
        """The effect of each usable cell; NaN elsewhere."""
        return np.where(self.usable, self._own_effects, np.nan)

    @property
    def untreated_outcome(self) -> Floats:
        """Return each unit's untreated outcome; NaN if never seen untreated."""
        seen = (self._known.sum(axis=1) > 0)[:, None] & (self._seen > 0)
        expected: Floats = np.where(seen, self.outcome - self._own_effects, np.nan)
        return expected

    @property
    def cells(self) -> int:
        """Return the number of treated cells."""
        return int(self.usable.sum())

    @cached_property
    def weights(self) -> Floats:
        """Return usable cells' weights in the average; they sum to 1."""
        return self._weights_of(self.usable)

    def _weights_of(self, cells: Flags) -> Floats:
        counts = 1.0 if self.importance is None else self.importance
        raw = np.where(cells, counts, 0.0)
        weights: Floats = raw / raw.sum()
        return weights

    @property
    def path(self) -> Floats:
        """Effects summed over units by period, by weight.

        Its sum is the average effect on the treated.
        """
        return self.path_of(self._own_effects)

    def path_of(self, effects: Floats) -> Floats:
        """Return the weighted sums by period of any residuals of the usable cells."""
        return self.counted.path(effects)

    @property
    def counted(self) -> Counted:
        """Return the cells and weights that count in the average."""
        return Counted(self.usable, self.weights)

    @property
    def average(self) -> float:
        """The average effect on the treated."""
        return float(self.path.sum())

    def counting(self) -> list[NDArray[np.int64]]:
        """Return the units that count, each as a separate group to leave out."""
        return list(np.flatnonzero(self._known.sum(axis=1) > 0)[:, None])

    def jackknifed(self) -> Floats:
        """Return the path without each unit that counts, shape (units, periods).

        A unit that takes the last other treated cell, or the last untreated cell of a
        period, with it cannot be left out: then there is no such error.
        """
        groups = self.counting()
        paths = []
        for group in groups:
            counted, inverses = self.counted_without(group), self.inverses([group])
            if counted is None:
                return np.full((len(groups), self.outcome.shape[1]), np.nan)
            effects = self.residuals_without(self.outcome, inverses, [group])[0]
            paths.append(counted.path(effects))
        return np.array(paths)

    def counted_without(self, group: NDArray[np.int64]) -> Counted | None:
        """Return the counted part without some units; ``None`` if empty."""
        others = self._seen - self._known[group].sum(axis=0)
        cells: Flags = self.usable & (others > 0)
        cells[group] = False
        return Counted(cells, self._weights_of(cells)) if cells.any() else None

    @property
    def without_effects(self) -> Imputation:
        """The same as if no cell had an effect, so that all that count are fitted."""
        return replace(self, untreated=self.untreated | self.usable)

    def without(self, left_out: Flags) -> Imputation:
        """Return the same without some units."""
        keep = ~left_out
        return replace(
            self,
            outcome=self.outcome[keep],
            untreated=self.untreated[keep],
            wanted=self.wanted[keep],
            covariates=None if self.covariates is None else self.covariates[keep],
            importance=None if self.importance is None else self.importance[keep],
        )


def averages_of(imputations: Iterable[Imputation]) -> list[float]:
    """Return the average effects of imputations that have cells, all at once.

    Parameters
    ----------
    imputations : iterable of Imputation
        The numbers of units and periods are the same in all of them.
    """
    asked = [own for own in imputations if own.cells]
    if not asked:
        return []
    inverses = _inverse(np.array([own.matrix for own in asked]))
    return [
        float(own.path_of(own.residuals(own.outcome, inverse)).sum())
        for own, inverse in zip(asked, inverses, strict=True)
    ]


def some_at_once(
    models: Sequence[NDArray[np.int64]], cells: int
) -> Iterator[Sequence[NDArray[np.int64]]]:
    """Yield differences between models, in parts that fit the CPU cache."""
    size = max(1, _CELLS_AT_ONCE // cells)
    for start in range(0, len(models), size):
        yield models[start : start + size]


def _inverse(matrices: Floats) -> Floats:
    return np.asarray(np.linalg.pinv(matrices, hermitian=True), dtype=np.float64)


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
    outcome: Floats,
    first: NDArray[np.int64],
    *,
    anticipation: int = 0,
    covariates: Floats | None = None,
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
    covariates : ndarray, shape (units, covariates), optional
        Covariates that units' trends may depend on, with mean zero.
    """
    periods = np.arange(outcome.shape[1])
    return Imputation(
        outcome,
        periods < (first - anticipation)[:, None],
        periods >= first[:, None],
        covariates,
    )


def lead_of(
    outcome: Floats,
    first: NDArray[np.int64],
    periods_early: int,
    *,
    covariates: Floats | None = None,
) -> Imputation:
    """Return the imputation of a roll-out that begins some periods too early.

    Really treated cells are left out, so any effect found was there before.
    """
    periods = np.arange(outcome.shape[1])
    before = periods < first[:, None]
    started = periods >= (first - periods_early)[:, None]
    treated = (first < outcome.shape[1])[:, None]
    return Imputation(
        outcome,
        before & ~(started & treated),
        before & started & treated,
        covariates,
    )
