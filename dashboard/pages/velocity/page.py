"""Velocity: how fast it ships, how often that fails, and what running it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.velocity import charts as velocity_charts
from dashboard.pages.velocity import cohorts as cohort_sections
from dashboard.pages.velocity import effort as effort_sections
from dashboard.pages.velocity import organisation, queries
from dashboard.pages.velocity import sentences as words
from dashboard.pages.velocity import windows as window_section
from dashboard.shared import charts, explaining, filters, names, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.velocity.queries import (
        PeriodKind,
        VelocityFigure,
        VelocityPeriod,
        VelocityScope,
    )
    from dashboard.shared.context import Page

_EVENTS = "delivery.mart_velocity_events"
_FLOW = ("change_lead_time", "deployment_frequency")
_RELIABILITY = (
    *("change_fail_ratio", "failed_deployment_recovery"),
    *("rework_ratio", "time_to_restore"),
)
_MODELS = ("training_to_production", "iterations_per_feature")
_KINDS: dict[str, PeriodKind] = {"Month": "month", "Quarter": "quarter"}


def main() -> None:
    """Draw the page: the organisation, then who is chosen, by what is asked."""
    here = page.current(__file__)
    units = queries.velocity_units(here.snapshot)
    if not units:
        show_nothing()
        effort_sections.show_effort(here, None)
        effort_sections.show_satisfaction(here)
        show_unmapped(here)
        return
    organisation.show(here)
    scope = chosen_scope(here, units)
    if scope is None:
        return
    period = shown_period(here, scope)
    tabs.show(
        "velocity",
        {
            "Flow": lambda: show_flow(here, scope, period),
            "Reliability": lambda: show_reliability(here, scope, period),
            "Models": lambda: show_models(here, scope, period),
            "People": lambda: show_people(here, scope),
            "Cost": lambda: show_cost(here, scope),
        },
    )


def show_flow(here: Page, scope: VelocityScope, period: VelocityPeriod | None) -> None:
    """Draw where time goes, and how fast and often changes reach production."""
    show_bottleneck(here, scope)
    _show_tiles(here, scope, period, _FLOW)
    kind = show_trend(here, scope)
    show_stages(here, scope)
    if period is not None:
        show_units(here, scope, period)
    with st.expander("Deployments week by week"):
        show_weeks(here, scope)
    with st.expander("Time to production with open changes included"):
        cohort_sections.show_waiting(here, scope, kind)
    with st.expander("Events behind a figure"):
        show_events(here, scope)


def show_reliability(
    here: Page, scope: VelocityScope, period: VelocityPeriod | None
) -> None:
    """Draw how often a change fails, and how long it takes to recover."""
    _show_tiles(here, scope, period, _RELIABILITY)
    window_section.show_windows(here, scope)


def show_models(
    here: Page, scope: VelocityScope, period: VelocityPeriod | None
) -> None:
    """Draw how versions of models come from training into production."""
    _show_tiles(here, scope, period, _MODELS)
    cohort_sections.show_conversions(here, scope, _kind())
    show_promotions(here, scope)


def show_people(here: Page, scope: VelocityScope) -> None:
    """Draw hours, satisfaction, and names that map to no owner."""
    effort_sections.show_effort(here, scope.id if scope.kind == "team" else None)
    effort_sections.show_satisfaction(here)
    show_unmapped(here)


def show_cost(here: Page, scope: VelocityScope) -> None:
    """Draw what a deployment, a run and an incident cost, and latency."""
    effort_sections.show_costs(here, scope)
    effort_sections.show_latency(here)


def show_nothing() -> None:
    """Say what would fill the page."""
    st.info(
        "**No deployment, incident or training run is known yet.** Point your systems"
        " at `triptych receive`, or name GitHub, GitLab, MLflow, PagerDuty or a table"
        " of events as a source. What belongs to which model, `identities` in"
        " `catalog.yml` say."
    )


def chosen_scope(here: Page, units: list[tuple[str, str]]) -> VelocityScope | None:
    """Return whose velocity is shown: the bar's model or team, or the chosen one."""
    kind = queries.SCOPE_KINDS.get(here.selection.scope_kind)
    if kind is not None:
        if (kind, here.selection.scope_id) in units:
            _choose_bands()
            return _named(here, kind, here.selection.scope_id)
        st.info(
            f"**Nothing is known of how {fmt.markdown(here.scope)} ships.** Choose"
            " *everything* above to see who has figures."
        )
        return None
    if not here.selection.covers_everything:
        st.caption("Velocity has no cost centres: everybody can be chosen below.")
    scopes = [_named(here, *unit) for unit in units]
    chosen_of = {f"{each.kind} {each.shown}": each for each in scopes}
    former = {f"{each.kind} {each.id}": shown for shown, each in chosen_of.items()}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        chosen = filters.choice(
            "Whose", "whose", list(chosen_of), width=320, former=former
        )
        _choose_bands()
    return chosen_of[chosen]


