"""Velocity of the organisation: a whole quarter against the prior quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.pages.velocity.queries import IN_HOURS, UNIT_SHOWN, WINDOWS_MART
from dashboard.shared.names import named_sql
from dashboard.shared.published import has_mart, per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_QUARTERS: Final = "delivery.mart_velocity_quarters"
_CHANGES: Final = "delivery.mart_velocity_changes"
_OF_UNITS: Final = ("change_lead_time", "deployment_frequency", "change_fail_ratio")
_OF_ALL: Final = ("time_to_restore", "training_to_production")


@per_run
def compared_quarters(snapshot: Snapshot, until: str) -> list[dict[str, Any]]:
    """Return the newest two quarters that were over by a month, the newer first."""
    if not has_mart(snapshot, _CHANGES):
        return []
    return rows(
        snapshot,
        f"""
        SELECT DISTINCT quarter, last_month FROM {_QUARTERS}
        WHERE is_over AND last_month <= $until AND n_used > 0
        ORDER BY quarter DESC LIMIT 2
        """,
        until=until,
    )


@per_run
def units_compared(snapshot: Snapshot, kind: str, quarter: str) -> list[dict[str, Any]]:
    """Return per metric the span over all units, and how many changed beyond chance."""
    spans = ("least", "greatest", "least_before", "greatest_before")
    columns = ", ".join(f"{IN_HOURS.format(name)} AS {name}" for name in spans)
    return rows(
        snapshot,
        f"""
        SELECT metric, {UNIT_SHOWN} AS unit, {columns}, compared_count, less_count,
            more_count
        FROM {_CHANGES}
        WHERE scope_kind = $kind AND quarter = $quarter
            AND list_contains($metrics, metric)
        """,
        kind=kind,
        quarter=quarter,
        metrics=list(_OF_UNITS),
    )


@per_run
def whole_compared(
    snapshot: Snapshot, last_month: str, last_month_before: str
) -> list[dict[str, Any]]:
    """Return per metric the organisation's figure of both quarters, with intervals."""
    if not has_mart(snapshot, WINDOWS_MART):
        return []
    return rows(
        snapshot,
        f"""
        SELECT now.metric,
            {UNIT_SHOWN} AS unit,
            now.n_used,
            {IN_HOURS.format("now.metric_value")} AS figure,
            {IN_HOURS.format("old.metric_value")} AS figure_before,
            now.interval_high < old.interval_low AS is_less,
            now.interval_low > old.interval_high AS is_more
        FROM {WINDOWS_MART} AS now
        JOIN {WINDOWS_MART} AS old
            USING (scope_kind, scope_id, metric, window_months, unit)
        WHERE scope_kind = 'organisation' AND window_months = 3
            AND now.month = $month AND old.month = $before
            AND list_contains($metrics, now.metric) AND now.metric_value IS NOT NULL
        """,
        month=last_month,
        before=last_month_before,
        metrics=list(_OF_ALL),
    )


@per_run
def slowest_teams(snapshot: Snapshot, quarter: str) -> pa.Table | None:
    """Return teams of a quarter by their time to production in hours, slowest first.

    Teams of too few items come last, with the reason. Runs of earlier versions have
    no ranks.
    """
    known = table(snapshot, f"SELECT * FROM {_QUARTERS} LIMIT 0").column_names
    if "slowness_rank" not in known:
        return None
    return table(
        snapshot,
        f"""
        SELECT metric, scope_id AS team_id,
            coalesce(names.team, scope_id) AS team,
            CASE metric WHEN 'change_lead_time' THEN 'From commit'
                ELSE 'From training' END AS path,
            slowness_rank, unranked_reason, n_used,
            {IN_HOURS.format("metric_value")} AS figure,
            {IN_HOURS.format("interval_low")} AS low,
            {IN_HOURS.format("interval_high")} AS high
        FROM {_QUARTERS}
        LEFT JOIN {named_sql("team")} AS names ON names.team_id = scope_id
        WHERE scope_kind = 'team' AND quarter = $quarter
            AND (slowness_rank IS NOT NULL OR unranked_reason IS NOT NULL)
        ORDER BY metric DESC, slowness_rank NULLS LAST, team
        """,
        quarter=quarter,
    )
