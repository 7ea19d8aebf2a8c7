"""Cost taken out of a counted process: minutes that documents no longer take.

Estimand
    The change of handling minutes from the launch to the end of the window, at the
    actual volume and mix of that time. The saving is its negative. Part of it is no
    longer paid for, as the plan declares; the rest is released capacity, and no money.
Method
    Minutes are volume × mix × minutes per document, exactly. Only the last carries an
    effect: the series of minutes per document, at the mix after the launch, goes
    through the design that the facts give (a synthetic control where others were not
    automated, else a series before and after), and its draws are multiplied by each
    day's volume. Volume, mix and the rest of the change are shared out exactly.
Assumptions
    Those of the design that is used. Documents are counted the same way before and
    after; work was not moved to where it is not counted; volume is not an effect.
Refuses
    Days after the launch without a count; more automated documents than documents;
    starts on several dates; minutes that never varied, which nobody measured; and
    anything that the design refuses.
Sources
    Albrecht, François and Schoors 2002 (Energy Policy 30) for the exact parts; Ang 2015
    (Energy Policy 86) on level decompositions; the design's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

import numpy as np

from attribution.causal.checks.second_opinion import second_opinion
from attribution.causal.contributions import Contributions, Factor
from attribution.causal.design_choice import choose_design
from attribution.causal.effect import Effect
from attribution.causal.estimators.shapley import shapley_parts
from attribution.causal.panel import GAP_RATIO_ALLOWED
from attribution.causal.plan_parts import Process
from attribution.causal.refusal import RefusalError
from attribution.causal.result import Estimate, history_of

if TYPE_CHECKING:
    import pandas as pd

    from attribution.arrays import Flags, Floats
    from attribution.causal.estimators.estimator import Estimator
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

#: Designs that minutes per document can go through.
RATE_DESIGNS = frozenset({"synthetic_control", "counterfactual_series"})
_MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of the treated units.

    Attributes
    ----------
    volume, automated, minutes : ndarray, shape (units, periods)
        Documents, those that nobody handled, and minutes; NaN where unknown.
    launch : int
        Position of the launch.
    """

    volume: Floats
    automated: Floats
    minutes: Floats
    launch: int

    @property
    def rates(self) -> Floats:
        """Minutes per document; NaN where there was none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(
                self.volume > 0, self.minutes / self.volume, np.nan
            )
        return found

    @property
    def volume_after(self) -> Floats:
        """Documents of all units by period from the launch on."""
        total: Floats = self.volume[:, self.launch :].sum(axis=0)
        return total

    @property
    def mix(self) -> Floats:
        """Each unit's part of the documents from the launch on."""
        own: Floats = self.volume[:, self.launch :].sum(axis=1)
        parts: Floats = own / own.sum()
        return parts

    def daily(self, *, after: bool) -> tuple[float, Floats, Floats]:
        """Return documents per period, the mix, and minutes per document of each unit.

        Their product is the mean of minutes per period, of periods that are known.
        """
        side = slice(self.launch, None) if after else slice(None, self.launch)
        volume, minutes = self.volume[:, side], self.minutes[:, side]
        known = np.isfinite(volume + minutes).all(axis=0)
        documents, minutes = volume[:, known].sum(axis=1), minutes[:, known].sum(axis=1)
        rates = np.divide(
            minutes, documents, out=np.full(len(minutes), np.nan), where=documents > 0
        )
        total = float(documents.sum())
        return total / float(known.sum()), documents / total, rates


def validate(panel: Panel, plan: Plan) -> None:
    """Refuse an uncounted process, then apply the design's refusals."""
    if plan.process is None:
        raise RefusalError(
            "plan_not_supported",
            "Savings are those of a counted process: declare `process`.",
            process=None,
        )
    if not panel.treated.any():
        raise RefusalError(
            "units_not_in_panel",
            f"The plan names no unit with the feature, and the data has"
            f" {len(panel.units)}.",
            unit_count=len(panel.units),
        )
    _refuse_uncounted(counts_of(panel, plan.process), panel)
    inner, rate_plan, _ = rate_study(panel, plan)
    _design(rate_plan).validate(inner, rate_plan)