def _named(here: Page, kind: str, unit: str) -> VelocityScope:
    scope = queries.VelocityScope(kind, unit, here.selection.period.months)
    if scope.ids_of is None:
        return scope
    known = names.names_of(here.snapshot, scope.ids_of)
    return replace(scope, name=known.get(unit, ""))


def _choose_bands() -> None:
    st.toggle(
        "Reference bands",
        key="bands",
        bind="query-params",
        help=f"{words.BANDS}. Other years have other bounds; they are no targets.",
    )


def _kind() -> PeriodKind:
    """Return how figures are shown over time: what *Flow*, drawn before, chose."""
    return _KINDS[st.session_state["by"]]


def shown_period(here: Page, scope: VelocityScope) -> VelocityPeriod | None:
    """Return the quarter that is chosen above, else the newest month with figures."""
    chosen = here.selection.period
    if chosen.is_quarter:
        first = chosen.first_month
        quarter = queries.velocity_quarter(here.snapshot, scope, first)
        if quarter is not None:
            return quarter
    return queries.velocity_newest_month(here.snapshot, scope)


def _show_tiles(
    here: Page,
    scope: VelocityScope,
    period: VelocityPeriod | None,
    metrics: Sequence[str],
) -> None:
    """Draw figures of a month or quarter with their intervals."""
    if period is None:
        st.info(
            f"**Nothing of {fmt.markdown(scope.shown)} ended in {here.period}.** No"
            " figure is drawn from nothing: a month without data is unknown, not zero."
        )
        return
    figures = queries.velocity_figures(here.snapshot, scope, period)
    so_far = "" if period.is_over else ", so far"
    st.subheader(
        f"{fmt.markdown(scope.shown)}, {fmt.period(period.label)}{so_far}", anchor=False
    )
    with_bands = bool(st.session_state.get("bands"))
    windows = window_section.windows_by_metric(here, scope)
    for column, metric in zip(st.columns(len(metrics)), metrics, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            figure = figures.get(metric)
            rows = windows.get(metric, [])
            _tile(here, scope, period, metric, figure, rows, with_bands=with_bands)


def _tile(
    here: Page,
    scope: VelocityScope,
    period: VelocityPeriod,
    metric: str,
    figure: VelocityFigure | None,
    windows: list[dict[str, Any]],
    *,
    with_bands: bool,
) -> None:
    name, formula = words.METRICS[metric]
    value = None if figure is None else figure.value
    prior = _prior(here, scope, period, figure)
    st.metric(
        here.tile_label(name),
        fmt.UNKNOWN if figure is None else words.value(figure, value),
        delta=prior,
        delta_color="off",
        delta_arrow="off",
    )
    if figure is None or value is None:
        st.caption(words.absence(figure))
    else:
        band = words.band(figure) if with_bands else None
        st.caption(words.evidence(figure) + (f" · {band}, 2023" if band else ""))
    if windows:
        st.caption(words.over_windows(windows))
    reasons = "" if figure is None else figure.excluded_by_reason or ""
    left_out = f" Left out: {reasons.replace('_', ' ')}." if reasons else ""
    version = f" Definition {figure.definition_version}." if figure else ""
    explaining.show(
        here,
        Origin(
            formula=f"{formula}{left_out}{version}",
            mart=period.mart,
            row_count=0 if figure is None else figure.n_used,
        ),
    )


def _prior(
    here: Page,
    scope: VelocityScope,
    period: VelocityPeriod,
    figure: VelocityFigure | None,
) -> str | None:
    """Write the same figure of the newest period before."""
    if figure is None:
        return None
    table = queries.velocity_series(here.snapshot, scope, figure.metric, period.kind)
    before = [
        row
        for row in table.to_pylist()
        if row["period"] < figure.period and row["value"] is not None
    ]
    if not before:
        return None
    last = before[-1]
    return f"{words.value(figure, last['value'])} in {fmt.period(last['period'])}"


def show_units(here: Page, scope: VelocityScope, period: VelocityPeriod) -> None:
    """Draw all units of a kind side by side; no figure blends them."""
    table = queries.velocity_over_units(here.snapshot, scope.kind, period)
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
        page=here,
        name="velocity-by-unit",
        is_folded=True,
        caption=f"{fmt.month(period.label)}; a dash is unknown or fewer than five,"
        " never zero",
        origin=Origin(
            formula="Medians of each, never of all together. They serve to see where to"
            " ask, not to rank teams.",
            mart=period.mart,
            row_count=table.num_rows,
        ),
    )


