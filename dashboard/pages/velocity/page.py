"""Velocity: speed of delivery, failure rate and effort of operation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.velocity import charts as velocity_charts
from dashboard.pages.velocity import cohorts as cohort_sections
from dashboard.pages.velocity import effort as effort_sections
from dashboard.pages.velocity import organisation, queries
from dashboard.pages.velocity import sentences as words
from dashboard.pages.velocity import windows as window_section
from dashboard.pages.velocity.events import show_events, show_promotions, show_unmapped
from dashboard.pages.velocity.tiles import show_tiles
from dashboard.shared import charts, filters, names, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.pages.velocity.queries import (
        PeriodKind,
        VelocityPeriod,
        VelocityScope,
    )
    from dashboard.shared.context import Page

_FLOW = ("change_lead_time", "deployment_frequency")
_RELIABILITY = (
    *("change_fail_ratio", "failed_deployment_recovery"),
    *("rework_ratio", "time_to_restore"),
)
_MODELS = ("training_to_production", "iterations_per_feature")
_KINDS: dict[str, PeriodKind] = {"Month": "month", "Quarter": "quarter"}


def main() -> None:
    """Draw the page: the organisation, then the chosen scope, by question."""
    view = page.current(__file__)
    units = queries.velocity_units(view.snapshot)
    if not units:
        show_nothing()
        effort_sections.show_effort(view, None)
        effort_sections.show_satisfaction(view)
        show_unmapped(view)
        return
    organisation.show(view)
    scope = chosen_scope(view, units)
    if scope is None:
        return
    period = shown_period(view, scope)
    tabs.show(
        "velocity",
        {
            "Flow": lambda: show_flow(view, scope, period),
            "Reliability": lambda: show_reliability(view, scope, period),
            "Models": lambda: show_models(view, scope, period),
            "People": lambda: show_people(view, scope),
            "Cost": lambda: show_cost(view, scope),
        },
    )


def show_flow(view: Page, scope: VelocityScope, period: VelocityPeriod | None) -> None:
    """Draw where time goes, and how fast and often changes reach production."""
    show_bottleneck(view, scope)
    show_tiles(view, scope, period, _FLOW)
    kind = show_trend(view, scope)
    show_stages(view, scope)
    if period is not None:
        show_units(view, scope, period)
    tabs.fold("Deployments week by week", "weeks", lambda: show_weeks(view, scope))
    tabs.fold(
        "Time to production with open changes included",
        "waiting",
        lambda: cohort_sections.show_waiting(view, scope, kind),
    )
    tabs.fold("Events behind a figure", "events", lambda: show_events(view, scope))


def show_reliability(
    view: Page, scope: VelocityScope, period: VelocityPeriod | None
) -> None:
    """Draw how often a change fails, and how long it takes to recover."""
    show_tiles(view, scope, period, _RELIABILITY)
    window_section.show_windows(view, scope)


def show_models(
    view: Page, scope: VelocityScope, period: VelocityPeriod | None
) -> None:
    """Draw how versions of models come from training into production."""
    show_tiles(view, scope, period, _MODELS)
    cohort_sections.show_conversions(view, scope, _kind())
    show_promotions(view, scope)


def show_people(view: Page, scope: VelocityScope) -> None:
    """Draw hours, satisfaction, and names that map to no owner."""
    effort_sections.show_effort(view, scope.id if scope.kind == "team" else None)
    effort_sections.show_satisfaction(view)
    show_unmapped(view)


def show_cost(view: Page, scope: VelocityScope) -> None:
    """Draw the cost of a deployment, a run and an incident, and latency."""
    effort_sections.show_costs(view, scope)
    effort_sections.show_latency(view)


def show_nothing() -> None:
    """Show the data needed to fill the page."""
    st.info(
        "**No deployment, incident or training run is known yet.** Point your systems"
        " at `triptych receive`, or name GitHub, GitLab, MLflow, PagerDuty or a table"
        " of events as a source. What belongs to which model, `identities` in"
        " `catalog.yml` say."
    )


def chosen_scope(view: Page, units: list[tuple[str, str]]) -> VelocityScope | None:
    """Return the scope shown: the bar's model or team, or the chosen scope."""
    kind = queries.SCOPE_KINDS.get(view.selection.scope_kind)
    if kind is not None:
        if (kind, view.selection.scope_id) in units:
            _choose_bands()
            return _named(view, kind, view.selection.scope_id)
        st.info(
            f"**Nothing is known of how {fmt.markdown(view.scope)} ships.** Choose"
            " *everything* above to see who has figures."
        )
        return None
    if not view.selection.covers_everything:
        st.caption("Velocity has no cost centres. Choose a team or model below.")
    scopes = [_named(view, *unit) for unit in units]
    chosen_of = {each.label: each for each in scopes}
    former = {f"{each.kind} {each.id}": shown for shown, each in chosen_of.items()}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        chosen = filters.choice(
            "Whose", "whose", list(chosen_of), width=320, former=former
        )
        _choose_bands()
    return chosen_of[chosen]


