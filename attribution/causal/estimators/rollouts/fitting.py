"""Fits effects beside drifts of adopters, with and without each group of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.rollouts.drift import DriftingPath
from attribution.causal.estimators.rollouts.imputation import some_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats, Whole
    from attribution.causal.estimators.rollouts.data import RolloutData
    from attribution.causal.estimators.rollouts.imputation import Counted, Imputation

#: A bias below this is none: cohorts without cells.
_LEAST = 1e-9


def drifting_path(
    data: RolloutData, imputation: Imputation | None = None
) -> DriftingPath | None:
    """Return the average effect by period with the drift before, and their errors.

    Adopters drift from units that never adopt; where all do, those that start in the
    first half do from the others. Each cohort may drift by itself: the mean of their
    drifts counts, weighted by each cohort's addition to the total. ``None`` where a
    group that is left out leaves nobody to compare with.

    Parameters
    ----------
    data : RolloutData
        Data of the estimate.
    imputation : Imputation, optional
        Of the treated cells, or of a lead.
    """
    imputation = data.imputation if imputation is None else imputation
    directions = drifts_by_cohort(data)
    (whole,) = _DriftModels(imputation, directions).fitted(data.outcome)
    if whole is None:
        return None
    rest = []
    for groups in some_at_once(data.groups_of(imputation), data.outcome.size):
        for own in _DriftModels(imputation, directions, groups).fitted(data.outcome):
            if own is None:
                return None
            rest.append(own)
    return DriftingPath(
        whole.path,
        whole.bias,
        whole.drift,
        np.array([np.append(own.path, own.drift) for own in rest]),
        np.array([own.bias.sum() for own in rest]),
        whole.common_drift,
        np.array([own.common_drift for own in rest]),
    )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Path, the addition to it of a drift of 1 a period, and the drifts."""

    path: Floats
    bias: Floats
    drift: float
    common_drift: float


class _DriftModels:
    """Units, periods and drifts of cohorts, fitted on untreated cells.

    Parameters
    ----------
    imputation : Imputation
        Definition of the untreated cells and of the cells with requested effects.
    directions : list of ndarray, shape (units, periods)
        A drift of 1 a period of each cohort.
    groups : sequence of ndarray of int, optional
        Units that a model is fitted without; by default a single model with all of
        them.
    """

    def __init__(
        self,
        imputation: Imputation,
        directions: list[Floats],
        groups: Sequence[Whole] | None = None,
    ) -> None:
        self._imputation, self._groups = imputation, groups
        self._inverses = imputation.inverses(groups)
        known = imputation.untreated & np.isfinite(imputation.outcome)
        self._cells = np.repeat(known[None], len(self._inverses), axis=0)
        for number, group in enumerate(groups or ()):
            self._cells[number, group] = False
        self._counted: Sequence[Counted | None] = (
            [imputation.counted]
            if groups is None
            else [imputation.counted_without(group) for group in groups]
        )
        drifts = [self._residuals(direction) for direction in directions]
        apart = [
            np.array([own[at][cells] for own in drifts])
            for at, cells in enumerate(self._cells)
        ]
        self._biases = [
            None if counted is None else [counted.path(own[at]) for own in drifts]
            for at, counted in enumerate(self._counted)
        ]
        self._apart = _Slopes(apart)
        self._together = _Slopes([np.sum(own, axis=0)[None] for own in apart])

    def fitted(self, outcome: Floats) -> list[_Fitted | None]:
        """Return path and drifts of an outcome; ``None`` where no path is left."""
        effects = self._residuals(outcome)
        return [self._fitted(at, effects[at]) for at in range(len(effects))]

    def _fitted(self, at: int, effects: Floats) -> _Fitted | None:
        counted, biases = self._counted[at], self._biases[at]
        if counted is None or biases is None:
            return None
        weights = np.array([bias.sum() for bias in biases])
        total = float(weights.sum())
        left, periods = effects[self._cells[at]], effects.shape[1]
        slopes = self._apart.of(at, left, periods)
        drift = float(weights @ slopes) / total if abs(total) > _LEAST else 0.0
        return _Fitted(
            counted.path(effects),
            np.sum(biases, axis=0),
            drift,
            float(self._together.of(at, left, periods)[0]),
        )

    def _residuals(self, outcome: Floats) -> Floats:
        return self._imputation.residuals_without(outcome, self._inverses, self._groups)