def show_trend(here: Page, scope: VelocityScope) -> PeriodKind:
    """Draw one metric over all months or quarters; return which of them."""
    st.header("Over time", anchor=False)
    known_kinds = queries.velocity_kinds(here.snapshot)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        names = {name: metric for metric, (name, _) in words.METRICS.items()}
        chosen = filters.choice("Figure", "metric", list(names), width=320)
        offered = [name for name, kind in _KINDS.items() if kind in known_kinds]
        is_quarter = here.selection.period.is_quarter and "Quarter" in offered
        default = "Quarter" if is_quarter else "Month"
        by = filters.segments("By", "by", offered, default=default)
    kind = _KINDS[by]
    table = queries.velocity_series(here.snapshot, scope, names[chosen], kind)
    rows = table.to_pylist()
    known = [row for row in rows if row["value"] is not None]
    if not known:
        st.markdown(f"No {kind} of {fmt.markdown(scope.shown)} has {chosen.lower()}.")
        return kind
    st.markdown(words.over_time(chosen, scope.shown, kind, len(rows), len(known)))
    charts.show(
        velocity_charts.by_period(table, chosen, charts.palette()),
        description=f"{chosen} by {kind} with its 90 % interval; a gap is a {kind}"
        " without data. The table below has the same figures.",
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
        page=here,
        name=f"velocity-{names[chosen]}" + ("" if kind == "month" else "-by-quarter"),
        caption="Durations in hours, ratios as shares; interval of 90 %",
        origin=Origin(
            formula=f"{words.METRICS[names[chosen]][1]} A {kind} does not change once"
            " it is over, but for what is open.",
            mart=queries.VELOCITY_MARTS[kind],
            row_count=len(rows),
        ),
        is_folded=True,
    )
    return kind


def show_bottleneck(here: Page, scope: VelocityScope) -> None:
    """Say in which stage a change spends most of its time; nothing of too few."""
    *stages, _ = queries.lead_time_stages(here.snapshot, scope).to_pylist() or [None]
    if stages:
        stages.sort(key=lambda row: -row["p50"])
        medians = ", ".join(
            f"{row['stage']} **{fmt.decimal(row['p50'])} h**" for row in stages
        )
        st.markdown(f"{here.period}, medians by stage: {medians}; they do not add up.")


def show_stages(here: Page, scope: VelocityScope) -> None:
    """Draw where changes spend their time."""
    st.header("Lead time by stage", anchor=False)
    table = queries.lead_time_stages(here.snapshot, scope)
    if table.num_rows == 0:
        st.markdown(
            f"Fewer than five changes of {fmt.markdown(scope.shown)} reached production"
            f" in {here.period}: no distribution is drawn from them."
        )
        return
    whole = table.to_pylist()[-1]
    st.markdown(
        f"Half of the {whole['n']:,} changes of {here.period} took less than"
        f" **{words.duration(whole['p50'])}**, nine of ten less than"
        f" {words.duration(whole['p90'])}."
    )
    charts.show(
        velocity_charts.stages(table, charts.palette()),
        description="For each stage a box with half of all changes, the median as a"
        " line, and whiskers from the first to the ninth decile.",
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
        page=here,
        name="lead-time-stages",
        is_folded=True,
        caption=f"{here.period}, hours",
        origin=Origin(
            formula="Quantiles by linear interpolation of the changes that ended in the"
            " period.",
            mart="delivery.fct_changes",
            row_count=whole["n"],
        ),
    )


def show_weeks(here: Page, scope: VelocityScope) -> None:
    """Draw how often was deployed, week by week."""
    st.header("Week by week", anchor=False)
    table = queries.deployment_weeks(here.snapshot, scope)
    if table.num_rows == 0:
        st.markdown("No system tells of weeks of this scope.")
        return
    rows = [row for row in table.to_pylist() if row["is_complete"]]
    quiet = sum(row["deployment_count"] == 0 for row in rows)
    st.markdown(
        f"In **{quiet} of {fmt.plural(len(rows), 'whole week')}** nothing was deployed."
        " They count in the median above."
    )
    charts.show(
        velocity_charts.weeks(table, charts.palette()),
        description="Deployments to production by week, up to half a year back.",
    )


