"""Impact: effects of AI, their uncertainty, and unanswered questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboard.pages.impact import charts as impact_charts
from dashboard.pages.impact import decisions, ledger, outcomes, queries
from dashboard.pages.impact import experience as experience_section
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import returns as return_section
from dashboard.pages.impact import sentences as words
from dashboard.pages.impact import study as impact_study
from dashboard.shared import acting, charts, explaining, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.delta_generator import DeltaGenerator

    from dashboard.pages.impact.queries import Study
    from dashboard.shared.context import Page

_STUDIES = "attribution.studies"
_EFFECTS = "attribution.estimates"
#: Plans that have a file, and features of the catalogue, to choose from.
_PLANS = acting.Form(listed=("plan",))
_PLANNING = acting.Form(listed=("feature",))
#: Studies that are drawn as cards; the table has all of them.
_CARDS = 15
#: Tile, names of verdicts that it counts, and its meaning. Unwelcome verdicts have a
#: tile like any other.
_TILES = (
    ("Gain", {"Gain"}, "a change in the direction that the plan calls better"),
    ("Harm", {"Harm"}, "a change in the other direction"),
    ("Change", {"Increase", "Decrease"}, "the plan does not say what is better"),
    ("No effect detected", {"No effect detected"}, "the interval includes zero"),
    ("Open", {"Interim"}, "no verdict before the registered end"),
    ("Inconclusive", {"Inconclusive"}, "it includes a rise and a fall that matter"),
    ("Cannot tell", {"Cannot tell", "Failed"}, "refused or failed, with the remedy"),
)


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    studies = queries.studies(view.snapshot, view.selection)
    if not studies:
        show_nothing(view, is_old=studies is None)
        return
    top = st.container()
    columns = st.columns([2, 1, 1], vertical_alignment="bottom")
    with columns[0]:
        opened = filters.optional_choice(
            "Study",
            "study",
            [study.study_id for study in studies],
            placeholder="All studies",
        )
    if opened is None:
        with top:
            # Without returns in money, the findings of the studies are the answer.
            if not decisions.show(view):
                st.markdown(_summary(studies))
        show_all(view, _chosen(studies, *columns[1:]))
        return
    columns[1].button("All studies", icon=":material/arrow_back:", on_click=_close)
    impact_study.show(
        view, next(study for study in studies if study.study_id == opened)
    )


def show_nothing(view: Page, *, is_old: bool) -> None:
    """Show the data needed to fill the page."""
    if not is_old and not view.selection.covers_everything:
        st.info(
            f"**No study is about a feature of {fmt.markdown(view.scope)}.** Choose"
            " *everything* above to see all studies."
        )
        return
    since = (
        " This run was published before studies were part of a run;"
        " `triptych run` publishes a new one."
        if is_old
        else ""
    )
    st.info(
        "**No study is published yet.** Write down what you want to know before the"
        " figures are there: a plan in `studies/`, then"
        " `triptych study register studies/NAME.yml --by NAME` before the launch."
        " `triptych run` estimates it from the outcomes that your sources deliver."
        f"{since}"
    )
    acting.offer("plan_study", _PLANNING)
    acting.offer("register_study", _PLANS)


def show_all(view: Page, studies: Sequence[Study]) -> None:
    """Draw every study, including nulls, harm and refusals."""
    if not studies:
        st.markdown("No study has this feature and grade.")
        return
    estimated = [study for study in studies if study.is_estimated]
    untold = [study for study in studies if not study.is_estimated]

    def show_found() -> None:
        show_tiles(view, studies)
        st.header("What was found", anchor=False)
        st.markdown(_summary(studies))
        for study in estimated[:_CARDS]:
            show_card(study)
        _show_rest(estimated)

    def show_ledger() -> None:
        ledger.show(view)
        acting.offer("plan_study", _PLANNING)
        acting.offer("register_study", _PLANS)

    tabs.show(
        "impact",
        {
            "Effects": lambda: show_side_by_side(view, studies),
            "Studies": show_found,
            "Not estimated": lambda: show_untold(view, untold),
            "Experience": lambda: experience_section.show(view),
            "Return": lambda: return_section.show(view),
            "Ledger": show_ledger,
        },
    )
    st.caption(
        "Each study has a window of its own; of the bar above, only the scope chooses"
        " among them."
    )


def show_tiles(view: Page, studies: Sequence[Study]) -> None:
    """Draw the number of studies by finding, and their evidence."""
    names = [words.tile_name(study) for study in studies]
    shown = [
        tile
        for tile in _TILES
        if tile[0] not in {"Change", "Open"} or tile[1] & set(names)
    ]
    columns = st.columns(len(shown))
    for column, (label, counted, meaning) in zip(columns, shown, strict=True):
        count = sum(name in counted for name in names)
        with column.container(border=True, height="stretch", gap="xsmall"):
            st.metric(view.tile_label(label), fmt.plural(count, "study", "studies"))
            st.caption(meaning.capitalize())
    st.markdown(
        f"Evidence: {fmt.markdown(_mix(studies))}. Only A and B enter the headline:"
        " increases, decreases and studies that found nothing alike."
    )
    explaining.show(
        view,
        Origin(
            formula="Studies by what the interval of their plan's level says, by what"
            " the plan calls better, and by the grade that follows from their checks by"
            " rule. Nobody can raise one.",
            mart=_STUDIES,
            row_count=len(studies),
        ),
    )


def _mix(studies: Sequence[Study]) -> str:
    """Write how many studies have evidence of which grade."""
    grades = [study.grade for study in studies]
    return ", ".join(
        f"{grades.count(grade)} {words.grade_name(grade)}"
        for grade in words.GRADES
        if grade in grades
    )


def _chosen(
    studies: Sequence[Study], left: DeltaGenerator, right: DeltaGenerator
) -> list[Study]:
    """Return the studies of the feature and grade that are chosen."""
    features = list(dict.fromkeys(study.feature_name for study in studies))
    grades = [grade for grade in words.GRADES if any(o.grade == grade for o in studies)]
    names = {words.grade_name(grade): grade for grade in grades}
    with left:
        feature = filters.optional_choice(
            "Feature", "feature", features, placeholder="All features"
        )
    with right:
        grade = filters.optional_choice(
            "Grade", "grade", list(names), placeholder="All grades"
        )
    return [
        study
        for study in studies
        if feature in (None, study.feature_name)
        and (grade is None or study.grade == names[grade])
    ]


def _summary(studies: Sequence[Study]) -> str:
    names = [words.finding(study) for study in studies]
    found = ", ".join(
        f"{names.count(name)} × {name.lower()}" for name in dict.fromkeys(names)
    )
    exploratory = sum(study.is_exploratory for study in studies)
    note = (
        f" {fmt.plural(exploratory, 'study is', 'studies are')} exploratory: asked when"
        " the answer could already be read."
        if exploratory
        else ""
    )
    return f"**{fmt.plural(len(studies), 'study', 'studies')}**: {found}.{note}"


def show_card(study: Study) -> None:
    """Draw a study in words, with the way to all of it."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(impact_study.badges(study))
        st.markdown(f"**{fmt.markdown(words.question(study))}**")
        told = filter(None, (words.verdict(study), words.worth(study)))
        st.markdown(fmt.markdown(" ".join(told)))
        if study.average is not None:
            st.markdown(
                fmt.markdown(
                    f"{words.effect(study)}. {outcomes.chance_label(study)}:"
                    f" {outcomes.chance(study)}."
                )
            )
        st.caption(
            f"Grade {fmt.markdown(words.grade_name(study.grade))}:"
            f" {fmt.markdown(words.grade_reason(study))}"
        )
        st.button(
            "Open this study",
            key=f"open-{study.study_id}",
            icon=":material/open_in_full:",
            type="tertiary",
            on_click=_open,
            args=(study.study_id,),
        )


