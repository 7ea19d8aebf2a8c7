"""Arms of an experiment: individual users, or randomised groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.estimators.ratio_of_sums import Sums
from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.plan_parts import Assignment


#: Periods that a line through them needs.
_PERIODS_OF_A_SLOPE = 3


@dataclass(frozen=True, eq=False)
class Arms:
    """Randomised units (or clusters) with complete outcomes.

    Attributes
    ----------
    treated : ndarray of bool, shape (units,)
        Assignment.
    outcome : ndarray, shape (units, periods)
        From the launch on.
    before : ndarray, shape (units,)
        Mean outcome before the launch, or the declared covariate; the same for all
        where there was no before.
    """

    treated: Flags
    outcome: Floats
    before: Floats


def arms_of(panel: Panel, assigned: Assignment) -> tuple[Arms, Flags]:
    """Return the units with all their outcomes, and which of the panel's those are."""
    outcome = panel.outcome[:, panel.launch :]
    if assigned.covariate:
        before = panel.column(assigned.covariate)[:, : panel.launch]
    else:
        before = panel.outcome[:, : panel.launch]
    known = np.asarray(np.isfinite(before).any(axis=1))
    means = np.zeros(len(before))
    means[known] = np.nanmean(before[known], axis=1)
    if not known.any():  # an experiment needs no history, and some have none
        known = np.ones(len(before), dtype=bool)
    complete: Flags = np.isfinite(outcome.sum(axis=1)) & known
    treated = treated_of(panel, assigned)
    return Arms(treated[complete], outcome[complete], means[complete]), complete


def treated_of(panel: Panel, assigned: Assignment) -> Flags:
    """Return which units were assigned the feature."""
    treated: Flags = np.nanmax(panel.column(assigned.column), axis=1) == 1.0
    return treated


def clusters_of(panel: Panel, assigned: Assignment) -> Floats:
    """Return the number of each unit's cluster."""
    names: Floats = np.nanmax(panel.column(str(assigned.cluster)), axis=1)
    return names


def slopes_of(panel: Panel, assigned: Assignment, complete: Flags) -> Floats | None:
    """Return the slope before the launch of each randomised group, per period.

    ``None`` where fewer than three periods are known. A cluster's is the mean of its
    units'.
    """
    if panel.before < _PERIODS_OF_A_SLOPE:
        return None
    outcome = panel.outcome[complete, : panel.launch]
    known = np.isfinite(outcome)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    day = np.where(known, np.arange(panel.launch, dtype=float), 0.0)
    day = np.where(known, day - day.sum(axis=1, keepdims=True) / count, 0.0)
    spread = (day**2).sum(axis=1)
    slopes = np.where(
        spread > 0,
        (day * np.where(known, outcome, 0.0)).sum(axis=1) / np.maximum(spread, 1e-300),
        np.nan,
    )
    if not assigned.cluster:
        return slopes
    names = clusters_of(panel, assigned)[complete]
    known = np.isfinite(slopes)
    groups = [slopes[known & (names == name)] for name in np.unique(names)]
    return np.array([own.mean() if len(own) else np.nan for own in groups])


def sums_of(panel: Panel, plan: Plan, arms: Arms, complete: Flags) -> Sums | None:
    """Return sums of randomised groups; ``None`` if users count singly.

    Raises
    ------
    RefusalError
        ``panel_has_gaps`` or ``outcome_negative``: a denominator is unknown or below
        zero.
    """
    assigned = plan.assignment
    if assigned is None or not (assigned.cluster or plan.denominator):
        return None
    if plan.denominator:
        sums = _ratio_sums(panel, plan.denominator, arms, complete)
    else:
        sums = sums_of_units(arms)
    if not assigned.cluster:
        return sums
    names = clusters_of(panel, assigned)[complete]
    return _by_cluster(sums, names, counts_once=assigned.counts_clusters_once)


def sums_of_units(arms: Arms) -> Sums:
    """Return the outcomes of units that count individually."""
    once = np.ones_like(arms.outcome)
    return Sums(arms.treated, arms.outcome, once, arms.before)


def _ratio_sums(panel: Panel, name: str, arms: Arms, complete: Flags) -> Sums:
    below = panel.column(name)[complete]
    after, earlier = below[:, panel.launch :], below[:, : panel.launch]
    if not np.isfinite(after).all():
        raise RefusalError(
            "panel_has_gaps",
            f"{int((~np.isfinite(after)).sum())} values of {name!r} are unknown.",
            columns_with_gaps=[name],
        )
    if (after < 0).any():
        raise RefusalError(
            "outcome_negative",
            f"{int((after < 0).sum())} values of {name!r} are below zero; nothing can"
            " be a ratio to them.",
            negative_rows=int((after < 0).sum()),
        )
    above = panel.outcome[complete, : panel.launch]
    both = np.isfinite(above) & np.isfinite(earlier)
    sums = [np.where(both, x, 0.0).sum(axis=1) for x in (above, earlier)]
    before = np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1e-300), np.nan)
    return Sums(arms.treated, arms.outcome, after, before)


def _by_cluster(sums: Sums, names: Floats, *, counts_once: bool) -> Sums:
    """Return sums of clusters, or means where each cluster counts once."""
    groups = [names == name for name in np.unique(names)]
    above = np.stack([sums.numerator[group].sum(axis=0) for group in groups])
    below = np.stack([sums.denominator[group].sum(axis=0) for group in groups])
    if counts_once:
        above, below = above / np.maximum(below, 1e-300), np.ones_like(below)
    before = [sums.before[group][np.isfinite(sums.before[group])] for group in groups]
    return Sums(
        np.array([sums.treated[group].any() for group in groups]),
        above,
        below,
        np.array([own.mean() if len(own) else np.nan for own in before]),
    )
