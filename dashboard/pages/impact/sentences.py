"""The words of a study, made from its codes and figures: for pages, text and PDF.

Plain text, without markup. Below grade B the wording is *consistent with*; a claim that
passed a check is *not refuted*. A study that found nothing, or harm, is reported like
any other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dashboard.pages.impact.check_sentences import CHECKS
from dashboard.pages.impact.figures import is_money, quantity, readable, span, words
from dashboard.pages.impact.outcomes import outcome_name
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.impact.queries import EffectFigures, Study

#: Grade → word, icon of Material Symbols, basis.
GRADES: Final = {
    "A": ("randomised", "shuffle", "units were assigned at random"),
    "B": ("controlled", "balance", "compared with units that did not have it"),
    "C": ("modelled", "show_chart", "a model says what would have been without it"),
    "D": ("assumed", "edit_note", "before and after, or an assumption"),
    "X": ("not estimable", "block", "no effect is stated"),
    "–": ("none yet", "hourglass_empty", "its registered end has not come"),
}
#: Verdict → its name where the effect decides nothing more.
#: Most effects that a sentence names.
_NAMED: Final = 8
_VERDICTS: Final = {
    "no_effect_detected": "No effect detected",
    "inconclusive": "Inconclusive",
    "interim": "Interim",
    "refused": "Cannot tell",
    "failed": "Failed",
}
STATES: Final = {
    "REGISTERED": "Registered before the launch could be read.",
    "AMENDED": "Amended after figures from after the launch could be read: C at most.",
    "EXPLORATORY": "Exploratory: not registered before the figures could be read, so"
    " the question may have been chosen by its answer. C at most.",
}
#: Design → its name, and the limits of an estimate by it.
DESIGNS: Final = {
    "experiment": (
        "Experiment",
        "It is about being given the feature, not about using it, and about units like"
        " those that were randomised.",
    ),
    "staggered_adoption": (
        "Roll-out over units",
        "It is about the units that got the feature, in the time since; others may"
        " react otherwise.",
    ),
    "synthetic_control": (
        "One unit against weighted others",
        "It is about one unit; another may react otherwise.",
    ),
    "counterfactual_series": (
        "One series before and after",
        "No group was compared: a model says what would have been without the feature.",
    ),
    "adoption_response": (
        "Response to adoption",
        "Adoption was not assigned: whoever adopts more may differ in other ways.",
    ),
    "automation_savings": (
        "Savings of a counted process",
        "Released time is capacity. It becomes money only where somebody decides so.",
    ),
    "joint_launches": (
        "Several launches together",
        "What belongs to which launch is known only as far as their dates or units"
        " differ.",
    ),
}
_UNNAMED_DESIGN = ("No design", "")
#: The first reason of a grade, which gives the best grade of the design.
_BEST = re.compile(r" is ([A-D]) at best")
_SPACE = "\u00a0"


def per_cell(study: Study) -> str:
    """Return the unit and period that an average effect is per."""
    return words(study.average_unit.removeprefix(study.outcome_unit).strip())


def effect(study: Study) -> str:
    """Write the effect per unit and period with its interval, and in relation."""
    figures = study.average
    if figures is None:
        return "No effect is stated."
    unit = study.outcome_unit
    said = (
        f"{quantity(figures.effect, unit, is_signed=True)} {per_cell(study)}"
        f" (90{_SPACE}% interval {span(figures.low_90, figures.high_90, unit)})"
    )
    return f"{said}{relative(figures)}"


def relative(figures: EffectFigures) -> str:
    """Write an effect relative to the counterfactual, if meaningful."""
    if figures.relative is None:
        return ""
    low, high = figures.relative_low, figures.relative_high
    bounds = (
        ""
        if low is None or high is None
        else f" ({fmt.signed_percent(low)} to {fmt.signed_percent(high)})"
    )
    return f"; {fmt.signed_percent(figures.relative)}{bounds} of what would have been"


def total(study: Study) -> str | None:
    """Write the effect over all treated units; ``None`` where a sum means nothing."""
    figures = study.total
    if figures is None or study.outcome_unit == "ratio":
        return None
    unit = study.outcome_unit
    until = f" until {fmt.day(study.as_of_date)}" if study.as_of_date else ""
    likely = span(figures.low_90, figures.high_90, unit)
    half = span(figures.low_50, figures.high_50, unit)
    return (
        f"Over all treated units{until}:"
        f" {quantity(figures.effect, unit, is_signed=True)} (90{_SPACE}%"
        f" {likely}; 50{_SPACE}% {half})."
    )


def is_detected(study: Study) -> bool:
    """Return True if the interval excludes zero."""
    return study.verdict in {"positive", "negative"} and study.average is not None


def is_increase(study: Study) -> bool:
    """Return True if the estimate is above zero."""
    return study.average is not None and study.average.effect > 0


def verdict_name(study: Study) -> str:
    """Name the finding in at most three words."""
    if is_detected(study):
        return "Increase" if is_increase(study) else "Decrease"
    return _VERDICTS.get(study.verdict, words(study.verdict).capitalize())


def tile_name(study: Study) -> str:
    """Name the finding as a gain or harm, if the plan has a direction."""
    found = side(study)
    return found.capitalize() if found else verdict_name(study)


def question(study: Study) -> str:
    """Write the question of the study."""
    return f"Did {study.feature_name} change {outcome_name(study)}?"


def verdict(study: Study) -> str:
    """Write the finding in at most two sentences."""
    if study.verdict in {"refused", "failed", "interim"}:
        return _without_a_verdict(study)
    if study.verdict == "no_effect_detected":
        return f"No effect detected: {_includes_zero(study)}.{_could_have(study)}"
    if study.verdict == "inconclusive":
        return f"Inconclusive: {_includes_zero(study)}{_as_well_as(study)}."
    change = "an increase" if is_increase(study) else "a decrease"
    outcome = outcome_name(study)
    if study.is_controlled:
        return f"{study.feature_name} led to {change} of {outcome}."
    return (
        f"The figures are consistent with {change} of {outcome} from"
        f" {study.feature_name}. Evidence of this grade cannot show that it was the"
        " cause."
    )


def _without_a_verdict(study: Study) -> str:
    if study.verdict == "interim":
        return (
            f"Interim: no verdict before the registered end,"
            f" {fmt.day(study.window_end)}. The interval holds at every look; neither a"
            " gain nor a loss is counted."
        )
    said = _sentence(study.refusal_message)
    if study.verdict == "refused":
        return f"Cannot tell. {said}"
    return f"The study could not be worked out. {said}"


def _includes_zero(study: Study) -> str:
    return (
        f"the {level(study)} interval of the effect of {study.feature_name} on"
        f" {outcome_name(study)} includes zero"
    )


def _could_have(study: Study) -> str:
    found = study.minimum_detectable_effect
    if found is None:
        return ""
    least = quantity(found, study.outcome_unit)
    return (
        f" A study as precise as this one finds {least} or more {per_cell(study)} four"
        " times of five."
    )


def _as_well_as(study: Study) -> str:
    if study.minimum_effect is None:
        return ", and it is too wide to say more"
    least = f"{quantity(study.minimum_effect, study.outcome_unit)} {per_cell(study)}"
    return f" as well as a rise and a fall that would both matter ({least} or more)"


def level(study: Study) -> str:
    """Write the level at which the plan decides."""
    return f"{study.decision_level or 0.9:.0%}".replace("%", f"{_SPACE}%")


def grade_name(grade: str) -> str:
    """Write a grade as letter and word."""
    word, _, _ = GRADES.get(grade, ("unknown", "", ""))
    return f"{grade} · {word}"


def effects_by_grade(studies: Sequence[Study]) -> str:
    """Write how many studies have which grade, with the largest relative effects.

    Parameters
    ----------
    studies : sequence of Study
        In the order of the page.
    """
    sized = [study for study in studies if _relative(study) is not None]
    named = sorted(sized, key=lambda study: -abs(_relative(study) or 0.0))[:_NAMED]
    grades = [study.grade for study in studies]
    parts = []
    for grade in filter(grades.count, GRADES):
        of_grade = [
            f"{study.feature_name} {fmt.signed_percent(_relative(study))}"
            for study in named
            if study.grade == grade
        ]
        listed = f": {', '.join(of_grade)}" if of_grade else ""
        parts.append(f"{grades.count(grade)} {grade_name(grade)}{listed}")
    rest = len(sized) - len(named)
    more = f"; {rest:,} more below" if rest else ""
    return f"{'; '.join(parts)}{more}."


def _relative(study: Study) -> float | None:
    return study.average.relative if study.average is not None else None


def basis(study: Study) -> str:
    """Write the basis of a grade, or the grade that it was lowered from."""
    best = _BEST.search(study.grade_reasons[0]) if study.grade_reasons else None
    if study.verdict == "interim":
        best = None
    if best is not None and best.group(1) != study.grade:
        return f"lowered from {best.group(1)} by what follows"
    return GRADES.get(study.grade, ("", "", "unknown"))[2]


def grade_reason(study: Study) -> str:
    """Write the reason for the grade: the last finding that lowered it."""
    if study.verdict in {"refused", "failed"}:
        return "No effect is stated: no grade."
    if study.verdict == "interim":
        return "No grade before the registered end."
    lowered = study.grade_reasons[1:]
    if not lowered:
        return f"{basis(study).capitalize()}; no check lowered it."
    return reason(lowered[-1])


def reason(line: str) -> str:
    """Write a recorded reason with the names of checks and designs in words."""
    first, mark, rest = line.partition(" ")
    name = first.rstrip(":")
    said = readable(rest)
    if name in CHECKS:
        return f"“{CHECKS[name].title}”{first.removeprefix(name)}{mark}{said}"
    if name in DESIGNS:
        return f"{DESIGNS[name][0]}{mark}{said}"
    return readable(line)


def with_design_names(line: str) -> str:
    """Write a recorded line with the names of designs in words."""
    for name, (said, _) in DESIGNS.items():
        line = line.replace(name, said.lower())
    return line


def design_name(study: Study) -> str:
    """Name the design."""
    return DESIGNS.get(study.design, _UNNAMED_DESIGN)[0]


def not_said(study: Study) -> list[str]:
    """Write the limits of the result."""
    if not study.is_estimated:
        return ["This is not evidence of no effect."]
    said = [
        "Something that nobody declared and that began with the launch is in it too:"
        " no method can see such a coincidence."
    ]
    of_design = DESIGNS.get(study.design, _UNNAMED_DESIGN)[1]
    said += [of_design] if of_design else []
    if not is_detected(study):
        said.append("This does not prove the absence of an effect.")
    if not is_money(study.outcome_unit):
        said.append(
            f"It is in {_plain_unit(study)}. It is worth money only through a"
            " conversion that somebody has approved."
        )
    if study.average is not None and study.average.relative is None:
        said.append(
            "No relative effect is stated: what it would be relative to is too near"
            " zero."
        )
    if study.unbounded_draw_ratio:
        said.append(
            f"{fmt.percent(study.unbounded_draw_ratio)} of its draws have no bound;"
            " a return that is worked out from draws leaves them out."
        )
    return said


def _plain_unit(study: Study) -> str:
    unit = study.outcome_unit
    return "percentage points" if unit == "ratio" else words(unit) or "counts"


def next_step(study: Study) -> str:
    """Write the next step."""
    if not study.is_estimated:
        remedy = _sentence(study.what_would_fix_it)
        return remedy or "Change the plan, and register it anew."
    if study.verdict == "inconclusive":
        return "Wait for more days, or give the feature to more units; then look."
    if study.is_exploratory:
        return (
            "Ask again in a study that is registered before its launch:"
            " `triptych study register`."
        )
    rule = (
        f"Apply the decision rule of the plan: {_sentence(study.decision_text)}"
        if study.decision_text
        else "Decide. The plan declares no rule in words."
    )
    if study.is_controlled:
        return rule
    return (
        f"{rule} Before money is counted on it, hold some units back or assign the"
        " feature at random: only grades A and B enter the headline."
    )


def worth(study: Study) -> str | None:
    """Write the change as a gain or harm, if the plan has a direction."""
    found = side(study)
    if found is None:
        return None
    better = study.plan["better"]
    said = "a gain" if found == "gain" else found
    return f"By the plan {better} is better, so this is {said}."


def side(study: Study) -> str | None:
    """Return ``gain`` or ``harm``, where there is a change and the plan knows which."""
    better = study.plan.get("better")
    if not is_detected(study) or better is None:
        return None
    return "gain" if is_increase(study) == (better == "higher") else "harm"


def finding(study: Study) -> str:
    """Name the finding, as gain or harm if the plan has a direction."""
    known = side(study)
    return f"{verdict_name(study)} · {known}" if known else verdict_name(study)


def break_even(study: Study) -> str | None:
    """Write the effect that pays for the feature, which needs no estimate."""
    paid = paying_effect(study)
    if paid is None:
        return None
    return f"The feature pays for itself from {paid} over the window, in total."


def paying_effect(study: Study) -> str | None:
    """Write the effect that pays for the feature: a rise, or a fall."""
    if study.break_even_effect is None:
        return None
    paid = quantity(abs(study.break_even_effect), study.outcome_unit)
    return f"a fall of {paid}" if study.break_even_effect < 0 else paid


def calibration(study: Study) -> str:
    """Write how well intervals of this kind held where the truth was known."""
    summary = study.calibration.get("summary")
    if not study.is_estimated:
        return "Nothing was estimated, so no interval needs to be trusted."
    if not summary:
        return "How well intervals of this design hold has not been measured."
    return f"Measured on data whose truth is known: {_sentence(str(summary))}"


def _sentence(text: str | None) -> str:
    said = (text or "").strip()
    return said if not said or said.endswith((".", "!", "?")) else f"{said}."