def _open(study_id: str) -> None:
    st.session_state["study"] = study_id


def _close() -> None:
    st.session_state["study"] = None


def _show_rest(studies: Sequence[Study]) -> None:
    if len(studies) > _CARDS:
        st.caption(
            f"The first {_CARDS} of {len(studies):,}; the table below and the"
            " list above have all of them."
        )


def show_side_by_side(view: Page, studies: Sequence[Study]) -> None:
    """Draw effects relative to the counterfactual, on a single scale."""
    drawn = [
        study
        for study in studies
        if study.average and study.average.relative is not None
    ]
    st.header("Side by side", anchor=False)
    if drawn:
        left_out = len(studies) - len(drawn)
        note = (
            f" {fmt.plural(left_out, 'study has', 'studies have')} no relative"
            " effect, and only a row in the table."
        )
        by_grade = fmt.markdown(words.effects_by_grade(studies))
        st.markdown(by_grade + note if left_out else by_grade)
        charts.show(
            impact_charts.relative_effects(drawn, charts.palette()),
            description="Each study's effect in percent of what would have been, with"
            " its 90 % interval, with a line at zero. The table below has the same"
            " figures.",
            of=f"{fmt.plural(len(drawn), 'study', 'studies')}, each with its window",
        )
    rows = [_row(study) for study in studies]

    def draw() -> None:
        st.html(
            tables.html_table(
                pa.Table.from_pylist(rows),
                [
                    tables.Column("feature", "Feature"),
                    tables.Column("outcome", "Outcome"),
                    tables.Column("verdict", "Found"),
                    tables.Column("effect", "Effect per unit and period"),
                    tables.Column("interval", "90 % interval"),
                    tables.Column("relative", "Relative", "signed_percent"),
                    tables.Column("chance", "Chance of a gain"),
                    tables.Column("grade", "Grade"),
                    tables.Column("state", "State"),
                ],
                view.currency,
                "Every study; a dash is not known or not stated, never zero",
            )
        )

    tabs.fold("Table · every study", "table-every-study", draw)
    ids = tuple(study.study_id for study in studies)
    tables.show_footer(
        queries.study_figures(view.snapshot, ids),
        page=view,
        name="studies",
        origin=Origin(
            formula="Mean of the draws of the effect per treated unit and period, and"
            " their quantiles. Where an interval crosses the dashed line, no effect was"
            " detected. A relative effect is not stated where what it is relative to is"
            " within 1.5 standard deviations of zero.",
            mart=_EFFECTS,
            row_count=len(studies),
        ),
    )