def _refuse_uncounted(counts: Counts, panel: Panel) -> None:
    lacking = ~np.isfinite(counts.volume)
    lacking |= (counts.volume > 0) & ~np.isfinite(counts.minutes)
    unknown: Flags = np.logical_or.reduce(lacking, axis=0)
    before = float(unknown[: counts.launch].mean())
    if unknown[counts.launch :].any() or before > GAP_RATIO_ALLOWED:
        where = ", ".join(f"{day:%Y-%m-%d}" for day in panel.dates[unknown][:3])
        raise RefusalError(
            "process_not_counted",
            f"{unknown.sum()} days have no count of documents or minutes ({where}); up"
            f" to {GAP_RATIO_ALLOWED:.0%} of the history may lack one, and no day from"
            " the launch on.",
            days_without_count=int(unknown.sum()),
        )
    beyond = counts.automated > counts.volume
    beyond |= (counts.volume < 0) | (counts.minutes < 0)
    wrong: Flags = np.logical_or.reduce(beyond, axis=0)
    if wrong.any() or not counts.volume_after.sum():
        bad = [f"{day:%Y-%m-%d}" for day in panel.dates[wrong][:3]]
        raise RefusalError(
            "process_not_counted",
            "More documents were automated than there were, or a count is below zero,"
            f" on {', '.join(bad)}."
            if bad
            else "There is no document from the launch on.",
            days_with_wrong_counts=int(wrong.sum()),
        )


def counts_of(panel: Panel, process: Process) -> Counts:
    """Return the counts of the treated units."""
    volume, automated, minutes = (
        panel.column(name)[panel.treated]
        for name in (process.volume, process.automated_volume, process.handling_minutes)
    )
    # Without arrivals, nothing had to be handled.
    minutes = np.where((volume == 0) & np.isnan(minutes), 0.0, minutes)
    return Counts(volume, automated, minutes, panel.launch)


def rate_study(panel: Panel, plan: Plan) -> tuple[Panel, Plan, tuple[str, ...]]:
    """Return the study of minutes per document, and how its design was found.

    Treated units are weighted by the mix after the launch, so that a change of the mix
    is no effect.
    """
    process = plan.process or Process()
    volume = panel.column(process.volume)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(
            volume > 0, panel.column(process.handling_minutes) / volume, np.nan
        )
    counts = counts_of(panel, process)
    weights = counts.mix * len(counts.mix)
    rates[panel.treated] *= weights[:, None]
    # A day without documents saves nothing at any rate; it is no gap.
    after = np.arange(rates.shape[1]) >= panel.launch
    empty = (volume == 0) & after
    usual = np.nanmean(np.where(after, rates, np.nan), axis=1)[:, None]
    rates = np.where(empty, usual, rates)
    inner = replace(panel, outcome=rates)
    rate_plan = plan.model_copy(
        update={"process": None, "design": "auto", "other_launches": ()}
    )
    design, log = choose_design(inner, rate_plan)
    if design not in RATE_DESIGNS:
        raise RefusalError(
            "plan_not_supported",
            f"Minutes per document would go through {design}, whose effect has no day"
            " of its own for each unit: ask for units with one date of the launch.",
            design=design,
        )
    declared = {"design": design, "other_launches": plan.other_launches}
    return inner, rate_plan.model_copy(update=declared), log


def _design(plan: Plan) -> Estimator:
    module = import_module(f"attribution.causal.estimators.{plan.design}")
    return cast("Estimator", module)


