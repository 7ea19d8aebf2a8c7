"""An estimate: the effect's draws with everything that is needed to read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attribution.causal.summary import (
    conf_int,
    effects_of,
    std_error,
    summary_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import altair as alt

    from attribution.arrays import Floats
    from attribution.causal.checks.check import Check
    from attribution.causal.contributions import Contributions
    from attribution.causal.effect import Effect
    from attribution.causal.grade import Grade
    from attribution.causal.summary import Summary

#: A relative effect is not shown where the counterfactual is this many of its
#: standard deviations from zero, or nearer.
RELATIVE_SUPPRESSION_SD = 1.5

_CAUSAL_GRADES = ("A", "B")


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimate:
    """Effect of a feature, from an estimator that was not refused.

    Attributes
    ----------
    design : str
        The estimator.
    estimand : str
        Estimand, in words.
    dates : DatetimeIndex, length periods
        The periods from the launch on.
    observed : ndarray, shape (periods,)
        The outcome of the treated units, in total.
    effect : Effect
        Total effect on the treated units by period, in the unit of the outcome.
    cells : float
        Treated units times periods: the total divided by it is the average effect.
    per : str
        Description of a cell, in words, where it is something else.
    best_grade : str
        The best grade that the design can have.
    checks : tuple of Check
        In the order in which they were run.
    second_opinion : mapping of str to float
        Totals of other methods for the same estimand.
    diagnostics : mapping
        Figures of the fit, by name.
    history : DataFrame or None
        Periods before the launch: ``date``, ``observed`` and ``expected``, the model's
        expectation of them, NaN where it has none. Of the units that are summed on the
        day of the launch. ``None`` where a design has no such thing.
    decomposition : Contributions or None
        Contribution of each factor, where the design decomposes a change.
    progress : float
        Part of the registered periods after the launch that was seen. Below 1 the
        draws are those of a confidence sequence.
    """

    design: str
    estimand: str
    dates: pd.DatetimeIndex
    observed: Floats
    effect: Effect
    cells: float
    best_grade: str
    per: str = "treated unit and period"
    checks: tuple[Check, ...] = ()
    second_opinion: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    history: pd.DataFrame | None = None
    decomposition: Contributions | None = None
    # Fields that the study adds to a fit.
    study_id: str = ""
    outcome: str = ""
    unit: str = ""
    level: float = 0.9
    minimum_effect: float | None = None
    plan_hash: str = ""
    data_hash: str = ""
    seed: int = 0
    is_exploratory: bool = True
    grading: Grade | None = None
    design_log: tuple[str, ...] = ()
    break_even: float | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    progress: float = 1.0

    @property
    def average(self) -> Effect:
        """Return the effect per treated unit and period, or per other cell."""
        return self.effect.scaled(1.0 / self.cells)

    @property
    def grade(self) -> str:
        """The grade, A to D, by rule from the checks."""
        return self.grading.letter if self.grading else self.best_grade

    @property
    def contributions(self) -> pd.DataFrame | None:
        """Return contributions with intervals by factor; ``None`` if unasked."""
        return None if self.decomposition is None else self.decomposition.table

    @property
    def counterfactual_total(self) -> Floats:
        """Return draws of the treated units' total without the feature."""
        return float(self.observed.sum()) - self.effect.draws

    @property
    def relative(self) -> tuple[float, float, float] | None:
        """The effect as a part of the counterfactual: point, low, high at the level.

        ``None`` where the counterfactual is too near zero for a ratio to mean anything.
        """
        without = self.counterfactual_total
        if not np.isfinite(without).all():
            return self._relative_of_unbounded()
        mean = float(self.effect.weights @ without)
        sd = float(np.sqrt(self.effect.weights @ (without - mean) ** 2))
        if abs(mean) <= RELATIVE_SUPPRESSION_SD * sd:
            return None
        ratios = type(self.effect).of(
            (self.effect.draws / without)[:, None], weights=self.effect.weights
        )
        return (self.effect.point / mean, *ratios.interval(self.level))

    def _relative_of_unbounded(self) -> tuple[float, float, float] | None:
        without = float(self.observed.sum()) - self.effect.point
        if without <= 0:
            return None
        low, high = self.effect.interval(self.level)
        return self.effect.point / without, low / without, high / without

    @property
    def path(self) -> pd.DataFrame:
        """Return periods: observed, counterfactual and effect with intervals."""
        low, high = self.effect.period_interval(self.level)
        running = self.effect.cumulative()
        running_low, running_high = running.period_interval(self.level)
        return pd.DataFrame(
            {
                "observed": self.observed,
                "counterfactual": self.observed - self.effect.point_path,
                "counterfactual_low": self.observed - high,
                "counterfactual_high": self.observed - low,
                "effect": self.effect.point_path,
                "effect_low": low,
                "effect_high": high,
                "cumulative_effect": running.point_path,
                "cumulative_effect_low": running_low,
                "cumulative_effect_high": running_high,
            },
            index=self.dates.rename("date"),
        )

    @property
    def params(self) -> pd.Series[float]:
        """Point estimates: ``total``, and ``average`` per treated unit and period."""
        effects = effects_of(self)
        return pd.Series({name: each.point for name, each in effects.items()})

    @property
    def std_errors(self) -> pd.Series[float]:
        """Standard deviations of the draws of :attr:`params`; NaN if unbounded."""
        effects = effects_of(self)
        return pd.Series({name: std_error(each) for name, each in effects.items()})

    def conf_int(self, level: float | None = None) -> pd.DataFrame:
        """Return ``lower`` and ``upper`` of :attr:`params`.

        Parameters
        ----------
        level : float, optional
            Between 0 and 1; that of the plan's decision rule where not given.
        """
        return conf_int(self, self.level if level is None else level)

    def summary(self) -> Summary:
        """Return a table of the estimate; it prints as text and as HTML."""
        return summary_of(self, verdict_of(self))

    def report(self) -> str:
        """Return the estimate in words, from the same draws as every number."""
        return _report_of(self)

    def figure(self) -> alt.VConcatChart:
        """Return a chart: observed and counterfactual above, running effect below."""
        return _figure_of(self)


