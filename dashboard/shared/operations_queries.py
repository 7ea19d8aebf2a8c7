"""Infra hours and training times over the three and the twelve months to a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.published import per_run, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_HOURS = "delivery.mart_infra_hours"
_TRAINING = "delivery.mart_training_times"


@per_run
def infra_hours(
    snapshot: Snapshot, kind: str, months: tuple[str, ...] | None = None
) -> pa.Table:
    """Return infra hours per deployment of all teams or platforms, and of everybody.

    The windows end with the newest of some months, or of all. For an entity without
    hours a single window is enough.
    """
    return table_of(
        snapshot,
        _HOURS,
        f"""
        SELECT hours.*, coalesce(platform_name, team_name,
            CASE scope_kind WHEN 'organisation' THEN 'Organisation' END, scope_id)
            AS scope_name
        FROM {_HOURS} AS hours
        LEFT JOIN core.dim_platforms AS platforms
            ON scope_kind = 'platform' AND scope_id = platforms.platform_id
        LEFT JOIN core.dim_teams AS teams
            ON scope_kind = 'team' AND scope_id = teams.team_id
        WHERE scope_kind IN ($kind, 'organisation') AND month = (
            SELECT max(month) FROM {_HOURS}
            WHERE $months IS NULL OR list_contains($months, month)
        )
            AND (infra_hours IS NOT NULL OR window_months = 12)
        ORDER BY infra_hours IS NULL, scope_kind = 'organisation', scope_name,
            window_months
        """,
        kind=kind,
        months=None if months is None else list(months),
    )


@per_run
def training_times(snapshot: Snapshot) -> pa.Table:
    """Return training times of the newest windows, all hardware first."""
    return table_of(
        snapshot,
        _TRAINING,
        f"""
        SELECT times.*, coalesce(platform_name, times.platform_id) AS platform_name
        FROM {_TRAINING} AS times
        LEFT JOIN core.dim_platforms AS platforms USING (platform_id)
        WHERE month = (SELECT max(month) FROM {_TRAINING})
        ORDER BY architecture, breakdown, platform_name, instance_type, accelerator,
            gpu_count, window_months
        """,
    )
