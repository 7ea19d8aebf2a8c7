"""The platform migration in the story of *Summary*: figures before and since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt
from dashboard.shared.published import has_mart, per_run, rows

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from triptych.core.warehouse.reader import Snapshot

_MONTHS: Final = "roi.mart_platform_migration_months"
_CHANGES: Final = "roi.mart_platform_migrations"
_COSTS: Final = "roi.mart_platform_migration_costs"
#: Metric of the mart → name of its row in the story.
_METRICS: Final = {
    "spend_per_month": "spend",
    "spend_to_budget_ratio": "budget",
    "firefighting_booked_ratio": "incidents",
}


@per_run
def newest_migration(snapshot: Snapshot, until: str) -> dict[str, Any] | None:
    """Return the effects of the newest migration, as known in a month.

    Cost, budget and incidents are those of all months from the migration to that month.
    Latency and payback are those of the window after the migration, and unknown if that
    ends later.
    """
    if not all(has_mart(snapshot, mart) for mart in (_MONTHS, _CHANGES, _COSTS)):
        return None
    known = rows(
        snapshot,
        f"""
        SELECT months.*, changes.before_figure AS latency_before,
            changes.after_figure AS latency, changes.after_first_month,
            changes.after_last_month, costs.migration_from,
            CASE WHEN changes.migration_id IS NOT NULL THEN costs.break_even_months END
                AS break_even_months,
            costs.break_even_months <= date_diff('month', months.migration_to,
                strptime($until, '%Y-%m')) + 1 AS is_paid_back
        FROM {_MONTHS} AS months
        LEFT JOIN {_CHANGES} AS changes
            ON changes.migration_id = months.migration_id AND changes.basis = 'all'
            AND changes.metric = 'p95_to_threshold_ratio'
            AND changes.after_last_month <= $until
        LEFT JOIN {_COSTS} AS costs
            ON costs.migration_id = months.migration_id
        WHERE months.billing_month <= $until
            AND months.metric IN (SELECT unnest($metrics))
        QUALIFY months.billing_month = max(months.billing_month)
                OVER (PARTITION BY months.migration_id)
            AND months.migration_to = max(months.migration_to) OVER ()
        ORDER BY months.migration_id
        """,
        until=until,
        metrics=list(_METRICS),
    )
    if not known:
        return None
    first = known[0]["migration_id"]
    of_first = {
        _METRICS[row["metric"]]: row for row in known if row["migration_id"] == first
    }
    return {**known[0], **dict.fromkeys(_METRICS.values()), **of_first}


def line(view: Page) -> str:
    """State the effects of the newest platform migration; nothing without."""
    row = newest_migration(view.snapshot, max(view.selection.period.months))
    said = "" if row is None else sentence(row)
    return f"{view.organisation_prefix}{said}" if said else ""


def sentence(row: dict[str, Any]) -> str:
    """Write the known figures before a migration and since, with their months."""
    measured = [row[name] for name in _METRICS.values() if row[name] is not None]
    if not measured:
        return ""
    shared = measured[0]
    before, since = _before(row, shared), _since(row, shared)
    if not since:
        return ""
    moved = fmt.month(f"{row['migration_to']:%Y-%m}")
    story = (
        f"**{_window(shared, 'since')}**, since the move of {moved}:"
        f" {', '.join(since)}{_payback(row)}."
    )
    if before:
        story = f"**{_window(shared, 'before')}**: {', '.join(before)}. {story}"
    return story


def _before(row: dict[str, Any], shared: dict[str, Any]) -> list[str]:
    """Write the figures of the months before."""
    parts = []
    budget, incidents = row["budget"], row["incidents"]
    if budget is not None and budget["before_figure"] is not None:
        ratio = budget["before_figure"]
        side = fmt.percent(abs(ratio - 1))
        side = f"{side} {'over' if ratio > 1 else 'under'} budget"
        parts.append(f"AI ran **{side}**{_other(budget, shared, 'before')}")
    if row["latency_before"] is not None:
        parts.append(f"p95 latency **{row['latency_before']:.2f} ×** its threshold")
    if incidents is not None and incidents["before_figure"] is not None:
        part = fmt.percent(incidents["before_figure"])
        months = _other(incidents, shared, "before")
        parts.append(f"firefighting **{part}** of platform hours{months}")
    return parts


def _since(row: dict[str, Any], shared: dict[str, Any]) -> list[str]:
    """Write the figures of the months since."""
    parts = []
    spend, incidents = row["spend"], row["incidents"]
    if spend is not None and spend["since_change_ratio"] is not None:
        change = fmt.signed_percent(spend["since_change_ratio"])
        parts.append(f"monthly cost **{change}**{_other(spend, shared, 'since')}")
    if row["latency"] is not None:
        months = fmt.months(row["after_first_month"], row["after_last_month"])
        own = "" if months == _window(shared, "since") else f" ({months})"
        parts.append(f"latency **{row['latency']:.2f} ×**{own}")
    if incidents is not None and incidents["before_figure"] is not None:
        part = fmt.percent(incidents["since_figure"])
        parts.append(f"firefighting **{part}**{_other(incidents, shared, 'since')}")
    return parts


def _payback(row: dict[str, Any]) -> str:
    """Write the months after which savings exceed the cost of moving."""
    if row["break_even_months"] is None:
        return ""
    verb = "paid back in" if row["is_paid_back"] else "pays back in"
    return f"; {verb} **{row['break_even_months']:.1f} months**"


def _window(row: dict[str, Any], side: str) -> str:
    """Write the months of a side of the comparison."""
    return fmt.months(row[f"{side}_first_month"], row[f"{side}_last_month"])


def _other(row: dict[str, Any], shared: dict[str, Any], side: str) -> str:
    """Write the months of a figure that are not those of the sentence."""
    own = _window(row, side)
    return "" if own == _window(shared, side) else f" ({own})"
