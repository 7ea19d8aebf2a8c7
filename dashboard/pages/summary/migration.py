"""The platform migration on *Summary*, as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt
from dashboard.shared.published import has_mart, per_run, rows

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from triptych.core.warehouse.reader import Snapshot

_MONTHS: Final = "roi.mart_platform_migration_months"
_CHANGES: Final = "roi.mart_platform_migrations"


@per_run
def newest_migration(snapshot: Snapshot, until: str) -> dict[str, Any] | None:
    """Return the effects of the newest migration, as known in a month.

    Cost and incidents are those of all months from the migration to that month. Latency
    is that of the window after the migration, and unknown if that ends later.
    """
    if not (has_mart(snapshot, _MONTHS) and has_mart(snapshot, _CHANGES)):
        return None
    known = rows(
        snapshot,
        f"""
        SELECT months.*, changes.before_figure AS latency_before,
            changes.after_figure AS latency, changes.after_first_month,
            changes.after_last_month
        FROM {_MONTHS} AS months
        LEFT JOIN {_CHANGES} AS changes
            ON changes.migration_id = months.migration_id AND changes.basis = 'all'
            AND changes.metric = 'p95_to_threshold_ratio'
            AND changes.after_last_month <= $until
        WHERE months.billing_month <= $until
            AND months.metric IN ('spend_per_month', 'firefighting_booked_ratio')
        QUALIFY months.billing_month = max(months.billing_month)
                OVER (PARTITION BY months.migration_id)
            AND months.migration_to = max(months.migration_to) OVER ()
        ORDER BY months.migration_id
        """,
        until=until,
    )
    if not known:
        return None
    first = known[0]["migration_id"]
    return {
        "spend": None,
        "incidents": None,
        **known[0],
        **{
            "spend" if row["metric"] == "spend_per_month" else "incidents": row
            for row in known
            if row["migration_id"] == first
        },
    }


def line(view: Page) -> str:
    """State the effects of the newest platform migration; nothing without."""
    row = newest_migration(view.snapshot, max(view.selection.period.months))
    said = "" if row is None else sentence(row)
    return f"{view.organisation_prefix}{said}" if said else ""


def sentence(row: dict[str, Any]) -> str:
    """Write the known figures of a migration, each with the months it compares."""
    spend, incidents = row["spend"], row["incidents"]
    figures: dict[str, list[str]] = {}
    if spend is not None and spend["since_change_ratio"] is not None:
        change = fmt.signed_percent(spend["since_change_ratio"])
        figures[_windows(spend)] = [f"monthly cost **{change}**"]
    if incidents is not None and incidents["before_figure"] is not None:
        before = fmt.percent(incidents["before_figure"])
        since = fmt.percent(incidents["since_figure"])
        figures.setdefault(_windows(incidents), []).append(
            f"firefighting {before} → **{since}**"
        )
    parts = [f"{' and '.join(named)} ({months})" for months, named in figures.items()]
    if row["latency"] is not None:
        parts.append(_latency(row))
    if not parts:
        return ""
    month = fmt.month(f"{row['migration_to']:%Y-%m}")
    return f"**Platform migration, {month}:** {', '.join(parts)}."


def _windows(row: dict[str, Any]) -> str:
    """Write the months since and the months before, which are compared."""
    since, before = (
        fmt.months(row[f"{side}_first_month"], row[f"{side}_last_month"])
        for side in ("since", "before")
    )
    return f"{since} against {before}"


def _latency(row: dict[str, Any]) -> str:
    """Write the p95 latency before and after a migration, in parts of its threshold."""
    after, before = row["latency"], row["latency_before"]
    was = "" if before is None else f"{before:.2f} → "
    months = fmt.months(row["after_first_month"], row["after_last_month"])
    return f"latency {was}**{after:.2f}** × threshold ({months})"
