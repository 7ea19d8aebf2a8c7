"""Refusal: the reason for no number, the findings, and the remedy.

A refusal is a result like an estimate. It never carries an effect. Where a plan states
the cost of the feature and the worth of a unit of outcome, it carries the break-even
effect, which needs no causal claim: cost divided by the worth of a unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triptych.core.errors import RefusedEstimateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.causal.summary import Summary

#: Code → change that would let the study be estimated. An entry for each reason there
#: is.
REMEDIES: Mapping[str, str] = {
    "panel_columns_missing": "Deliver the columns that the plan names.",
    "panel_empty": "Deliver the outcome for the window and units of the plan.",
    "panel_unit_missing": "Deliver the unit of every row.",
    "panel_date_unreadable": "Deliver the date of every row, as YYYY-MM-DD.",
    "panel_has_duplicates": "Deliver one row per unit and date.",
    "panel_has_gaps": "Deliver the missing dates, or end the window before them.",
    "panel_not_numeric": "Deliver numbers in the outcome and control columns.",
    "outcome_not_finite": "Deliver a number, or leave the date out if it is unknown.",
    "outcome_negative": "Correct the rows, or declare `may_be_negative: true`.",
    "outcome_constant": "Choose an outcome that varies, between units too.",
    "outcome_unit_mismatch": "Convert the outcome, or correct `outcome_unit`.",
    "units_not_in_panel": "Correct the names of the units in the plan.",
    "exposure_not_binary": "Mark each unit with 0 or 1, the same on all its dates.",
    "uptake_unreadable": "Deliver the part of each period with use, from 0 to 1.",
    "sample_ratio_mismatch": "Repair the logging of the assignment, then run again.",
    "unit_finer_than_assignment": "Analyse at the unit that was randomised.",
    "too_few_clusters": "Randomise more clusters, or use the randomisation test only.",
    "too_few_units": "Add units; with these only a test of no effect at all is valid.",
    "single_treated_cluster": "Use synthetic control: one unit has no standard error.",
    "no_comparison_units": "Hold some units back; compare before the last one starts.",
    "pre_period_too_short": "Shorten the horizon, or wait for more history.",
    "season_not_covered": "Use a year of history, or declare a seasonal control.",
    "donors_do_not_span": "Find other donors, or use a series model at grade C.",
    "placebo_in_time_failed": "Find and declare the cause that the model lacks.",
    "controls_contaminated": "Use controls that the launch cannot touch.",
    "controls_extrapolate": "Shorten the window, or use controls that stay in range.",
    "growth_not_declared": "Declare `slope: true`, and `scale: multiplicative` if it"
    " grows by a part of itself.",
    "scale_contradicted": "Declare the `scale` on which units grow alike:"
    " `multiplicative` by shares, `additive` by amounts.",
    "sampler_ess_low": "Inspect the series: constant stretches, outliers, a break.",
    "driver_constant": "Wait until the driver moves, or leave it out of the plan.",
    "drivers_collinear": "Declare `claim: joint`, or let one driver vary on its own.",
    "reverse_causality": "Run an experiment: the outcome moves the exposure.",
    "baseline_negative": "Correct the baselines, or declare the missing driver.",
    "launches_overlap": "Declare `claim: joint`, or let one launch vary on its own.",
    "process_not_counted": "Deliver the volume of every day on which work was done.",
    "interference_declared": "Randomise clusters that do not touch each other.",
    "design_not_identified": "Declare the facts of a design that can be estimated.",
    "options_not_used": "Remove the options that the message names.",
    "underpowered": "Lengthen the window, add units, ask for a larger effect, or lock"
    ' it all the same with --low-power-because "…".',
    "plan_not_supported": "Change the plan as the message says.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason that a study has no estimate.

    Attributes
    ----------
    code : str
        A key of :data:`REMEDIES`; the mart's ``refusal_code``.
    message : str
        Failed condition, with the actual number and the number needed.
    evidence : mapping
        The same numbers by name. Never an effect.
    what_would_fix_it : str
        Change that would let the study be estimated.
    break_even : float or None
        The effect on the outcome, in its unit over the whole window, at which the
        feature earns its cost; ``None`` where the plan does not state both.
    study_id, plan_hash, data_hash : str
        Question, and its data.
    design_log : tuple of str
        Path to the design.
    """

    code: str
    message: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    what_would_fix_it: str = ""
    break_even: float | None = None
    study_id: str = ""
    plan_hash: str = ""
    data_hash: str = ""
    design_log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in REMEDIES:
            raise ValueError(f"unknown refusal code {self.code!r}")
        if not self.what_would_fix_it:
            object.__setattr__(self, "what_would_fix_it", REMEDIES[self.code])

    @property
    def grade(self) -> str:
        """Return ``X``: not estimable."""
        return "X"

    def summary(self) -> Summary:
        """Return why there is no estimate, in the form of an estimate's summary."""
        from attribution.causal.summary import summary_of_refusal  # noqa: PLC0415

        return summary_of_refusal(self)

    def report(self) -> str:
        """Return the refusal as text: the failure, remedy and break-even."""
        lines = [
            f"{self.study_id or 'Study'}: cannot tell ({self.code}).",
            self.message,
            f"What would help: {self.what_would_fix_it}",
        ]
        if self.break_even is not None:
            lines.append(
                f"Break-even, which needs no estimate: an effect of"
                f" {self.break_even:,.6g} units of outcome over the window pays for the"
                " feature."
            )
        return "\n".join(lines)


class RefusalError(RefusedEstimateError):
    """Carries a refusal from where it is found to :func:`attribution.estimate`.

    Parameters
    ----------
    code, message : str
        As in :class:`Refusal`.
    **evidence : object
        The numbers behind the message, by name.
    """

    def __init__(self, code: str, message: str, **evidence: object) -> None:
        self.refusal = Refusal(code, message, evidence)
        super().__init__(message, next_step=self.refusal.what_would_fix_it)
