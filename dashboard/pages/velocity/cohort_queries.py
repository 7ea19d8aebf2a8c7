"""Cohorts: durations including open items, and shares that converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.published import per_run, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.pages.velocity.queries import PeriodKind, VelocityScope
    from triptych.core.warehouse.reader import Snapshot

_TIMES = """
    SELECT metric, cohort, item_count, censored_count, censored_ratio,
        is_censoring_material, median_state,
        median_seconds / 3600 AS median_hours,
        median_seconds_low / 3600 AS median_hours_low,
        median_seconds_high / 3600 AS median_hours_high,
        median_seconds_of_ended / 3600 AS median_hours_of_ended,
        longest_seconds / 3600 AS longest_hours,
        CASE median_state
            WHEN 'too few' THEN 'fewer than five'
            WHEN 'not reached'
                THEN printf('not reached in %.1f d', longest_seconds / 86400)
        END AS absence
    FROM delivery.mart_time_to_event
    WHERE scope_kind = $kind AND scope_id = $id
"""


@per_run
def times_to_event(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return durations over all items of a scope, open included, in hours."""
    return table_of(
        snapshot,
        "delivery.mart_time_to_event",
        f"{_TIMES} AND cohort_kind = 'all' ORDER BY metric",
        kind=scope.kind,
        id=scope.id,
    )


@per_run
def times_to_event_by_cohort(
    snapshot: Snapshot, scope: VelocityScope, metric: str, kind: PeriodKind
) -> pa.Table:
    """Return a duration by the month or quarter in which items began, newest first."""
    return table_of(
        snapshot,
        "delivery.mart_time_to_event",
        f"{_TIMES} AND cohort_kind = $cohort AND metric = $metric ORDER BY cohort DESC",
        kind=scope.kind,
        id=scope.id,
        cohort=kind,
        metric=metric,
    )


@per_run
def conversions(
    snapshot: Snapshot, scope: VelocityScope, metric: str, kind: PeriodKind
) -> pa.Table:
    """Return which part of each cohort got there after some days, newest first."""
    return table_of(
        snapshot,
        "delivery.mart_conversions",
        """
        SELECT cohort, horizon_days, item_count, event_count, followed_count,
            is_mature, converted_ratio, converted_ratio_low, converted_ratio_high
        FROM delivery.mart_conversions
        WHERE scope_kind = $kind AND scope_id = $id AND metric = $metric
            AND cohort_kind = $cohort
        ORDER BY cohort DESC, horizon_days
        """,
        kind=scope.kind,
        id=scope.id,
        metric=metric,
        cohort=kind,
    )


@per_run
def conversions_across(
    snapshot: Snapshot, scope: VelocityScope, metric: str, kind: PeriodKind
) -> pa.Table:
    """Return the same, a row per cohort and a column per number of days."""
    columns = ", ".join(
        f'"{days}_ratio" AS ratio_{days}, CASE WHEN "{days}_ratio" IS NULL'
        f" THEN 'not seen so long' END AS absence_{days}"
        for days in (7, 30, 60, 90)
    )
    return table_of(
        snapshot,
        "delivery.mart_conversions",
        f"""
        SELECT cohort, item_count, event_count, observed_days, {columns}
        FROM (
            PIVOT (
                SELECT cohort, item_count, observed_days, horizon_days, converted_ratio,
                    max(event_count) OVER (PARTITION BY cohort) AS event_count
                FROM delivery.mart_conversions
                WHERE scope_kind = $kind AND scope_id = $id AND metric = $metric
                    AND cohort_kind = $cohort
            )
            ON horizon_days IN (7, 30, 60, 90) USING first(converted_ratio) AS ratio
        )
        ORDER BY cohort DESC
        """,
        kind=scope.kind,
        id=scope.id,
        metric=metric,
        cohort=kind,
    )