def _named(view: Page, kind: str, unit: str) -> VelocityScope:
    scope = queries.VelocityScope(kind, unit, view.selection.period.months)
    if scope.ids_of is None:
        return scope
    known = names.names_of(view.snapshot, scope.ids_of)
    return replace(scope, name=known.get(unit, ""))


def _choose_bands() -> None:
    st.toggle(
        "Reference bands",
        key="bands",
        bind="query-params",
        help=f"{words.BANDS}. Other years have other bounds; they are no targets.",
    )


def _kind() -> PeriodKind:
    """Return the period kind chosen in *Flow*, which is drawn before."""
    return _KINDS[st.session_state["by"]]


def shown_period(view: Page, scope: VelocityScope) -> VelocityPeriod | None:
    """Return the quarter that is chosen above, else the newest month with figures."""
    chosen = view.selection.period
    if chosen.is_quarter:
        first = chosen.first_month
        quarter = queries.velocity_quarter(view.snapshot, scope, first)
        if quarter is not None:
            return quarter
    return queries.velocity_newest_month(view.snapshot, scope)


def show_units(view: Page, scope: VelocityScope, period: VelocityPeriod) -> None:
    """Draw all units of a kind side by side; no figure blends them."""
    table = queries.velocity_over_units(view.snapshot, scope.kind, period)
    if table.num_rows < 2:  # noqa: PLR2004  (one alone has nothing beside it)
        return
    st.header(f"Each {scope.kind}", anchor=False)
    tables.show(
        table,
        [
            tables.Column("scope_id", scope.kind.capitalize(), ids_of=scope.ids_of),
            tables.Column("change_lead_time", "Change lead time, h", "decimal"),
            tables.Column("deployment_frequency", "Deployments a week", "decimal"),
            tables.Column("change_fail_ratio", "Change fail rate", "percent"),
            tables.Column("deployments", "Deployments", "count"),
        ],
        page=view,
        name="velocity-by-unit",
        is_folded=True,
        caption=f"{fmt.month(period.label)}; a dash is unknown or fewer than five,"
        " never zero",
        origin=Origin(
            formula="Medians of each, never of all together. They serve to see where to"
            " ask, not to rank teams.",
            mart=period.mart,
        ),
    )