def show_promotions(here: Page, scope: VelocityScope) -> None:
    """Draw how each version came from training into production."""
    st.header("Training to production", anchor=False)
    if scope.kind == "service":
        st.markdown("Versions belong to models: choose one above.")
        return
    table = queries.promotions(here.snapshot, scope)
    if table.num_rows == 0:
        st.markdown(
            f"No version of {fmt.markdown(scope.shown)} came into production in"
            f" {here.period}."
        )
        return
    imprecise = sum((row["precision_seconds"] or 0) > 1 for row in table.to_pylist())
    note = (
        f" Of {fmt.plural(imprecise, 'version')} the time is only known to lie between"
        " two looks at the registry."
        if imprecise
        else ""
    )
    came = fmt.plural(table.num_rows, "version came", "versions came")
    st.markdown(f"**{came}** into production in {here.period}.{note}")
    tables.show(
        table,
        [
            tables.Column("registered_model", "Registered model"),
            tables.Column("model_version", "Version"),
            tables.Column("event_time", "In production", "moment"),
            tables.Column("change_kind", "Change"),
            tables.Column("training_hours", "Training, h", "decimal"),
            tables.Column("end_to_registered_hours", "To registered, h", "decimal"),
            tables.Column(
                "registered_to_production_hours", "To production, h", "decimal"
            ),
            tables.Column(
                "training_to_production_hours",
                "End to production, h",
                "decimal",
                "exclusion_reason",
            ),
            tables.Column("precision_seconds", "± s", "decimal"),
            tables.Column("how", "Known from"),
        ],
        page=here,
        name="promotions",
        caption=f"{here.period}; legs are shown and never summed",
        origin=Origin(
            formula=words.METRICS["training_to_production"][1],
            mart="delivery.fct_promotions",
            row_count=table.num_rows,
        ),
    )


def show_events(here: Page, scope: VelocityScope) -> None:
    """Draw what a figure consists of, what is open, and what it leaves out."""
    st.header("Behind a figure", anchor=False)
    # Days of a week are counted from the same events as deployments.
    names = {
        name: metric
        for metric, (name, _) in words.METRICS.items()
        if metric != "deployment_days"
    }
    chosen = filters.choice("Events of", "behind", list(names), width=320)
    table = queries.velocity_events(here.snapshot, scope, names[chosen])
    rows = table.to_pylist()
    counts = {
        state: sum(row["state"] == state for row in rows)
        for state in ("used", "open", "excluded")
    }
    st.markdown(
        f"**{counts['used']:,} used**, {counts['open']:,} open and"
        f" {counts['excluded']:,} left out, of {fmt.markdown(scope.shown)} in"
        f" {here.period}."
    )
    if not rows:
        return
    tables.show(
        table,
        [
            tables.Column("event_kind", "What"),
            tables.Column("event_key", "Key"),
            tables.Column("state", "State"),
            tables.Column("exclusion_reason", "Why left out"),
            tables.Column("started_at", "Began", "moment"),
            tables.Column("ended_at", "Ended", "moment"),
            tables.Column("event_value", "Adds", "decimal"),
        ],
        page=here,
        name=f"events-{names[chosen]}",
        caption=f"{chosen}, {here.period}; durations in hours",
        origin=Origin(
            formula=words.METRICS[names[chosen]][1], mart=_EVENTS, row_count=len(rows)
        ),
    )


def show_unmapped(here: Page) -> None:
    """Draw which names belong to nobody, and what would map them."""
    st.header("Names that nobody owns", anchor=False)
    table = queries.unmapped_identities(here.snapshot)
    if table.num_rows == 0:
        st.markdown("Every name in the events belongs to a model, feature or team.")
        return
    names = fmt.plural(table.num_rows, "name belongs", "names belong")
    st.markdown(
        f"**{names} to nobody**, so their events are in no figure of a model or team."
        " Each line below can be copied under `identities` in `catalog.yml`."
    )
    tables.show(
        table,
        [
            tables.Column("name", "Name"),
            tables.Column("kind", "Kind"),
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("row_count", "Events", "count"),
            tables.Column("catalog_entry", "Entry that would map it"),
        ],
        page=here,
        name="unmapped-identities",
        caption="All sources",
        origin=Origin(
            formula="Names of services, repositories, registered models and projects"
            " that no identity maps and no row names an owner for.",
            mart="delivery.mart_unmapped_identities",
            row_count=table.num_rows,
        ),
    )


main()
