"""Name of a study's outcome, and the direction that is a gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.impact import figures as numbers

if TYPE_CHECKING:
    from dashboard.pages.impact.queries import Study

#: A process is counted in documents; its outcome is the time per document.
_COUNTED_PROCESS = "automation_savings"


def outcome_name(study: Study) -> str:
    """Name the outcome: for a process its minutes, not its documents."""
    if study.design == _COUNTED_PROCESS:
        unit = numbers.words(study.outcome_unit)
        return f"{unit} per document in {numbers.words(study.outcome)}"
    return numbers.words(study.outcome)


def chance_label(study: Study) -> str:
    """Name the chance of a gain; of an increase if no plan has a direction."""
    if study.plan.get("better") is None:
        return "Chance that it is above zero"
    return "Chance that it is a gain"


def chance(study: Study) -> str:
    """Write that chance: where less is better, the chance of a fall."""
    probability = None if study.average is None else study.average.probability_positive
    if probability is not None and study.plan.get("better") == "lower":
        probability = 1 - probability
    return numbers.chance(probability)


def chance_of_gain(study: Study) -> str:
    """Write that chance for a column that names its event."""
    if study.plan.get("better") is None:
        return f"{chance(study)} above zero"
    return chance(study)
