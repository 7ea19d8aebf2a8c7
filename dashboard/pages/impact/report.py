"""Report on a study in words, shared by the page, the text and the PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboard.pages.impact import check_sentences as check_words
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import outcomes
from dashboard.pages.impact import sentences as words
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dashboard.pages.impact.queries import Study

_LISTED_UNITS = 4
_NO_UNITS = "not known"
#: Heading of the section with the findings.
FOUND: Final = "What was found"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its sentences."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check as shown: PASS, REVIEW, FAIL or NOT RUN, and the remedy."""

    status: str
    title: str
    found: str
    recommendation: str


@dataclass(frozen=True, slots=True)
class StudyReport:
    """A study in words.

    ``design`` and ``facts`` are pairs of a name and a text.
    """

    study_id: str
    question: str
    finding: str
    grade: str
    state: str
    verdict: str
    sections: tuple[Section, ...]
    design: tuple[tuple[str, str], ...]
    checks: tuple[CheckLine, ...]
    checks_summary: str
    facts: tuple[tuple[str, str], ...]


def report_of(study: Study, checks: Sequence[dict[str, Any]]) -> StudyReport:
    """Return a study in words.

    Parameters
    ----------
    study : Study
        As it was published.
    checks : sequence of dict
        Rows of ``attribution.checks``, in their order.
    """
    return StudyReport(
        study_id=study.study_id,
        question=words.question(study),
        finding=words.finding(study),
        grade=words.grade_name(study.grade),
        state=study.state,
        verdict=words.verdict(study),
        sections=(
            Section(FOUND, tuple(_found(study))),
            Section("Limits", tuple(words.not_said(study))),
            Section("How strong the evidence is", tuple(_strength(study))),
            Section("Next step", (words.next_step(study),)),
            *_besides(study),
        ),
        design=tuple(design_card(study)),
        checks=tuple(_check(row) for row in checks),
        checks_summary=check_words.summary([row["status"] for row in checks]),
        facts=tuple(_facts(study)),
    )


def _found(study: Study) -> Iterator[str]:
    yield words.verdict(study)
    if study.average is not None:
        yield f"{numbers.words(study.outcome).capitalize()}: {words.effect(study)}."
        total = words.total(study)
        if total:
            yield total
        yield (f"{outcomes.chance_label(study)}: {outcomes.chance(study)}.")
    yield from filter(None, (words.worth(study), words.break_even(study)))


def _besides(study: Study) -> Iterator[Section]:
    """Yield notes of the estimators on the result, if any."""
    if study.notes:
        notes = tuple(numbers.readable(note) for note in study.notes)
        yield Section("Further notes", notes)


def _strength(study: Study) -> Iterator[str]:
    if study.is_estimated:
        counted = (
            "It counts in the headline."
            if study.is_controlled
            else "It does not count in the headline."
        )
        basis = words.basis(study)
        yield f"Grade {words.grade_name(study.grade)}: {basis}. {counted}"
        yield from (words.reason(line) for line in study.grade_reasons)
    else:
        yield words.grade_reason(study)
    yield words.STATES.get(study.state, study.state)
    yield words.calibration(study)


def design_card(study: Study) -> Iterator[tuple[str, str]]:
    """Yield the prior declarations, as pairs of a name and a text."""
    unit = study.outcome_unit
    yield "Question", words.question(study)
    in_unit = numbers.words(unit) or "counts"
    yield "Outcome", f"{numbers.words(study.outcome)}, in {in_unit}"
    yield "Units", _units(study)
    yield (
        "Window",
        f"{fmt.day(study.window_start)} to before {fmt.day(study.window_end)}, by"
        f" {study.period}; judged until {fmt.day(study.as_of_date)}",
    )
    yield "Launch", fmt.day(study.launch_date)
    yield "Compared with", _control(study)
    log = [words.with_design_names(line) for line in study.design_log]
    yield "Design", " ".join([f"{words.design_name(study)}.", *log])
    yield "Registered", _registered(study)
    yield (
        "Other launches",
        "; ".join(study.other_launches) or "none declared",
    )
    yield "Decision rule", _rule(study)
    yield "Smallest effect that matters", _least(study.minimum_effect, study)
    yield "Could have detected", _least(study.minimum_detectable_effect, study)


def _units(study: Study) -> str:
    if study.treated_unit_count is None:
        return _NO_UNITS
    if study.is_randomised:
        units = fmt.plural(study.unit_count, "unit")
        return f"{units}, assigned at random; {_days(study)}"
    named = [*study.plan.get("treated", ()), *study.plan.get("rollout", {})]
    some = ", ".join(named[:_LISTED_UNITS])
    more = len(named) - _LISTED_UNITS
    listed = f" ({some}{f' and {more} more' if more > 0 else ''})" if named else ""
    with_it = fmt.plural(study.treated_unit_count, "unit")
    return f"{with_it} with it{listed}; {_days(study)}"


def _days(study: Study) -> str:
    if study.period_count_before is None:
        return "its periods are not known"
    before = fmt.plural(study.period_count_before, study.period)
    return f"{before} before, {fmt.count(study.period_count_after)} after"


def _control(study: Study) -> str:
    if study.is_randomised:
        return "units that were drawn for the other arm"
    said = []
    if study.comparison_unit_count:
        said.append(f"{fmt.plural(study.comparison_unit_count, 'unit')} without it")
    controls = [numbers.words(name) for name in study.plan.get("controls", ())]
    if controls:
        said.append(f"series that it cannot touch: {', '.join(controls)}")
    return "; ".join(said) or "nothing but its own past"


def _registered(study: Study) -> str:
    if study.registered_at is None:
        return f"never. {words.STATES.get(study.state, study.state)}"
    who = f" by {study.registered_by}" if study.registered_by else ""
    state = words.STATES.get(study.state, study.state)
    return f"{fmt.moment(study.registered_at)}{who}. {state}"


def _rule(study: Study) -> str:
    text = study.decision_text.strip().rstrip(".")
    by = f"by the {words.level(study)} interval"
    return f"{text}, {by}" if text else f"{by}; no rule is declared in words"


def _least(value: float | None, study: Study) -> str:
    if value is None:
        return fmt.unknown("not declared or not known")
    return f"{numbers.quantity(value, study.outcome_unit)} {words.per_cell(study)}"


def _check(row: dict[str, Any]) -> CheckLine:
    name, status = row["check_name"], row["status"]
    return CheckLine(
        status=check_words.STATUSES.get(status, status.upper()),
        title=check_words.title(name),
        found=numbers.readable(row["why"] or ""),
        recommendation=check_words.recommendation(name, status),
    )


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    yield "Study", study.study_id
    yield "Plan", study.plan_hash
    yield "Data", study.data_hash or fmt.UNKNOWN
    yield "Seed", fmt.UNKNOWN if study.seed is None else str(study.seed)
    yield "Method", study.method_version or fmt.UNKNOWN
