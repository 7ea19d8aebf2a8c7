"""Checks, contributions and sensitivity of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboard.pages.impact import charts as impact_charts
from dashboard.pages.impact import check_sentences as check_words
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import queries
from dashboard.pages.impact import sentences as words
from dashboard.shared import charts, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from dashboard.pages.impact.queries import Study
    from dashboard.pages.impact.report import StudyReport
    from dashboard.shared.context import Page

_ALL = "All runs"
_CHECKS = "attribution.checks"
#: Check with a picture → series of it, and the title of its axis.
_PLACEBOS = {
    "placebo_in_time": ("z", "Effects of launches that never happened, in std. dev."),
    "placebo_in_unit": ("placebo", "Effects on units that never had it"),
}


def show_checks(
    view: Page, study: Study, checks: Sequence[dict[str, Any]], report: StudyReport
) -> None:
    """Draw each check with its remedy, and the placebos of checks with them."""
    st.header("Checks", anchor=False)
    st.markdown(f"**{report.checks_summary}**")
    if not checks:
        return
    rows = [
        {
            "status": line.status,
            "check": line.title,
            "found": line.found,
            "what_to_do": line.recommendation,
            "threshold": row["threshold"],
        }
        for line, row in zip(report.checks, checks, strict=True)
    ]
    st.html(
        tables.html_table(
            pa.Table.from_pylist(rows),
            [
                tables.Column("status", "Status", "month"),
                tables.Column("check", "Check"),
                tables.Column("found", "What was found", "prose"),
                tables.Column("what_to_do", "What to do", "prose"),
            ],
            view.currency,
            "A check can lower the grade and never raise it",
        )
    )
    tables.show_footer(
        _exact_checks(checks),
        page=view,
        name=f"checks-{study.study_id}",
        origin=Origin(
            formula="Each check has a statistic and thresholds that were fixed before;"
            " the download has both.",
            mart=_CHECKS,
            row_count=len(checks),
        ),
    )
    for row in checks:
        _show_placebos(view, study, row)


def _exact_checks(checks: Sequence[dict[str, Any]]) -> pa.Table:
    names = ("check_name", "status", "statistic", "threshold", "why")
    return pa.Table.from_pylist([{name: row[name] for name in names} for row in checks])


def _show_placebos(view: Page, study: Study, row: dict[str, Any]) -> None:
    series, title = _PLACEBOS.get(row["check_name"], ("", ""))
    values = row["picture"].get(series)
    if not values:
        return
    is_unit = row["check_name"] == "placebo_in_unit"
    found = study.average.effect if is_unit and study.average else None
    st.subheader(check_words.title(row["check_name"]), anchor=False)
    st.markdown(fmt.markdown(numbers.readable(row["why"])))
    charts.show(
        impact_charts.placebos(values, found, title, charts.palette()),
        description=f"{len(values)} placebos as ticks around zero"
        + (", and this study's effect as a diamond." if is_unit else "."),
        of=words.question(study),
    )
    listed = [
        {"name": f"Placebo {number}", "value": value}
        for number, value in enumerate(sorted(values), start=1)
    ]

    def draw() -> None:
        tables.show(
            pa.Table.from_pylist(listed),
            [
                tables.Column("name", "Smallest first"),
                tables.Column("value", "Effect", "decimal"),
            ],
            page=view,
            name=f"{row['check_name']}-{study.study_id}",
            caption=title,
        )

    tabs.fold("As a table", f"table-{row['check_name']}", draw)


def show_contributions(view: Page, study: Study) -> None:
    """Draw contributions to the outcome by factor, if a design has them."""
    table = queries.contributions(view.snapshot, study.study_id)
    rows = table.to_pylist()
    if not rows:
        return
    st.header("Parts of the change", anchor=False)
    largest = max(
        (row for row in rows if not row["is_total"]),
        key=lambda row: abs(row["contribution"]),
    )
    unit = largest["unit"] or study.outcome_unit
    size = numbers.quantity(largest["contribution"], unit, is_signed=True)
    st.markdown(
        f"The largest part of the change is **{fmt.markdown(_factor(largest))}**,"
        f" {fmt.markdown(size)}"
        f" (90 % interval {_interval(largest, unit)}). The parts add up to the total in"
        " every draw; whiskers are 90 % intervals."
    )
    charts.show(
        impact_charts.waterfall(
            table, [_factor(row) for row in rows], unit, charts.palette()
        ),
        description="Factors as bars, each from where the one above ended, with their"
        " 90 % intervals as whiskers, and the total at the end.",
        of=words.question(study),
    )
    tables.show(
        table.drop_columns(["starts_at", "ends_at", "low_at", "high_at", "is_total"]),
        [
            tables.Column("factor", "Factor"),
            tables.Column("kind", "Kind"),
            tables.Column("contribution", "Contribution", "decimal"),
            tables.Column("contribution_low_90", "90 % from", "decimal"),
            tables.Column("contribution_high_90", "to", "decimal"),
            tables.Column("robustness_value", "Robustness", "percent"),
        ],
        page=view,
        name=f"contributions-{study.study_id}",
        caption=f"In {numbers.words(unit)}",
        total_rows={
            position: "" for position, row in enumerate(rows) if row["is_total"]
        },
        origin=Origin(
            formula="What each driver's change between the two windows adds, by draw."
            " Robustness: the part of what is left, of outcome and driver alike, that"
            " something undeclared would have to explain to take the effect away.",
            mart="attribution.contributions",
            row_count=len(rows),
        ),
    )


def _factor(row: dict[str, Any]) -> str:
    name = numbers.words(row["factor"])
    return f"{name} (together)" if row["kind"] == "joint" else name


def _interval(row: dict[str, Any], unit: str) -> str:
    return fmt.markdown(
        numbers.span(row["contribution_low_90"], row["contribution_high_90"], unit)
    )


def show_sensitivity(view: Page, study: Study) -> None:
    """Draw every other way in which the study was estimated, none left out."""
    table = queries.sensitivity(view.snapshot, study.study_id)
    if table.num_rows == 0:
        return
    st.header("Had we chosen otherwise", anchor=False)
    rows = table.to_pylist()
    st.markdown(_all_runs(rows, study))
    present = [
        name
        for kind, name in impact_charts.KINDS.items()
        if any(row["kind"] == kind for row in rows)
    ]
    chosen = filters.segments("Runs", "runs", [_ALL, *present], default=_ALL)
    shown = _of_kind(table, chosen)
    if any(row["effect"] is not None for row in shown.to_pylist()):
        charts.show(
            impact_charts.specification_curve(
                shown, f"Effect {words.per_cell(study)}", charts.palette()
            ),
            description="Every run as a point with its 90 % interval, the smallest"
            " effect on top; a diamond is the plan itself; the line is at zero.",
            of=words.question(study),
        )
    kinds = [impact_charts.KINDS.get(kind, kind) for kind in shown["kind"].to_pylist()]
    tables.show(
        shown.append_column("kind_name", [kinds]),
        [
            tables.Column("kind_name", "What differs"),
            tables.Column("variant", "Run"),
            tables.Column("effect", "Effect", "decimal", "refusal_code"),
            tables.Column("effect_low_90", "90 % from", "decimal"),
            tables.Column("effect_high_90", "to", "decimal"),
        ],
        page=view,
        name=f"sensitivity-{study.study_id}",
        caption=f"In {numbers.words(study.outcome_unit)} {words.per_cell(study)}",
        origin=Origin(
            formula="The same estimator with one choice made otherwise; all runs are"
            " kept, those that were refused too.",
            mart="attribution.sensitivity",
            row_count=len(rows),
        ),
    )


def _of_kind(table: pa.Table, name: str) -> pa.Table:
    """Return the runs of a kind, with the plan's own run."""
    if name == _ALL:
        return table
    kinds = {title: kind for kind, title in impact_charts.KINDS.items()}
    return table.filter(
        [row["kind"] == kinds[name] or row["is_declared"] for row in table.to_pylist()]
    )


def _all_runs(rows: list[dict[str, Any]], study: Study) -> str:
    known = [row["effect"] for row in rows if row["effect"] is not None]
    refused = len(rows) - len(known)
    if not known:
        return f"**All {len(rows):,} runs were refused.**"
    unit = study.outcome_unit
    least = numbers.quantity(min(known), unit, is_signed=True)
    most = numbers.quantity(max(known), unit, is_signed=True)
    above = sum(value > 0 for value in known) or "none"
    end = f" {fmt.plural(refused, 'run was', 'runs were')} refused." if refused else ""
    return (
        f"**{fmt.plural(len(known), 'run')}** with other defensible choices, the plan's"
        f" own among them, give effects from {fmt.markdown(least)} to"
        f" {fmt.markdown(most)} {words.per_cell(study)}; {above} of them are above"
        f" zero.{end}"
    )
