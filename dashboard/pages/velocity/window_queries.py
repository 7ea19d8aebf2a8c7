"""Velocity over the three and the twelve months that end with a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.velocity.queries import IN_HOURS, UNIT_SHOWN, WINDOWS_MART
from dashboard.shared.published import per_run, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.pages.velocity.queries import VelocityScope
    from triptych.core.warehouse.reader import Snapshot

#: Rare events shown for units of a kind side by side, each with its n.
_RARE = (
    *("time_to_restore", "failed_deployment_recovery"),
    *("training_to_production", "iterations_per_feature"),
)


@per_run
def rare_over_units(snapshot: Snapshot, kind: str, months: tuple[str, ...]) -> pa.Table:
    """Return rare events per unit over twelve months, side by side."""
    metrics = ", ".join(f"'{metric}'" for metric in _RARE)
    columns = ", ".join(f"{metric}_figure AS {metric}, {metric}_n" for metric in _RARE)
    return table_of(
        snapshot,
        WINDOWS_MART,
        f"""
        SELECT scope_id, window_start, month, {columns}
        FROM (
            PIVOT (
                SELECT scope_id, window_start, month, metric, n_used,
                    {IN_HOURS.format("metric_value")} AS metric_value
                FROM {WINDOWS_MART}
                WHERE scope_kind = $kind AND window_months = 12 AND month = (
                    SELECT max(month) FROM {WINDOWS_MART}
                    WHERE list_contains($months, month)
                )
            )
            ON metric IN ({metrics})
            USING first(metric_value) AS figure, first(n_used) AS n
        )
        ORDER BY scope_id
        """,
        kind=kind,
        months=list(months),
    )


@per_run
def velocity_windows(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return a scope's windows that end with the newest of its months.

    Durations are in hours. A window without a figure gives the reason, and names the
    narrowest scope that has a figure; the organisation's own windows are those of its
    scope.
    """
    return table_of(
        snapshot,
        WINDOWS_MART,
        f"""
        SELECT metric, month, window_months, window_start, window_end, is_over,
            {UNIT_SHOWN} AS unit,
            {IN_HOURS.format("metric_value")} AS value,
            {IN_HOURS.format("p90")} AS p90,
            {IN_HOURS.format("interval_low")} AS low,
            {IN_HOURS.format("interval_high")} AS high,
            n_used, n_open, n_excluded, missing_ratio, reason, way_out,
            {IN_HOURS.format("wider_metric_value")} AS wider_value
        FROM {WINDOWS_MART}
        WHERE scope_kind = $kind AND scope_id = $id AND month = (
            SELECT max(month) FROM {WINDOWS_MART}
            WHERE list_contains($months, month)
        )
        ORDER BY metric, window_months
        """,
        kind=scope.kind,
        id=scope.id,
        months=list(scope.months),
    )
