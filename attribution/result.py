"""An estimate: the effect's draws with everything that is needed to read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attribution.reporting import figure_of, report_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    from numpy.typing import NDArray

    from attribution.checks.check import Check
    from attribution.contributions import Contributions
    from attribution.effect import Effect
    from attribution.grade import Grade

    Floats = NDArray[np.float64]

#: A relative effect is not shown where the counterfactual is this many of its
#: standard deviations from zero, or nearer.
RELATIVE_SUPPRESSION_SD = 1.5


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimate:
    """What a feature changed, from an estimator that was not refused.

    Attributes
    ----------
    design : str
        The estimator.
    estimand : str
        What is estimated, in words.
    dates : DatetimeIndex, length periods
        The periods from the launch on.
    observed : ndarray, shape (periods,)
        The outcome of the treated units, in total.
    effect : Effect
        Total effect on the treated units by period, in the unit of the outcome.
    cells : float
        Treated units times periods: the total divided by it is the average effect.
    per : str
        What one cell is, in words, where it is something else.
    best_grade : str
        The best grade that the design can have.
    checks : tuple of Check
        In the order in which they were run.
    second_opinion : mapping of str to float
        What other methods say of the same estimand: a total each.
    diagnostics : mapping
        Figures of the fit, by name.
    history : DataFrame or None
        Periods before the launch: ``date``, ``observed`` and ``expected``, what the
        model made of them, NaN where it made nothing. Of the units that are summed on
        the day of the launch. ``None`` where a design has no such thing.
    decomposition : Contributions or None
        What each factor added, where the design takes a change apart.
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
    # What the study adds to a fit.
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

    @property
    def average(self) -> Effect:
        """The effect per treated unit and period, or whatever a cell is."""
        return self.effect.scaled(1.0 / self.cells)

    @property
    def grade(self) -> str:
        """The grade, A to D, by rule from the checks."""
        return self.grading.letter if self.grading else self.best_grade

    @property
    def contributions(self) -> pd.DataFrame | None:
        """One row per factor: what it added, with its interval; ``None`` if unasked."""
        return None if self.decomposition is None else self.decomposition.table

    @property
    def counterfactual_total(self) -> Floats:
        """Draws of what the treated units would have had without the feature."""
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
        """One row per period: observed, counterfactual and effect with intervals."""
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

    def report(self) -> str:
        """Return the estimate in words, from the same draws as every number."""
        return report_of(self)

    def figure(self) -> alt.VConcatChart:
        """Return a chart: observed and counterfactual above, running effect below."""
        return figure_of(self)


def history_of(
    dates: pd.DatetimeIndex | pd.Series[pd.Timestamp],
    observed: Floats,
    expected: Floats,
) -> pd.DataFrame:
    """Return the rows of :attr:`Estimate.history`."""
    return pd.DataFrame({"date": dates, "observed": observed, "expected": expected})


__all__ = ["RELATIVE_SUPPRESSION_SD", "Estimate", "history_of"]