def _row(study: Study) -> dict[str, object]:
    figures = study.average
    unit = study.outcome_unit
    return {
        "feature": study.feature_name,
        "outcome": outcomes.outcome_name(study),
        "verdict": words.finding(study),
        "effect": figures and numbers.quantity(figures.effect, unit, is_signed=True),
        "interval": figures and numbers.span(figures.low_90, figures.high_90, unit),
        "relative": figures and figures.relative,
        "chance": figures and outcomes.chance_of_gain(study),
        "grade": words.grade_name(study.grade),
        "state": study.state.capitalize(),
    }


def show_untold(view: Page, studies: Sequence[Study]) -> None:
    """Draw studies without an effect, with remedy and break-even."""
    if not studies:
        return
    st.header("Studies without an answer", anchor=False)
    st.markdown(
        f"**{fmt.plural(len(studies), 'study has', 'studies have')} no effect**, and"
        " no figure is shown. That is not a finding of no effect."
    )
    tables.show(
        pa.Table.from_pylist([_untold_row(study) for study in studies]),
        [
            tables.Column("study_id", "Study"),
            tables.Column("question", "Question"),
            tables.Column("why", "Why", "prose"),
            tables.Column("what_would_fix_it", "What would help", "prose"),
            tables.Column("break_even", "Pays from"),
        ],
        page=view,
        name="studies-without-an-effect",
        caption="Break-even: cost ÷ worth of a unit; no estimate needed",
        origin=Origin(
            formula="A study is refused by rule: each code has a number that failed and"
            " what would change that.",
            mart=_STUDIES,
        ),
    )
    for one in studies[:_CARDS]:
        st.button(
            f"Open {one.study_id}",
            key=f"open-{one.study_id}",
            icon=":material/open_in_full:",
            type="tertiary",
            on_click=_open,
            args=(one.study_id,),
        )


def _untold_row(study: Study) -> dict[str, object]:
    paid = words.paying_effect(study)
    return {
        "study_id": study.study_id,
        "question": words.question(study),
        "code": study.refusal_code,
        "why": words.verdict(study),
        "what_would_fix_it": words.next_step(study),
        "break_even": None if paid is None else f"{paid} in total",
    }


main()
