"""The platform migration on *Summary*, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt
from dashboard.shared.published import has_mart, per_run, rows

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from triptych.core.warehouse.reader import Snapshot

_COSTS: Final = "roi.mart_platform_migration_costs"
_CHANGES: Final = "roi.mart_platform_migrations"


@per_run
def newest_migration(snapshot: Snapshot, until: str) -> dict[str, Any] | None:
    """Return what the newest migration changed, as far as a month can know it.

    The cost is that of all months since where the run ends with the month, else that
    of the window after the migration; ``None`` where that window ends later.
    """
    if not (has_mart(snapshot, _COSTS) and has_mart(snapshot, _CHANGES)):
        return None
    known = rows(
        snapshot,
        f"""
        SELECT costs.migration_id, costs.migration_name, costs.migration_to,
            {_of("spend_per_month", "since_change_ratio")} AS cost_change_since,
            {_of("spend_per_month", "change_ratio")} AS cost_change,
            {_of("p95_to_threshold_ratio", "before_figure")} AS latency_before,
            {_of("p95_to_threshold_ratio", "after_figure")} AS latency,
            {_of("firefighting_booked_ratio", "before_figure")} AS incidents_before,
            {_of("firefighting_booked_ratio", "after_figure")} AS incidents,
            costs.last_month <= $until AS is_newest
        FROM {_COSTS} AS costs
        JOIN {_CHANGES} AS changes ON changes.migration_id = costs.migration_id
        WHERE changes.basis = 'all'
        GROUP BY costs.migration_id, costs.migration_name, costs.migration_to,
            costs.last_month
        HAVING max(changes.after_last_month) <= $until
        ORDER BY costs.migration_to DESC, costs.migration_id
        LIMIT 1
        """,
        until=until,
    )
    return known[0] if known else None


def _of(metric: str, column: str) -> str:
    return f"max(changes.{column}) FILTER (changes.metric = '{metric}')"


def line(view: Page) -> str:
    """Say what the newest platform migration changed; nothing without one."""
    row = newest_migration(view.snapshot, max(view.selection.period.months))
    said = "" if row is None else sentence(row)
    return f"{view.organisation_prefix}{said}" if said else ""


def sentence(row: dict[str, Any]) -> str:
    """Write cost, latency and incident work of a migration, those that are known."""
    change = row["cost_change_since"] if row["is_newest"] else row["cost_change"]
    parts = []
    if change is not None:
        parts.append(f"monthly cost **{fmt.signed_percent(change)}**")
    if row["latency"] is not None:
        parts.append(_latency(row["latency"], row["latency_before"]))
    if row["incidents"] is not None:
        before = fmt.percent(row["incidents_before"])
        parts.append(f"firefighting {before} → **{fmt.percent(row['incidents'])}**")
    if not parts:
        return ""
    month = fmt.month(f"{row['migration_to']:%Y-%m}")
    return f"**Since the platform migration in {month}:** {', '.join(parts)}."


def _latency(after: float, before: float | None) -> str:
    standing = "latency at target" if after <= 1 else "latency over target"
    was = "" if before is None else f"{before:.2f} → "
    return f"{standing} ({was}**{after:.2f}** × threshold)"