class _Slopes:
    """Regressions on drifts, all of residuals of untreated cells.

    Parameters
    ----------
    designs : list of ndarray, shape (drifts, cells)
        Of each regression.
    """

    def __init__(self, designs: list[Floats]) -> None:
        self._designs = designs
        squares = np.array([own @ own.T for own in designs])
        self._squares = np.linalg.pinv(squares, rtol=1e-10, hermitian=True)

    def of(self, at: int, left: Floats, periods: int) -> Floats:
        """Return the slopes of an outcome's residuals."""
        design = self._designs[at]
        # The part that the model explains is no drift: a cohort without others to
        # compare with.
        least = 1e-12 * periods**2 * design.shape[1]
        slopes: Floats = self._squares[at] @ (design @ left)
        return np.where((design**2).sum(axis=1) > least, slopes, 0.0)


def effects_shown_by(
    data: RolloutData,
    path: DriftingPath,
    outcomes: Sequence[Floats],
    without: Whole | None = None,
) -> Floats:
    """Return the average effects found with a different outcome.

    Parameters
    ----------
    data : RolloutData
        The roll-out.
    path : DriftingPath
        Its effect: as much of a drift is taken off as of this.
    outcomes : sequence of ndarray, shape (units, periods)
        Other outcomes of the same cells.
    without : ndarray of int, optional
        Units that are left out.

    Returns
    -------
    ndarray, shape (outcomes,)
        Zero where nobody is left to compare with.
    """
    groups = None if without is None else [without]
    model = _DriftModels(data.imputation, drifts_by_cohort(data), groups)
    fits = [fit for outcome in outcomes for fit in model.fitted(outcome)]
    return np.array(
        [
            0.0
            if fit is None
            else path.left_of(float(fit.path.sum()), fit.drift, fit.common_drift)
            for fit in fits
        ]
    )


def about_drifts(data: RolloutData, outcome: Floats) -> Floats:
    """Return an outcome's residuals from units, periods and cohort drifts.

    Parameters
    ----------
    data : RolloutData
        The roll-out with the untreated cells examined.
    outcome : ndarray, shape (units, periods)
        Its outcome, or another of the same cells.

    Returns
    -------
    ndarray, shape (units, periods)
        Zero where a cell is treated or unknown.
    """
    return _about_drifts(data.imputation, outcome, drifts_by_cohort(data))


def all_about_drifts(data: RolloutData) -> Floats:
    """Return the same of all cells that count, as if no cell had an effect.

    Parameters
    ----------
    data : RolloutData
        The roll-out with all of its cells examined.

    Returns
    -------
    ndarray, shape (units, periods)
        Zero where a cell is unknown, or neither treated nor compared.
    """
    found = data.imputation.without_effects
    return _about_drifts(found, data.outcome, drifts_by_cohort(data))


def _about_drifts(
    imputation: Imputation, outcome: Floats, directions: list[Floats]
) -> Floats:
    left = about_units_and_periods(imputation, [outcome, *directions])
    return unexplained(left[:, 0], left[:, 1:]).reshape(outcome.shape)


def about_units_and_periods(
    imputation: Imputation, columns: Sequence[Floats]
) -> Floats:
    """Return residuals of (cells, columns) from units and periods.

    Zero where a cell is treated or unknown.
    """
    inverse = imputation.inverse
    cells = imputation.untreated & np.isfinite(imputation.outcome)
    left = [
        np.where(cells, imputation.residuals(column, inverse), 0.0)
        for column in columns
    ]
    return np.column_stack([one.ravel() for one in left])


def unexplained(left: Floats, design: Floats) -> Floats:
    """Return the residuals of a regression on a design."""
    rest: Floats = left - design @ np.linalg.lstsq(design, left, rcond=1e-10)[0]
    return rest


def drifts_by_cohort(data: RolloutData) -> list[Floats]:
    """Return for each cohort of adopters periods from the first start, else zero."""
    first, count = data.first, data.outcome.shape[1]
    adopts = first < count
    if adopts.all():
        adopts = first <= np.median(first)
    periods = np.arange(count) - float(data.launch)
    return [
        (adopts & (first == start))[:, None] * periods
        for start in np.unique(first[adopts])
    ]


def drift_of_one(data: RolloutData) -> Floats:
    """Return a unit drift per period of all adopter cohorts."""
    drift: Floats = np.sum(drifts_by_cohort(data), axis=0)
    return drift
