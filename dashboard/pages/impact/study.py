"""A study on *Impact*: result, design, counterfactual and checks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboard import exports
from dashboard.pages.impact import charts as impact_charts
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import outcomes, queries
from dashboard.pages.impact import report as impact_report
from dashboard.pages.impact import sections as impact_sections
from dashboard.pages.impact import sentences as words
from dashboard.pages.impact.report import FOUND
from dashboard.shared import charts, explaining, tables
from dashboard.shared import format as fmt
from dashboard.shared import ledger_sentences as ledger_words
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.impact.queries import Study
    from dashboard.pages.impact.report import Section, StudyReport
    from dashboard.shared.context import Page

_EFFECTS = "attribution.estimates"
_DAYS = "attribution.counterfactuals"
_REPORT_FORMATS = {
    "pdf": ("Report as PDF", "application/pdf"),
    "html": ("as HTML", "text/html"),
    "text": ("as text", "text/plain"),
}


def badges(study: Study) -> str:
    """Return grade, finding and state as badges: letter, word and icon, no verdict.

    Blue marks a grade that the headline counts; red, a concluded figure that is lost.
    """
    _, icon, _ = words.GRADES.get(study.grade, ("", "help", ""))
    colour = "blue" if study.is_controlled else "gray"
    return (
        f":{colour}-badge[:material/{icon}: {words.grade_name(study.grade)}]"
        f" :gray-badge[{words.finding(study)}]"
        f" :gray-badge[{study.state.capitalize()}]"
        f"{_standing_badge(study)}"
    )


def _standing_badge(study: Study) -> str:
    """Return the ledger status of a study, if it is out of the ordinary."""
    if study.standing not in {"re_estimated", "withdrawal_pending", "withdrawn"}:
        return ""
    colour = "red" if study.standing == "re_estimated" else "orange"
    return f" :{colour}-badge[{ledger_words.STANDINGS[study.standing]}]"


def show(view: Page, study: Study) -> None:
    """Draw everything about a study."""
    checks = queries.study_checks(view.snapshot, study.study_id)
    report = impact_report.report_of(study, checks)
    st.header(report.question, anchor=False)
    st.markdown(badges(study))
    show_tiles(view, study)
    show_words(view, study, report)
    show_design(view, study, report)
    if study.is_estimated:
        show_counterfactual(view, study)
    impact_sections.show_checks(view, study, checks, report)
    if study.is_estimated:
        impact_sections.show_contributions(view, study)
        impact_sections.show_sensitivity(view, study)
    show_facts(view, study, report)


def show_tiles(view: Page, study: Study) -> None:
    """Draw the effect, its chance and the evidence; nothing where nothing is stated."""
    figures = study.average
    if figures is None:
        return
    unit = study.outcome_unit
    relative = (
        fmt.UNKNOWN
        if figures.relative is None
        else fmt.signed_percent(figures.relative)
    )
    low, high = figures.relative_low, figures.relative_high
    relative_note = (
        "not stated: what it would be relative to is too near zero"
        if figures.relative is None
        else "of what would have been"
        if low is None or high is None
        else f"90 % interval {fmt.signed_percent(low)} to {fmt.signed_percent(high)}"
    )
    tiles = (
        (
            f"Effect {words.per_cell(study)}",
            numbers.on_tile(figures.effect, unit),
            f"90 % interval {numbers.span(figures.low_90, figures.high_90, unit)}",
        ),
        ("Relative effect", relative, relative_note),
        (
            outcomes.chance_label(study),
            outcomes.chance(study),
            "from the same draws as the interval",
        ),
        ("Evidence", words.grade_name(study.grade), words.grade_reason(study)),
    )
    columns = st.columns(len(tiles))
    for column, (label, value, note) in zip(columns, tiles, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            st.metric(view.tile_label(label), value)
            st.caption(fmt.markdown(note))
    explaining.show(
        view,
        Origin(
            formula=fmt.markdown(
                f"{study.estimand_text} The mean of the draws, and their quantiles:"
                " interval, chance and charts are read off one set of draws."
            ),
            mart=_EFFECTS,
            row_count=2,
            figures=(
                view.figure(
                    f"Effect {words.per_cell(study)}",
                    f"{_EFFECTS}/effect",
                    billing_month=(),
                    currency=(),
                    study_id=study.study_id,
                    estimand="average",
                ),
            ),
        ),
    )


def show_words(view: Page, study: Study, report: StudyReport) -> None:
    """Draw the result in words, with how well such intervals hold beside it."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        for section in report.sections:
            st.subheader(section.heading, anchor=False)
            st.markdown(_listed(section))
    with right, st.container(border=True):
        st.subheader("How well such intervals hold", anchor=False)
        st.markdown(fmt.markdown(words.calibration(study)))
        _show_card(view, study)
    _offer_report(view, study)


def _listed(section: Section) -> str:
    """Return sentences as a list, the finding in bold; a lone sentence bare."""
    first, *rest = [fmt.markdown(line) for line in section.lines]
    if section.heading == FOUND:
        first = f"**{first}**"
    return "\n".join(f"- {line}" for line in (first, *rest)) if rest else first


def _show_card(view: Page, study: Study) -> None:
    rows = _calibration_rows(study)
    if not rows:
        return
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("world", "Data"),
            tables.Column("coverage_90", "At 90 %", "percent"),
            tables.Column("coverage_95", "At 95 %", "percent"),
            tables.Column("replications", "n", "count"),
        ],
        page=view,
        name=f"calibration-{study.study_id}",
        caption="How often intervals held the truth in n replications",
    )
    for missed in study.calibration.get("missed_bars", ()):
        st.caption(f"Missed: {fmt.markdown(str(missed))}")


