"""Sections of *Velocity*: cohorts, open items included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard.pages.velocity import charts as velocity_charts
from dashboard.pages.velocity import cohort_queries
from dashboard.pages.velocity import sentences as words
from dashboard.shared import charts, filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.pages.velocity.queries import PeriodKind, VelocityScope
    from dashboard.shared.context import Page

_TIMES: Final = "delivery.mart_time_to_event"
_CENSORING: Final = (
    "Slow items are often still open, so a median of finished items is too short. The"
    " Kaplan-Meier median counts open (*censored*) items up to today."
)
#: Item that converts, and the event that its cohort begins with.
_CONVERSIONS: Final = {
    "registration_to_production": ("version", "registered"),
    "pilot_to_production": ("service", "piloted"),
}
#: Lines that can be separated.
_COHORTS_DRAWN: Final = 6


def show_waiting(view: Page, scope: VelocityScope, kind: PeriodKind) -> None:
    """Draw durations with open items, beside those of ended items."""
    st.header("Including open items", anchor=False)
    table = cohort_queries.times_to_event(view.snapshot, scope)
    rows = table.to_pylist()
    if not rows:
        st.markdown(
            f"Nothing of {fmt.markdown(scope.shown)} has a beginning and an end that"
            " are known, or this run was made before triptych worked it out."
        )
        return
    st.markdown(f"{_CENSORING} {_most_open(rows)}")
    named = table.append_column(
        "name", [[words.METRICS[row["metric"]][0] for row in rows]]
    )
    tables.show(
        named,
        [tables.Column("name", "Time"), *_columns()],
        page=view,
        name="times-with-open",
        caption="All items that are known, in hours; interval of 90 %",
        origin=_origin(len(rows)),
    )
    by_open = sorted(rows, key=lambda row: row["censored_ratio"], reverse=True)
    _show_cohorts(view, scope, kind, [row["metric"] for row in by_open])


def _show_cohorts(
    view: Page, scope: VelocityScope, kind: PeriodKind, metrics: list[str]
) -> None:
    names = {words.METRICS[metric][0]: metric for metric in metrics}
    chosen = filters.choice("Time by start month", "time", list(names), width=320)
    table = cohort_queries.times_to_event_by_cohort(
        view.snapshot, scope, names[chosen], kind
    )
    tables.show(
        table,
        [tables.Column("cohort", f"Began in {kind}", "month"), *_columns()],
        page=view,
        name=f"times-with-open-by-{kind}",
        caption=f"{chosen} by the {kind} in which it began, in hours",
        origin=_origin(table.num_rows),
    )


def _columns() -> list[tables.Column]:
    return [
        tables.Column("item_count", "Began", "count"),
        tables.Column("censored_count", "Still open", "count"),
        tables.Column("censored_ratio", "Open", "percent"),
        tables.Column("median_hours_of_ended", "Median of ended", "decimal"),
        tables.Column("median_hours", "Median with open", "decimal", "absence"),
        tables.Column("median_hours_low", "From", "decimal"),
        tables.Column("median_hours_high", "To", "decimal"),
    ]


def _most_open(rows: list[dict[str, Any]]) -> str:
    """State the effect of open items for the metric with the most of them."""
    row = max(rows, key=lambda one: one["censored_ratio"])
    if row["censored_count"] == 0:
        return "Nothing is open: both medians are equal."
    name = words.METRICS[row["metric"]][0]
    ended = words.duration(row["median_hours_of_ended"])
    said = (
        f"**{name}**: {row['censored_count']:,} of"
        f" {fmt.plural(row['item_count'], 'item is', 'items are')} open."
    )
    match row["median_state"]:
        case "reached":
            return (
                f"{said} Those that ended took {ended} at the median; with the open"
                f" ones it is **{words.duration(row['median_hours'])}**."
            )
        case "not reached":
            return (
                f"{said} Those that ended took {ended} at the median; with the open"
                " ones it is **not reached**. More than half of all last longer than"
                " observed so far, and the median is longer than the"
                f" {words.duration(row['longest_hours'])} of the oldest."
            )
    return f"{said} Fewer than five have no median."


def _origin(row_count: int) -> Origin:
    return Origin(
        formula="Kaplan-Meier: where half of what began has ended. Its interval of 90 %"
        " comes from the logarithm of the logarithm of the curve; without an upper"
        " bound, what was seen does not bound it. Items that are left out of the"
        " figure above are left out here.",
        mart=_TIMES,
        row_count=row_count,
    )


def show_conversions(view: Page, scope: VelocityScope, kind: PeriodKind) -> None:
    """Draw which part of each cohort came into production, by days since it began."""
    for metric, (noun, verb) in _CONVERSIONS.items():
        table = cohort_queries.conversions_across(view.snapshot, scope, metric, kind)
        if table.num_rows == 0:
            continue
        st.header(f"Which {noun}s came into production", anchor=False)
        newest = table.to_pylist()[0]
        came = fmt.plural(newest["item_count"], f"{noun} was", f"{noun}s were")
        st.markdown(
            f"By the {kind} in which each {noun} was {verb}. In"
            f" {fmt.month(newest['cohort'])}"
            f" {came} {verb}:"
            f" {newest['event_count']:,} in production so far, observed for"
            f" {fmt.plural(newest['observed_days'], 'day')}. A share is final when"
            " the whole cohort was followed so long; before, a"
            f" {noun} counts for as long as it was seen."
            + (
                " Most of the others are experiments, not late."
                if noun == "version"
                else ""
            )
        )
        _show_shares(view, scope, metric, kind)
        tables.show(
            table,
            [
                tables.Column("cohort", f"Began in {kind}", "month"),
                tables.Column("item_count", "n", "count"),
                *(
                    tables.Column(
                        f"ratio_{days}", f"{days} days", "percent", f"absence_{days}"
                    )
                    for days in (7, 30, 60, 90)
                ),
                tables.Column("observed_days", "Observed, days", "count"),
            ],
            page=view,
            name=f"conversions-{metric.replace('_', '-')}",
            caption=f"Share of {noun}s in production within so many days",
            origin=Origin(
                formula="Those that came by then, of all: a plain share where all were"
                " followed so long, else one less the Kaplan-Meier curve (cumulative"
                " incidence).",
                mart="delivery.mart_conversions",
            ),
        )


def _show_shares(
    view: Page, scope: VelocityScope, metric: str, kind: PeriodKind
) -> None:
    shares = cohort_queries.conversions(view.snapshot, scope, metric, kind)
    cohorts = shares["cohort"].to_pylist()
    newest = sorted(set(cohorts))[-_COHORTS_DRAWN:]
    drawn = shares.filter([cohort in newest for cohort in cohorts])
    charts.show(
        velocity_charts.conversions(drawn, charts.palette()),
        description="For each cohort the share in production by days since it began;"
        " the table below has the same shares.",
        of=scope.label,
    )
    if not all(drawn["is_mature"].to_pylist()):
        st.caption("A triangle: not all of the cohort has been followed so long.")