def fit(panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
    """Return the estimate with its checks; see the module for the estimand."""
    process = plan.process or Process()
    counts = counts_of(panel, process)
    inner, rate_plan, log = rate_study(panel, plan)
    estimate = _design(rate_plan).fit(inner, rate_plan, rng)
    effect = minutes_of(estimate.effect, counts)
    low, high = effect.interval(0.9)
    by_count = _by_count(counts)
    return Estimate(
        design="automation_savings",
        estimand="The change of handling minutes from the launch to the end of the"
        " window, at the volume and mix of that time; what was saved is its negative.",
        dates=estimate.dates,
        observed=counts.minutes[:, counts.launch :].sum(axis=0),
        effect=effect,
        cells=float(counts.volume_after.sum()),
        per="document",
        best_grade=estimate.best_grade,
        checks=(
            *estimate.checks,
            second_opinion(
                "Automated documents times the minutes of one before",
                by_count,
                effect.point,
                (high - low) / 2.0,
            ),
        ),
        second_opinion={"automated documents × former minutes": by_count},
        diagnostics=dict(estimate.diagnostics)
        | _savings(effect, counts, process, plan),
        notes=(*estimate.notes, f"Minutes per document: {' '.join(log)}"),
        history=_history(estimate, counts),
        decomposition=contributions_of(effect, counts, plan.feature),
    )


def minutes_of(rate_effect: Effect, counts: Counts) -> Effect:
    """Return draws of the change in minutes from draws of that per document.

    The effect on the rate is summed over units, with weights that sum to their number.
    """
    each = counts.volume_after / len(counts.volume)
    paths = np.where(each > 0, rate_effect.paths * np.where(each > 0, each, 1.0), 0.0)
    return Effect.of(
        paths, weights=rate_effect.weights, point_path=rate_effect.point_path * each
    )


def _by_count(counts: Counts) -> float:
    """Return minus automated documents times prior minutes per document."""
    _, _, rates = counts.daily(after=False)
    more = counts.automated[:, counts.launch :].sum(axis=1) - _usually(counts)
    return -float(np.nansum(more * rates))


def _usually(counts: Counts) -> Floats:
    """Return documents that would have been automated anyway, as before the launch."""
    before = slice(None, counts.launch)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nansum(counts.automated[:, before], axis=1) / np.nansum(
            counts.volume[:, before], axis=1
        )
    usual: Floats = np.nan_to_num(share) * counts.volume[:, counts.launch :].sum(axis=1)
    return usual


def _savings(
    effect: Effect, counts: Counts, process: Process, plan: Plan
) -> dict[str, object]:
    low, high = effect.interval(plan.decision_rule.level)
    hours = -effect.point / _MINUTES_PER_HOUR
    documents = float(counts.volume_after.sum())
    automated = float(np.nansum(counts.automated[:, counts.launch :]))
    return {
        "minutes_saved": -effect.point,
        "minutes_saved_low": -high,
        "minutes_saved_high": -low,
        "cash_hours": process.cash_share * hours,
        "released_capacity_hours": (1.0 - process.cash_share) * hours,
        "automated_share": automated / documents,
        "documents": documents,
    }


def contributions_of(effect: Effect, counts: Counts, feature: str) -> Contributions:
    """Return contributions to minutes of volume, mix, feature and the rest."""
    sides = [counts.daily(after=False), counts.daily(after=True)]
    before, after = sides
    # Kinds that came on one side only have a single rate: all of it is mix.
    rates = [
        np.where(np.isnan(one[2]), other[2], one[2])
        for one, other in ((before, after), (after, before))
    ]

    def minutes(moved: tuple[int, ...]) -> float:
        volume, mix, rate = (int(factor in moved) for factor in range(3))
        return sides[volume][0] * float(sides[mix][1] @ np.nan_to_num(rates[rate]))

    volume, mix, rate = shapley_parts(3, minutes)
    # A test that cannot bound an effect has infinite draws, of which nothing is a part.
    bounded = np.isfinite(effect.draws)
    periods = counts.volume.shape[1] - counts.launch
    automated = effect.draws[bounded] / periods
    parts = np.column_stack(
        [
            np.full(len(automated), volume),
            np.full(len(automated), mix),
            automated,
            rate - automated,
        ]
    )
    factors = (
        Factor("volume", "driver"),
        Factor("mix", "driver"),
        Factor(feature, "driver"),
        Factor("minutes per document, for other reasons", "residual"),
    )
    weights = effect.weights[bounded] / effect.weights[bounded].sum()
    return Contributions.of(factors, parts, weights, "minutes")


def _history(estimate: Estimate, counts: Counts) -> pd.DataFrame | None:
    if estimate.history is None:
        return None
    documents = counts.volume[:, : counts.launch].sum(axis=0)
    expected = estimate.history["expected"].to_numpy() / len(counts.volume) * documents
    return history_of(
        estimate.history["date"],
        counts.minutes[:, : counts.launch].sum(axis=0),
        expected,
    )