def history_of(
    dates: pd.DatetimeIndex | pd.Series[pd.Timestamp],
    observed: Floats,
    expected: Floats,
) -> pd.DataFrame:
    """Return the rows of :attr:`Estimate.history`."""
    return pd.DataFrame({"date": dates, "observed": observed, "expected": expected})


def _report_of(estimate: Estimate) -> str:
    """Return an estimate in plain words.

    Below grade B the wording is *consistent with*: no comparison was made that makes it
    more. A design that passed a check is *not refuted*.
    """
    return "\n".join(_lines(estimate))


def verdict_of(estimate: Estimate) -> str:
    """Return a sentence on the presence of an effect, at the plan's level."""
    if estimate.progress < 1.0:
        return (
            f"Interim: {estimate.progress:.0%} of the registered periods are seen. No"
            " verdict is given before the registered end."
        )
    low, high = estimate.effect.interval(estimate.level)
    percent = f"{estimate.level:.0%}"
    if low > 0 or high < 0:
        direction = "an increase" if low > 0 else "a decrease"
        if estimate.grade in _CAUSAL_GRADES:
            return f"The feature led to {direction} of {estimate.outcome} ({percent})."
        return f"The data are consistent with {direction} of {estimate.outcome}."
    return (
        f"No effect detected: the {percent} interval includes zero. That is not proof"
        " of no effect; the interval says how large it may be."
    )


def _lines(estimate: Estimate) -> Iterator[str]:
    registered = "EXPLORATORY" if estimate.is_exploratory else "REGISTERED"
    yield f"{estimate.study_id}: grade {estimate.grade}, {registered}."
    yield verdict_of(estimate)
    yield _total(estimate)
    average = estimate.average
    low, high = average.interval(estimate.level)
    yield (f"Per {estimate.per}: {average.point:,.4g} ({low:,.4g} to {high:,.4g}).")
    relative = estimate.relative
    if relative is None:
        yield "A relative effect is not shown: what it is relative to is near zero."
    else:
        point, low, high = relative
        span = f"{low:+.1%} to {high:+.1%}"
        yield f"In relation to the counterfactual: {point:+.1%} ({span})."
    yield f"P(effect > 0) = {_probability(estimate.effect.probability_positive)}."
    yield f"Estimand: {estimate.estimand} Estimator: {estimate.design}."
    yield from _evidence(estimate)


def _evidence(estimate: Estimate) -> Iterator[str]:
    for name, total in estimate.second_opinion.items():
        yield f"Second opinion, {name}: {total:,.4g} in total."
    for check in estimate.checks:
        said = "not refuted" if check.status == "pass" else check.status
        yield f"Check {check.name}: {said}. {check.why}"
    if estimate.grading:
        yield from (f"Grade: {reason}" for reason in estimate.grading.reasons)
    yield from estimate.notes
    if estimate.calibration:
        yield f"Calibration: {estimate.calibration.get('summary', '')}"
    if estimate.break_even is not None:
        yield f"Break-even: {estimate.break_even:,.6g} {estimate.unit} in total."
    yield (
        "Assumed: nothing else that the plan does not name moved the outcome at the"
        " launch. No method can see such a coincidence."
    )


def _total(estimate: Estimate) -> str:
    effect = estimate.effect
    parts = []
    for level in (0.5, 0.9, 0.95):
        low, high = effect.interval(level)
        bounded = math.isfinite(high - low)
        ends = f"{low:,.4g} to {high:,.4g}" if bounded else "unbounded"
        parts.append(f"{level:.0%} {ends}")
    return f"Effect in total: {effect.point:,.4g} {estimate.unit} ({'; '.join(parts)})."


def _probability(value: float) -> str:
    if value > 0.999:  # noqa: PLR2004
        return "above 0.999"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004


def _figure_of(estimate: Estimate) -> alt.VConcatChart:
    """Return observed and counterfactual above, the running effect below."""
    import altair as alt  # noqa: PLC0415  (a second of import that estimates do not need)

    rows = estimate.path.reset_index()
    date = alt.X("date:T", title=None)
    base = alt.Chart(rows).encode(x=date)
    width = 640

    def band(low: str, high: str, title: str) -> alt.Chart:
        drawn: alt.Chart = base.mark_area(opacity=0.2).encode(
            y=alt.Y(f"{low}:Q", title=title), y2=f"{high}:Q"
        )
        return drawn

    above = alt.layer(
        band("counterfactual_low", "counterfactual_high", estimate.unit),
        base.mark_line(strokeDash=[4, 3]).encode(y="counterfactual:Q"),
        base.mark_line(color="black").encode(y="observed:Q"),
    ).properties(width=width, height=220, title=f"{estimate.outcome}: observed")
    below = alt.layer(
        band("cumulative_effect_low", "cumulative_effect_high", estimate.unit),
        base.mark_line().encode(y="cumulative_effect:Q"),
        alt.Chart(rows.iloc[:1]).mark_rule().encode(y=alt.datum(0)),
    ).properties(
        width=width, height=160, title=f"Effect so far, {estimate.level:.0%} interval"
    )
    return alt.vconcat(above, below)
