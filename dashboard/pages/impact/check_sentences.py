"""Names of the checks of a study, and the remedy if a check fails.

To pass is not to be proved: it reads *not refuted*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CheckWords:
    """A check in words.

    ``action`` is the remedy if it warns or fails, as a sentence.
    """

    title: str
    action: str


CHECKS: Final = {
    "assignment_evidence": CheckWords(
        "Random assignment",
        "List the units in the plan, register it, and draw with `triptych study draw`.",
    ),
    "attrition": CheckWords(
        "Units that were lost",
        "Find out why outcomes are missing in one arm more than in the other.",
    ),
    "balance": CheckWords(
        "Arms before the launch",
        "Look at how units were assigned, and adjust for what differed.",
    ),
    "break_at_start": CheckWords(
        "A break where units start",
        "Draw who starts when by lot; a path that bends may look like this, too.",
    ),
    "collinearity": CheckWords(
        "Drivers that move together",
        "Read them as one driver, or let one of them move alone.",
    ),
    "contested_window": CheckWords(
        "Other launches",
        "Read the effect as that of all these launches, or compare units that had only"
        " one.",
    ),
    "control_contamination": CheckWords(
        "Controls that the launch moved",
        "Take controls that the feature cannot touch.",
    ),
    "control_range": CheckWords(
        "Controls outside the observed range",
        "Shorten the window, or take controls that stay in their range.",
    ),
    "cusum": CheckWords(
        "Errors that add up",
        "Look for a change before the launch that the model lacks.",
    ),
    "donor_hull": CheckWords(
        "Fit before the launch",
        "Take other units to compare with; these cannot make the treated one.",
    ),
    "few_clusters": CheckWords(
        "Few clusters, sign by sign",
        "Add clusters before relying on it: chance alone could look like this.",
    ),
    "growth": CheckWords(
        "Growth that is not declared",
        "Declare a trend in the plan, and a ratio if it grows by a part of itself.",
    ),
    "guardrails": CheckWords(
        "Guardrails",
        "Weigh the gain against it before anybody rolls the feature out further.",
    ),
    "history_length": CheckWords(
        "History before the launch",
        "Deliver more days from before, or judge fewer days after.",
    ),
    "interference": CheckWords(
        "Units that change others",
        "Assign groups of units that do not touch each other.",
    ),
    "launch_overlap": CheckWords(
        "Launches that lie together",
        "Read them as one claim; only what began apart can be separated.",
    ),
    "leave_one_out": CheckWords(
        "Leaving one out",
        "Look at what the answer hangs on, and say whether it belongs in.",
    ),
    "negative_baseline": CheckWords(
        "Remaining effect without it",
        "Look at what the model leaves without the feature: it cannot be below zero.",
    ),
    "placebo_in_time": CheckWords(
        "Launches that never happened",
        "Find what else moved the outcome on other dates, and declare it.",
    ),
    "placebo_in_unit": CheckWords(
        "Units that never had it",
        "Do not claim more than units without the feature show by chance.",
    ),
    "pre_trends": CheckWords(
        "Trends before the launch",
        "Compare with units that moved alike before.",
    ),
    "residual_autocorrelation": CheckWords(
        "Errors that remember each other",
        "Read the interval as too narrow, or find the rhythm that the model lacks.",
    ),
    "reverse_causality_lead": CheckWords(
        "Outcomes that move adoption",
        "Assign the feature by something other than the outcome.",
    ),
    "sample_ratio": CheckWords(
        "Sizes of the arms",
        "Repair the logging of the assignment, and run again.",
    ),
    "sampler_precision": CheckWords(
        "Precision of the calculation",
        "Look at the series for constant stretches, outliers or a break.",
    ),
    "season_coverage": CheckWords(
        "Season of the year",
        "Deliver a year of history, or a control that carries the season.",
    ),
    "scale": CheckWords(
        "Growth in amounts or in shares",
        "Declare the scale that the history shows, and register the study anew.",
    ),
    "second_opinion": CheckWords(
        "Another method",
        "Find out why two methods disagree before relying on either.",
    ),
    "specification_spread": CheckWords(
        "Other defensible choices",
        "Read all of them below; the answer depends on the choice.",
    ),
    "unaffected_outcome": CheckWords(
        "An outcome that it cannot move",
        "Find what moved both: it is in the effect too.",
    ),
}
#: Status in the mart → how it is shown.
STATUSES: Final = {
    "pass": "PASS",
    "warn": "REVIEW",
    "fail": "FAIL",
    "not run": "NOT RUN",
}


def title(name: str) -> str:
    """Return the name of a check."""
    known = CHECKS.get(name)
    return known.title if known else name.replace("_", " ").capitalize()


def recommendation(name: str, status: str) -> str:
    """Return the recommended action for a check, as a sentence."""
    if status == "pass":
        return "Not refuted; nothing to do."
    if status == "not run":
        return "It says nothing, for or against."
    known = CHECKS.get(name)
    return known.action if known else "Look at what it found before relying on this."


def summary(statuses: list[str]) -> str:
    """Return the joint result of the checks of a study as a sentence."""
    if not statuses:
        return "No check was run."
    counts = {shown: statuses.count(status) for status, shown in STATUSES.items()}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    refuted = counts["FAIL"] or counts["REVIEW"]
    end = (
        "What does not pass lowers the grade, or says what to look at."
        if refuted
        else "Nothing refuted the design. That is not proof of it."
    )
    return f"{said}. {end}"
