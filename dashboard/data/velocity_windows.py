"""Velocity over the three and the twelve months that end with a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from dashboard.data.published import has_mart, per_run, table

if TYPE_CHECKING:
    from dashboard.data.velocity import VelocityScope
    from triptych.warehouse.reader import Snapshot

VELOCITY_WINDOWS = "delivery.mart_velocity_windows"
_NOTHING = pa.table({})
#: Figures whose unit is seconds are written in hours.
_IN_HOURS = "CASE WHEN unit = 'seconds' THEN {0} / 3600 ELSE {0} END AS {1}"


#: What units of a kind are shown with side by side, each with its n.
RARE = (
    *("time_to_restore", "failed_deployment_recovery"),
    *("training_to_production", "iterations_per_feature"),
)


@per_run
def rare_over_units(snapshot: Snapshot, kind: str, months: tuple[str, ...]) -> pa.Table:
    """Return what is rare of each unit of a kind over twelve months, side by side."""
    if not has_mart(snapshot, VELOCITY_WINDOWS):
        return _NOTHING
    hours = "CASE WHEN unit = 'seconds' THEN metric_value / 3600 ELSE metric_value END"
    pivoted = ", ".join(
        f"max({hours}) FILTER (metric = '{metric}') AS {metric},"
        f" max(n_used) FILTER (metric = '{metric}') AS {metric}_n"
        for metric in RARE
    )
    return table(
        snapshot,
        f"""
        SELECT scope_id, max(window_start) AS window_start, max(month) AS month,
            {pivoted}
        FROM {VELOCITY_WINDOWS}
        WHERE scope_kind = $kind AND window_months = 12 AND month = (
            SELECT max(month) FROM {VELOCITY_WINDOWS}
            WHERE list_contains($months, month)
        )
        GROUP BY scope_id ORDER BY scope_id
        """,
        kind=kind,
        months=list(months),
    )


@per_run
def velocity_windows(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return a scope's windows that end with the newest of its months.

    Durations are in hours. A window without a figure says why, and names the narrowest
    scope that has one; the organisation's own windows are those of its scope.
    """
    if not has_mart(snapshot, VELOCITY_WINDOWS):
        return _NOTHING
    return table(
        snapshot,
        f"""
        SELECT metric, month, window_months, window_start, window_end, is_over,
            CASE WHEN unit = 'seconds' THEN 'hours' ELSE unit END AS unit,
            {_IN_HOURS.format("metric_value", "value")},
            {_IN_HOURS.format("p90", "p90")},
            {_IN_HOURS.format("interval_low", "low")},
            {_IN_HOURS.format("interval_high", "high")},
            n_used, n_open, n_excluded, missing_ratio, reason, way_out,
            {_IN_HOURS.format("wider_metric_value", "wider_value")}
        FROM {VELOCITY_WINDOWS}
        WHERE scope_kind = $kind AND scope_id = $id AND month = (
            SELECT max(month) FROM {VELOCITY_WINDOWS}
            WHERE list_contains($months, month)
        )
        ORDER BY metric, window_months
        """,
        kind=scope.kind,
        id=scope.id,
        months=list(scope.months),
    )