def show_trend(view: Page, scope: VelocityScope) -> PeriodKind:
    """Draw a metric over all months or quarters; return the period kind."""
    st.header("Over time", anchor=False)
    known_kinds = queries.velocity_kinds(view.snapshot)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        names = {name: metric for metric, (name, _) in words.METRICS.items()}
        chosen = filters.choice("Figure", "metric", list(names), width=320)
        offered = [name for name, kind in _KINDS.items() if kind in known_kinds]
        is_quarter = view.selection.period.is_quarter and "Quarter" in offered
        default = "Quarter" if is_quarter else "Month"
        by = filters.segments("By", "by", offered, default=default)
    kind = _KINDS[by]
    table = queries.velocity_series(view.snapshot, scope, names[chosen], kind)
    rows = table.to_pylist()
    known = [row for row in rows if row["value"] is not None]
    if not known:
        st.markdown(f"No {kind} of {fmt.markdown(scope.shown)} has {chosen.lower()}.")
        return kind
    st.markdown(words.over_time(chosen, scope.shown, kind, len(rows), len(known)))
    charts.show(
        velocity_charts.by_period(
            table, words.with_unit(chosen, rows[0]["unit"]), charts.palette()
        ),
        description=f"{chosen} by {kind} with its 90 % interval; a gap is a {kind}"
        " without data. The table below has the same figures.",
        of=scope.label,
    )
    tables.show(
        table,
        [
            tables.Column("period", by, "month"),
            tables.Column("value", "Figure", "decimal"),
            tables.Column("p90", "p90", "decimal"),
            tables.Column("low", "From", "decimal"),
            tables.Column("high", "To", "decimal"),
            tables.Column("n_used", "n", "count"),
            tables.Column("n_open", "Open", "count"),
            tables.Column("n_excluded", "Left out", "count"),
            tables.Column("missing_ratio", "Missing", "percent"),
        ],
        page=view,
        name=f"velocity-{names[chosen]}" + ("" if kind == "month" else "-by-quarter"),
        caption="Durations in hours, ratios as shares; interval of 90 %",
        origin=Origin(
            formula=f"{words.METRICS[names[chosen]][1]} A {kind} does not change once"
            " it is over, but for what is open.",
            mart=queries.VELOCITY_MARTS[kind],
        ),
        is_folded=True,
    )
    return kind


def show_bottleneck(view: Page, scope: VelocityScope) -> None:
    """State the median time of each stage, longest first; nothing if too few."""
    *stages, _ = queries.lead_time_stages(view.snapshot, scope).to_pylist() or [None]
    if stages:
        stages.sort(key=lambda row: -row["p50"])
        medians = ", ".join(
            f"{row['stage']} **{fmt.decimal(row['p50'])} h**" for row in stages
        )
        st.markdown(f"{view.period}, medians by stage: {medians}; they do not add up.")


def show_stages(view: Page, scope: VelocityScope) -> None:
    """Draw where changes spend their time."""
    st.header("Lead time by stage", anchor=False)
    table = queries.lead_time_stages(view.snapshot, scope)
    if table.num_rows == 0:
        st.markdown(
            f"Fewer than five changes of {fmt.markdown(scope.shown)} reached production"
            f" in {view.period}: no distribution is drawn from them."
        )
        return
    whole = table.to_pylist()[-1]
    st.markdown(
        f"Half of the {whole['n']:,} changes of {view.period} took less than"
        f" **{words.duration(whole['p50'])}**, nine of ten less than"
        f" {words.duration(whole['p90'])}."
    )
    charts.show(
        velocity_charts.stages(table, charts.palette()),
        description="For each stage a box with half of all changes, the median as a"
        " line, and whiskers from the first to the ninth decile.",
        of=f"{view.period} \u00b7 {scope.label}",
    )
    tables.show(
        table,
        [
            tables.Column("stage", "Stage"),
            tables.Column("n", "n", "count"),
            *(
                tables.Column(name, name, "decimal")
                for name in ("p10", "p25", "p50", "p75", "p90")
            ),
        ],
        page=view,
        name="lead-time-stages",
        is_folded=True,
        caption=f"{view.period}, hours",
        origin=Origin(
            formula="Quantiles by linear interpolation of the changes that ended in the"
            " period.",
            mart="delivery.fct_changes",
            row_count=whole["n"],
        ),
    )


def show_weeks(view: Page, scope: VelocityScope) -> None:
    """Draw how often was deployed, week by week."""
    st.header("Week by week", anchor=False)
    table = queries.deployment_weeks(view.snapshot, scope)
    if table.num_rows == 0:
        st.markdown("No source covers a whole week of this scope.")
        return
    st.markdown(words.quiet_weeks(table.to_pylist()))
    charts.show(
        velocity_charts.weeks(table, charts.palette()),
        description="Deployments to production by week, up to half a year back.",
        of=scope.label,
    )


main()
