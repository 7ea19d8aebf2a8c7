"""Drivers of a response: their requirements and separability.

Declared drivers as arrays, their tolerances, and the effect of those that are the
feature, from draws of the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from attribution.causal.checks.collinearity import NEEDED, tolerance
from attribution.causal.effect import Effect
from attribution.causal.estimators.one_series import cycle_of, treated_mean
from attribution.causal.estimators.response_model import carried_over
from attribution.causal.estimators.series_model import season_contrasts
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.estimators.response_model import ResponseFit
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan


@dataclass(frozen=True, eq=False)
class Response:
    """Input of the model: an outcome, its drivers, and the launch.

    Attributes
    ----------
    outcome : ndarray, shape (periods,)
        Total of the treated units.
    names, kinds : tuple of str
        Names of the drivers: those declared, then the controls.
    values : ndarray, shape (periods, drivers)
        Mean over the treated units.
    baselines : ndarray, shape (drivers,)
        Values without the feature.
    carry_over : tuple of tuple of float
        Share of each driver that may last into the next period.
    launch, cycle : int
        Position of the launch, and periods of a season.
    """

    outcome: Floats
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: Floats
    baselines: Floats
    carry_over: tuple[tuple[float, ...], ...]
    launch: int
    cycle: int

    @property
    def feature(self) -> NDArray[np.intp]:
        """Positions of the drivers that are the feature."""
        return np.flatnonzero([kind == "ai" for kind in self.kinds])

    @property
    def variants(self) -> list[Floats]:
        """The drivers in each way in which they may carry over."""
        return [
            np.column_stack(
                [
                    carried_over(column, part)
                    for column, part in zip(self.values.T, parts, strict=True)
                ]
            )
            for parts in product(*self.carry_over)
        ]

    def tolerances(self, *, with_drift: bool) -> Floats:
        """Return 1 / VIF of each driver among the others and the season."""
        periods = len(self.values)
        beside = [season_contrasts(periods, self.cycle)]
        if with_drift:
            beside.append(np.arange(periods, dtype=float)[:, None])
        return np.array(
            [
                tolerance(
                    self.values[:, j],
                    np.column_stack([np.delete(self.values, j, axis=1), *beside]),
                )
                for j in range(len(self.names))
            ]
        )


class Claimed(NamedTuple):
    """Drivers that sum to the estimate, and those known only in sum."""

    columns: NDArray[np.intp]
    collinear: NDArray[np.intp]


def response_of(panel: Panel, plan: Plan) -> Response:
    """Return a panel's single series with its drivers and controls."""
    outcome = panel.outcome[panel.treated].sum(axis=0)
    columns = [driver.column for driver in plan.drivers] + sorted(plan.controls)
    values = np.column_stack([treated_mean(panel, name) for name in columns])
    declared = [driver.baseline for driver in plan.drivers]
    declared += [None] * len(plan.controls)
    usual = values[: panel.launch].mean(axis=0)
    plain = len(plan.controls)
    return Response(
        outcome,
        (*(driver.name for driver in plan.drivers), *sorted(plan.controls)),
        (*(driver.kind for driver in plan.drivers), *(["other"] * plain)),
        values,
        np.array(
            [
                mean if level is None else level
                for level, mean in zip(declared, usual, strict=True)
            ]
        ),
        (*(driver.carry_over for driver in plan.drivers), *([(0.0,)] * plain)),
        panel.launch,
        cycle_of(panel, plan),
    )


def claimed_drivers(response: Response, plan: Plan) -> Claimed:
    """Return the feature, with drivers inseparable from it if requested.

    Raises
    ------
    RefusalError
        ``drivers_collinear`` where the feature alone is asked for and only the sum with
        others is known.
    """
    tolerances = response.tolerances(with_drift=False)
    collinear = np.flatnonzero(tolerances < NEEDED)
    feature = response.feature
    others = np.setdiff1d(collinear, feature)
    if not np.isin(feature, collinear).any() or not len(others):
        return Claimed(feature, collinear)
    if plan.claim == "feature":
        names = ", ".join(response.names[j] for j in collinear)
        raise RefusalError(
            "drivers_collinear",
            f"{names} moved together: 1 / VIF is {tolerances.min():.3f}, and"
            f" {NEEDED:g} is needed to tell them apart.",
            tolerances={response.names[j]: float(tolerances[j]) for j in collinear},
            needed=NEEDED,
        )
    return Claimed(np.union1d(feature, collinear), collinear)


def effect_loadings(
    response: Response, fitted: ResponseFit, columns: NDArray[np.intp]
) -> list[Floats]:
    """Return the gain of the total per unit of each coefficient, by model."""
    loadings = []
    for member in fitted.members:
        loading = np.zeros(len(member.scales))
        beyond = member.regressors[response.launch :, columns]
        loading[columns] = (beyond - response.baselines[columns]).sum(axis=0)
        loadings.append(loading)
    return loadings


def effect_of(
    response: Response,
    fitted: ResponseFit,
    columns: NDArray[np.intp],
    coefficients: Floats,
    model: NDArray[np.intp],
) -> Effect:
    """Return draws of the effect path from draws of the coefficients."""
    after = len(response.outcome) - response.launch
    paths = np.empty((len(coefficients), after))
    for number, one in enumerate(fitted.members):
        beyond = one.regressors[response.launch :, columns]
        own = model == number
        steps = beyond - response.baselines[columns]
        paths[own] = coefficients[own][:, columns] @ steps.T
    return Effect.of(paths)
