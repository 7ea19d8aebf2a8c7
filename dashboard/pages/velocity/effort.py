"""Sections of *Velocity*: delivery cost, latency, hours and surveys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.scorecard import operations as operations_section
from dashboard.pages.velocity import charts as velocity_charts
from dashboard.pages.velocity import effort_queries
from dashboard.pages.velocity import sentences as words
from dashboard.shared import charts, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import ORGANISATION, Origin

if TYPE_CHECKING:
    from dashboard.pages.velocity.queries import VelocityScope
    from dashboard.shared.context import Page


def show_costs(view: Page, scope: VelocityScope) -> None:
    """Draw the cost of a deployment, a training run and an incident."""
    st.header("What delivery costs", anchor=False)
    if scope.kind == "service":
        st.markdown("Costs belong to models and teams: choose one above.")
        return
    table = effort_queries.delivery_costs(view.snapshot, scope)
    if table.num_rows == 0:
        st.markdown(
            f"No month of {fmt.markdown(scope.shown)} has both costs and events."
        )
        return
    st.markdown(words.cost_of_a_deployment(scope.shown, table.to_pylist()[0]))
    tables.show(
        table,
        [
            tables.Column("month", "Month", "month"),
            tables.Column("effective_cost", "Cost", "money"),
            tables.Column("deployment_count", "Deployments", "count"),
            tables.Column("unknown_deployment_count", "Outcome unknown", "count"),
            tables.Column("cost_per_deployment", "All cost ÷ deployments", "unit_cost"),
            tables.Column("training_cost", "Of it training", "money"),
            tables.Column("training_run_count", "Runs", "count"),
            tables.Column("cost_per_training_run", "Per run", "unit_cost"),
            tables.Column("incident_count", "Incidents", "count"),
            tables.Column("engaged_hours", "Engaged, h", "decimal", "engaged_reason"),
            tables.Column("cost_per_incident", "Per incident", "unit_cost"),
        ],
        page=view,
        name="delivery-costs",
        caption="Amortised; incidents at the loaded hourly rate of triptych.yml",
        origin=Origin(
            formula="All effective cost of the month, serving included, ÷"
            " deployments: one denominator everywhere, so that twice the deployments"
            " cost half as much each. Incidents: engaged hours at the loaded hourly"
            " rate; unknown without hours or a rate.",
            mart="delivery.mart_delivery_costs",
        ),
    )


def show_latency(view: Page) -> None:
    """Draw latency against its threshold, from histograms that were added up."""
    st.header("Latency against the threshold", anchor=False)
    table = effort_queries.serving_performance(view.snapshot, view.selection)
    if table.num_rows == 0:
        st.markdown(
            f"No histogram of latencies is known of {view.period}. Percentiles that a"
            " source computed cannot be merged; connect Prometheus' buckets, or deliver"
            " `latency_histograms`."
        )
        show_delivered_percentiles(view)
        return
    over = [row for row in table.to_pylist() if words.is_over_threshold(row)]
    weeks = fmt.plural(len(over), "model-week is", "model-weeks are")
    st.markdown(f"**{weeks} over the threshold** at p95, of {table.num_rows:,}.")
    tables.show(
        table,
        [
            tables.Column("week", "Week of", "day"),
            tables.Column("model_id", "Model"),
            tables.Column("platform_id", "Platform"),
            tables.Column("request_count", "Requests", "decimal"),
            tables.Column("p50_seconds", "p50, s", "decimal"),
            tables.Column("p95_seconds", "p95, s", "decimal"),
            tables.Column("p99_seconds", "p99, s", "decimal"),
            tables.Column("latency_threshold_seconds", "Threshold, s", "decimal"),
            tables.Column("windows_over_threshold_ratio", "Windows over", "percent"),
            tables.Column(
                "loaded_windows_over_threshold_ratio", "Under load", "percent"
            ),
            tables.Column("requests_over_threshold_ratio", "Requests over", "percent"),
        ],
        page=view,
        name="serving-performance",
        caption=f"{view.period}; windows of five minutes, or as long as they were told",
        origin=Origin(
            formula="Buckets are added over instances first, then the percentile is"
            " read from the sum; percentiles are never averaged. Requests over is exact"
            " where the threshold is a bound of the histogram.",
            mart="delivery.mart_serving_performance",
        ),
    )
    show_delivered_percentiles(view)


def show_delivered_percentiles(view: Page) -> None:
    """Draw percentiles that a source computed, window by window."""
    counts = effort_queries.delivered_percentiles(view.snapshot, view.selection)
    if counts.window_count == 0:
        return
    st.subheader("As their source computed them", anchor=False)
    over = (
        f" In **{counts.over_count:,} of {counts.judged_count:,}** the p95 was over the"
        " threshold of its model."
        if counts.judged_count
        else " No threshold is known of their models: `latency_threshold_seconds` in"
        " `catalog.yml` names one."
    )
    st.markdown(
        f"{fmt.plural(counts.window_count, 'window')} of {view.period} came as"
        " percentiles without their histogram. They stand window by window: several of"
        f" them have no common percentile, and they are not averaged.{over}"
    )
    table = effort_queries.latency_percentiles(view.snapshot, view.selection)
    tables.show(
        table,
        [
            tables.Column("window_start", "Window from", "moment"),
            tables.Column("window_hours", "Hours", "decimal"),
            tables.Column("service", "Service"),
            tables.Column("environment", "Environment"),
            tables.Column("model_id", "Model"),
            tables.Column("request_count", "Requests", "decimal"),
            tables.Column("p50_seconds", "p50, s", "decimal"),
            tables.Column("p90_seconds", "p90, s", "decimal"),
            tables.Column("p95_seconds", "p95, s", "decimal"),
            tables.Column("p99_seconds", "p99, s", "decimal"),
            tables.Column("latency_threshold_seconds", "Threshold, s", "decimal"),
            tables.Column("source_system", "Computed by"),
        ],
        page=view,
        name="latency-percentiles",
        caption=f"{view.period}; percentiles as delivered",
        origin=Origin(
            formula="As the source computed them over each window: delivered, not"
            " derived. Never merged, never averaged.",
            mart="delivery.mart_latency_percentiles",
        ),
    )


def show_effort(view: Page, team: str | None) -> None:
    """Draw hours of infrastructure work and the share of firefighting."""
    st.header("Effort of operation", anchor=False)
    period = view.selection.period.months
    operations_section.show_infra_hours(view, "team", period, team)
    months = effort_queries.firefighting_months(view.snapshot)
    table = effort_queries.infra_effort(view.snapshot, period, team)
    if table.num_rows == 0 and months.num_rows == 0:
        st.markdown(
            "No hours are known. Deliver `worklogs` and `headcount`, or connect Jira,"
            " PagerDuty or incident.io."
        )
        return
    if months.num_rows:
        charts.show(
            velocity_charts.firefighting(months, charts.palette()),
            description="Share of a team's available hours that was booked on"
            " incidents, by month.",
            of=ORGANISATION,
        )
    if table.num_rows == 0:
        st.markdown(f"No hours are known of {view.period}.")
        return
    tables.show(
        table,
        [
            tables.Column("team_id", "Team"),
            tables.Column("month", "Month", "month"),
            tables.Column("infra_hours", "Infra, h", "decimal", "reason"),
            tables.Column("infra_hours_28_days", "Four weeks, h", "decimal"),
            tables.Column("deployment_count_28_days", "Deployments", "count"),
            tables.Column(
                "unknown_deployment_count_28_days", "Outcome unknown", "count"
            ),
            tables.Column("infra_hours_per_deployment", "Per deployment, h", "decimal"),
            tables.Column("window_state", "Hours so far"),
            tables.Column("headcount", "People", "decimal"),
            tables.Column("available_hours", "Available, h", "decimal"),
            tables.Column("incident_worklog_hours", "Booked, h", "decimal"),
            tables.Column(
                "firefighting_self_report_ratio", "Firefighting, booked", "percent"
            ),
            tables.Column("firefighting_system_ratio", "Engaged", "percent"),
            tables.Column("way_out", "Way out", "prose"),
        ],
        page=view,
        name="infra-effort",
        caption=f"{view.period}; four weeks end with the month",
        origin=Origin(
            formula="Infra hours of four weeks ÷ deployments of known outcome in them;"
            " none without a deployment; filling while less than seven days have passed"
            " since, because hours are booked late. Firefighting: hours on incidents ÷"
            " available hours, as booked by people and as engaged by the incident"
            " system, never their sum. Over 100 % means overlap and is not cut off."
            " Hours of a team of fewer than five people are not shown, nor those of the"
            " next smallest, from which they would follow.",
            mart="delivery.mart_infra_effort",
        ),
    )


def show_satisfaction(view: Page) -> None:
    """Draw survey answers, for groups of five and more."""
    st.header("What developers say", anchor=False)
    table = effort_queries.satisfaction(view.snapshot)
    if table.num_rows == 0:
        st.markdown("No survey is known: a source of type `surveys` reads one.")
        return
    hidden = sum(table["is_suppressed"].to_pylist())
    note = (
        f" {fmt.plural(hidden, 'cell is', 'cells are')} not shown: too few"
        " people, or such a group could be worked out from it."
        if hidden
        else ""
    )
    st.markdown(f"By wave, of groups that are large enough to be anonymous.{note}")
    tables.show(
        table,
        [
            tables.Column("wave_id", "Wave"),
            tables.Column("item_id", "Item"),
            tables.Column("group_id", "Group"),
            tables.Column("respondent_count", "n", "count", "reason"),
            tables.Column("response_ratio", "Answered", "percent"),
            tables.Column("score", "Score, 0 to 100", "decimal"),
            tables.Column("favourable_ratio", "Favourable", "percent"),
            tables.Column("enps", "eNPS", "decimal"),
            tables.Column("enps_low", "From", "decimal"),
            tables.Column("enps_high", "To", "decimal"),
        ],
        page=view,
        name="satisfaction",
        caption="All waves; eNPS with its interval of 90 %",
        origin=Origin(
            formula="Mean of 100 × (answer − least) ÷ (largest − least). eNPS: per cent"
            " of 9 and 10 less per cent of 0 to 6. No person is shown anywhere.",
            mart="delivery.mart_satisfaction",
        ),
    )