def _calibration_rows(study: Study) -> list[dict[str, Any]]:
    """Return the calibration of the method that made the estimate."""
    return [
        {
            "world": " · ".join(
                str(part)
                for part in (row.get("world_name", row.get("world")), row.get("days"))
                if part
            ),
            "coverage_90": row.get("coverage_90"),
            "coverage_95": row.get("coverage_95"),
            "replications": row.get("replications"),
        }
        for row in study.calibration.get("rows", ())
        if row.get("method", "recommended") == "recommended"
    ]


def _offer_report(view: Page, study: Study) -> None:
    with st.container(horizontal=True, gap="small"):
        for form, (label, mime) in _REPORT_FORMATS.items():
            st.download_button(
                label,
                data=partial(_report_file, view, study, form),
                file_name=exports.study_report_name(study.study_id, form),
                mime=mime,
                key=f"report-{form}",
                on_click="ignore",
            )


def _report_file(view: Page, study: Study, form: str) -> bytes:
    return exports.study_report_file(view.snapshot, study.study_id, form).content


def show_design(view: Page, study: Study, report: StudyReport) -> None:
    """Draw the design as declared before the figures existed."""
    st.header("Design", anchor=False)
    st.markdown(
        f"What was declared; it has the state **{study.state.capitalize()}**."
        f" {fmt.markdown(words.STATES.get(study.state, ''))}"
    )
    tables.show(
        _pairs(report.design),
        [tables.Column("name", "Declared"), tables.Column("text", "As", "prose")],
        page=view,
        name=f"design-{study.study_id}",
        caption="Design card",
    )


def _pairs(pairs: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist([{"name": name, "text": text} for name, text in pairs])


def show_counterfactual(view: Page, study: Study) -> None:
    """Draw observed values, the counterfactual and the difference."""
    st.header("With it and without it", anchor=False)
    table = queries.counterfactual(view.snapshot, study.study_id)
    if table.num_rows == 0:
        st.markdown("This design has no course over days.")
        return
    outcome = numbers.words(study.outcome)
    st.markdown(
        f"The dark line is **{fmt.markdown(outcome)}** as observed, over all treated"
        " units; the dashed one is the counterfactual without"
        f" {fmt.markdown(study.feature_name)}, with its 90 % interval. The"
        f" vertical line is the launch, {fmt.day(study.launch_date)}."
        f"{_about_history(table)}{_about_units(study)}{_about_rates(study)}"
    )
    colours = charts.palette()
    unit = f"{numbers.words(study.outcome_unit)}, all treated units"
    charts.show(
        impact_charts.observed_and_predicted(table, study.launch_date, unit, colours),
        description=f"{outcome} by day, as seen and as it would have been without the"
        " feature with its 90 % band, and the launch as a vertical line.",
        of=words.question(study),
    )
    for column, title, told in (
        ("effect", "Effect by day", "by day"),
        ("cumulative_effect", "Sum of effects", "added up since the launch"),
    ):
        charts.show(
            impact_charts.effect_over_days(
                table, study.launch_date, title, colours, column=column
            ),
            description=f"The difference between seen and predicted {told}, with its"
            " 90 % band and a line at zero.",
            of=words.question(study),
        )
    _show_days(view, study, table)


def _about_history(table: pa.Table) -> str:
    before = [row["counterfactual"] for row in table.to_pylist() if not row["is_post"]]
    if any(value is not None for value in before):
        return ""
    return " This design fits no line to the time before the launch."


def _about_units(study: Study) -> str:
    if study.design != "staggered_adoption":
        return ""
    return " Units are added on the day on which they start, so both lines rise then."


def _about_rates(study: Study) -> str:
    if study.outcome_unit != "ratio":
        return ""
    return " Rates are added up over units here: only their course means something."


def _show_days(view: Page, study: Study, table: pa.Table) -> None:
    newest = table.sort_by([("effect_date", "descending")])
    tables.show(
        newest,
        [
            tables.Column("effect_date", "Day", "day"),
            tables.Column("observed", "Seen", "decimal"),
            tables.Column("counterfactual", "Without it", "decimal"),
            tables.Column("effect", "Effect", "decimal"),
            tables.Column("effect_low_90", "90 % from", "decimal"),
            tables.Column("effect_high_90", "to", "decimal"),
            tables.Column("cumulative_effect", "Sum so far", "decimal"),
            tables.Column("cumulative_effect_low_90", "90 % from", "decimal"),
            tables.Column("cumulative_effect_high_90", "to", "decimal"),
        ],
        page=view,
        name=f"counterfactual-{study.study_id}",
        caption=f"Newest days first, in {numbers.words(study.outcome_unit)}",
        origin=Origin(
            formula="Seen minus what would have been, by day; the band of the sum comes"
            " from the draws of the sum, never from adding up the bands of days.",
            mart=_DAYS,
        ),
    )


def show_facts(view: Page, study: Study, report: StudyReport) -> None:
    """Draw the facts needed to reproduce the result."""
    st.header("To make it again", anchor=False)
    st.markdown("The same data, plan and seed give the same result, digit for digit.")
    tables.show(
        _pairs(report.facts),
        [tables.Column("name", "What"), tables.Column("text", "Is")],
        page=view,
        name=f"facts-{study.study_id}",
        caption="Hashes are SHA-256",
    )
