"""Effort of operation: hours, firefighting, delivery cost and surveys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.shared.published import has_mart, one, per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.pages.velocity.queries import VelocityScope
    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_PERCENTILES = "delivery.mart_latency_percentiles"
_OF_MODEL = "($model IS NULL OR model_id = $model)"


@per_run
def infra_effort(
    snapshot: Snapshot, months: tuple[str, ...], team: str | None
) -> pa.Table:
    """Return hours and firefighting of teams in some months, oldest first."""
    return table(
        snapshot,
        """
        SELECT month, team_id, infra_hours, infra_hours_28_days,
            deployment_count_28_days, unknown_deployment_count_28_days,
            infra_hours_per_deployment,
            CASE WHEN is_filling THEN 'filling' ELSE 'whole' END AS window_state,
            headcount, available_hours, engaged_hours, incident_worklog_hours,
            firefighting_system_ratio, firefighting_self_report_ratio,
            long_entry_count, reason, way_out
        FROM delivery.mart_infra_effort
        WHERE list_contains($months, month) AND ($team IS NULL OR team_id = $team)
        ORDER BY month, team_id
        """,
        months=list(months),
        team=team,
    )


@per_run
def firefighting_months(snapshot: Snapshot) -> pa.Table:
    """Return the share of hours that each team spent on incidents, by month."""
    return table(
        snapshot,
        """
        SELECT month, team_id, firefighting_self_report_ratio AS self_report,
            firefighting_system_ratio AS system
        FROM delivery.mart_infra_effort
        WHERE coalesce(firefighting_self_report_ratio, firefighting_system_ratio)
            IS NOT NULL
        ORDER BY month, team_id
        """,
    )


@per_run
def delivery_costs(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return costs of deployments, training runs and incidents, by month."""
    return table(
        snapshot,
        """
        SELECT month, currency, effective_cost, deployment_count,
            unknown_deployment_count, cost_per_deployment, training_cost,
            training_run_count, cost_per_training_run, cost_per_training_gpu_hour,
            incident_count, engaged_hours, incident_cost, cost_per_incident,
            engaged_reason
        FROM delivery.mart_delivery_costs
        WHERE scope_kind = $kind AND scope_id = $id ORDER BY month DESC
        """,
        kind=scope.kind,
        id=scope.id,
    )


@per_run
def satisfaction(snapshot: Snapshot) -> pa.Table:
    """Return every wave, item and group; suppressed cells have no figure."""
    return table(
        snapshot,
        """
        SELECT wave_id, item_id, coalesce(group_id, 'everybody') AS group_id,
            respondent_count, response_ratio, score, favourable_ratio, enps,
            enps_low, enps_high, is_suppressed, is_response_low,
            CASE WHEN is_suppressed THEN 'too few people, or next to such a group'
            END AS reason
        FROM delivery.mart_satisfaction
        ORDER BY wave_id DESC, item_id, group_id IS NOT NULL, group_id
        """,
    )


@per_run
def serving_performance(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return latency by week of the models of a scope, newest first."""
    return table(
        snapshot,
        f"""
        SELECT week, model_id, platform_id, environment, request_count,
            p50_seconds, p95_seconds, p99_seconds, latency_threshold_seconds,
            p95_to_threshold_ratio, windows_over_threshold_ratio,
            loaded_windows_over_threshold_ratio, requests_over_threshold_ratio
        FROM delivery.mart_serving_performance
        WHERE {_OF_MODEL} AND list_contains($months, strftime(week, '%Y-%m'))
        ORDER BY week DESC, model_id, platform_id
        """,
        **_model_parameters(selection),
    )


@dataclass(frozen=True, slots=True)
class DeliveredPercentiles:
    """Counts of percentile windows, and of those over a threshold."""

    window_count: int
    judged_count: int
    over_count: int


@per_run
def delivered_percentiles(
    snapshot: Snapshot, selection: Selection
) -> DeliveredPercentiles:
    """Count windows with percentiles of a source, for the models of a scope."""
    if not has_mart(snapshot, _PERCENTILES):
        return DeliveredPercentiles(0, 0, 0)
    return DeliveredPercentiles(
        **one(
            snapshot,
            f"""
            SELECT count(*) AS window_count,
                count(is_over_threshold) AS judged_count,
                count(*) FILTER (is_over_threshold) AS over_count
            FROM {_PERCENTILES}
            WHERE {_OF_MODEL} AND list_contains($months, month)
            """,
            **_model_parameters(selection),
        )
    )


@per_run
def latency_percentiles(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return windows with percentiles as a source computed them, newest first."""
    return table(
        snapshot,
        f"""
        SELECT window_start, window_seconds / 3600 AS window_hours,
            coalesce(service, service_id, pool_id) AS service, environment, model_id,
            source_system, request_count, p50_seconds, p90_seconds, p95_seconds,
            p99_seconds, latency_threshold_seconds
        FROM {_PERCENTILES}
        WHERE {_OF_MODEL} AND list_contains($months, month)
        ORDER BY window_start DESC, service, environment
        """,
        **_model_parameters(selection),
    )


def _model_parameters(selection: Selection) -> dict[str, Any]:
    return {
        "model": selection.scope_id if selection.scope_kind == "model" else None,
        "months": list(selection.period.months),
    }
