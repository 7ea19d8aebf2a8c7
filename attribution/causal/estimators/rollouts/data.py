"""Roll-out data: modelled outcomes, starts, covariates, regions.

Outcomes are logarithms where the plan is multiplicative. Covariates are the plan's
controls before the first start, standardised: variables that units' trends may depend
on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.rollouts.imputation import (
    averages_of,
    imputation_of,
    lead_of,
    some_at_once,
)
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from attribution.arrays import Floats, Whole
    from attribution.causal.estimators.rollouts.imputation import Imputation
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Regions with treated units, and with untreated units, that errors need.
CLUSTERS_NEEDED = 4


@dataclass(frozen=True, eq=False)
class RolloutData:
    """Arrays of a roll-out.

    Attributes
    ----------
    outcome : ndarray, shape (units, periods)
        As it is modelled; NaN where unknown.
    first : ndarray of int, shape (units,)
        First period with treatment; the number of periods for never.
    launch : int
        The first start of all.
    anticipation : int
        Periods before a start that are neither treated nor controls.
    covariates : ndarray, shape (units, covariates), or None
        Standardised; ``None`` where none are declared.
    cluster : ndarray of int, shape (units,)
        Units with the same number have shocks in common.
    is_ratio : bool
        True if outcomes are logarithms.
    """

    outcome: Floats
    first: Whole
    launch: int
    anticipation: int
    covariates: Floats | None
    cluster: Whole
    is_ratio: bool

    @cached_property
    def imputation(self) -> Imputation:
        """Effects of the treated cells.

        In logarithms cells count by their counterfactual without treatment, so that the
        average ratio is that of the totals.
        """
        found = imputation_of(
            self.outcome,
            self.first,
            anticipation=self.anticipation,
            covariates=self.covariates,
        )
        if not self.is_ratio or not found.cells:
            return found
        expected = np.where(found.usable, found.untreated_outcome, -np.inf)
        return replace(found, importance=np.exp(expected))

    def lead(self, periods_early: int) -> Imputation:
        """Return the effects of a roll-out that begins some periods too early."""
        return lead_of(
            self.outcome, self.first, periods_early, covariates=self.covariates
        )

    @property
    def groups(self) -> list[Whole]:
        """Units that are left out together."""
        return self.groups_of(self.imputation)

    def groups_of(self, found: Imputation) -> list[Whole]:
        """Return which units that count in an imputation are left out together."""
        counting = np.concatenate(found.counting())
        labels = self.cluster[counting]
        return [counting[labels == label] for label in np.unique(labels)]

    @cached_property
    def _handed_out(self) -> tuple[Whole, Whole | slice]:
        """Starts to hand out, to whole clusters if there are any, and who gets each."""
        labels, number = np.unique(self.cluster, return_inverse=True)
        starts = np.full(len(labels), self.outcome.shape[1])
        np.minimum.at(starts, number, self.first)
        if not (starts[number] == self.first).all():
            return self.first, slice(None)
        return starts, number

    def permuted_first(self, rng: np.random.Generator, times: int) -> Whole:
        """Return starts handed out at random, to whole clusters where there are any.

        Shape (times, units).
        """
        starts, number = self._handed_out
        rows = rng.permuted(np.tile(starts, (times, 1)), axis=1)
        first: Whole = rows[:, number]
        return first

    def permuted_averages(self, rng: np.random.Generator, times: int) -> list[float]:
        """Return average effects with starts at random, those that have cells."""
        starts = self.permuted_first(rng, times)
        averages: list[float] = []
        for some in some_at_once(list(starts), self.outcome.size):
            imputations = [
                imputation_of(
                    self.outcome,
                    first,
                    anticipation=self.anticipation,
                    covariates=self.covariates,
                )
                for first in some
            ]
            averages += averages_of(imputations)
        return averages


def rollout_data(panel: Panel, plan: Plan) -> RolloutData:
    """Return the arrays of a plan's roll-out.

    Raises
    ------
    RefusalError
        ``panel_has_gaps``: a declared control is not known before the first start;
        ``too_few_clusters``: shocks are in common among too few regions.
    """
    is_ratio = plan.scale == "multiplicative"
    return RolloutData(
        np.log(panel.outcome) if is_ratio else panel.outcome,
        panel.first,
        panel.launch,
        plan.anticipation,
        _covariates(panel, plan),
        _clusters(panel, plan),
        is_ratio,
    )


def _covariates(panel: Panel, plan: Plan) -> Floats | None:
    found = []
    for name in plan.controls:
        before = panel.column(name)[:, : panel.launch]
        if not np.isfinite(before).any(axis=1).all():
            raise RefusalError(
                "panel_has_gaps",
                f"The control {name!r} is unknown before the first start for"
                f" {int((~np.isfinite(before).any(axis=1)).sum())} units.",
                columns_with_gaps=[name],
            )
        mean = np.nanmean(before, axis=1)
        if mean.std() > 0:
            found.append((mean - mean.mean()) / mean.std())
    return np.column_stack(found) if found else None


def _clusters(panel: Panel, plan: Plan) -> Whole:
    if plan.cluster is None:
        return np.arange(len(panel.units))
    cluster: Whole = np.nanmax(panel.column(plan.cluster), axis=1).astype(np.int64)
    treated = len(np.unique(cluster[panel.treated]))
    compared = len(np.unique(cluster[panel.first > panel.first.min()]))
    if min(treated, compared) < CLUSTERS_NEEDED:
        raise RefusalError(
            "too_few_clusters",
            f"{treated} {plan.cluster}s have treated units and {compared} some that"
            f" were untreated when the first started; {CLUSTERS_NEEDED} of each are"
            " needed for an error.",
            treated=treated,
            compared=compared,
            needed=CLUSTERS_NEEDED,
        )
    return cluster
