"""Queries of *Platform scorecard*: cost, usage, effort and moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.shared.published import has_mart, per_run, rows, table, table_of
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_SCORECARD = "roi.mart_platform_scorecard"
_MIGRATIONS = "roi.mart_platform_migration_costs"
_MONTHS = "roi.mart_platform_migration_months"
_COMPARISONS = "roi.mart_platform_comparisons"
_CONTROLS = "roi.mart_platform_controls"
_WORKLOADS = "roi.mart_workload_profiles"
_FUNNEL = "delivery.mart_conversions"
#: Bills of each platform: those that serve more come first.
_BILLS = f"({compile_query(query('platform_bill', by=('platform_id', 'currency')))})"


@dataclass(frozen=True, slots=True)
class Move:
    """A migration with its windows, its cost and its payback."""

    figures: dict[str, Any]

    @property
    def migration_id(self) -> str:
        """Its id."""
        return str(self.figures["migration_id"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.figures["migration_name"])


@per_run
def has_scorecard(snapshot: Snapshot) -> bool:
    """Return whether a run has a scorecard with any platform in it."""
    # A run of an earlier version has migrations under another name.
    is_known = has_mart(snapshot, _SCORECARD) and has_mart(snapshot, _MIGRATIONS)
    return is_known and bool(rows(snapshot, f"SELECT 1 FROM {_SCORECARD} LIMIT 1"))


@per_run
def platform_figures(snapshot: Snapshot) -> pa.Table:
    """Return each metric of each platform to date; those that serve more come first."""
    return table(
        snapshot,
        f"""
        SELECT figures.* EXCLUDE (subject_kind, period)
        FROM {_SCORECARD} AS figures
        LEFT JOIN {_BILLS} AS bills ON bills.platform_id = figures.subject_id
        WHERE subject_kind = 'platform'
        ORDER BY platform_bill DESC NULLS LAST, subject_id, criterion, metric,
            basis DESC
        """,
    )


@per_run
def cost_trajectory(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the growth of all platforms' bills relative to usage served."""
    found = rows(
        snapshot,
        f"SELECT * FROM {_SCORECARD} WHERE subject_kind = 'organisation'"
        " AND metric = 'cost_elasticity'",
    )
    return found[0] if found else None


@per_run
def platform_comparisons(snapshot: Snapshot) -> pa.Table:
    """Return platforms by the models that two of them served alike, each pair once.

    A comparison with a figure is given from the platform with the lower figure.
    """
    return table_of(
        snapshot,
        _COMPARISONS,
        f"""
        WITH directed AS (
            SELECT *,
                CASE WHEN metric_value IS NULL THEN platform_id < reference_platform_id
                    WHEN measure = 'ratio' THEN metric_value < 1
                    ELSE metric_value < 0 END AS is_lower,
                metric_value = CASE measure WHEN 'ratio' THEN 1 ELSE 0 END AS is_even
            FROM {_COMPARISONS} WHERE unit_id IS NULL
        ),
        chosen AS (
            SELECT metric, platform_id, reference_platform_id FROM directed
            WHERE is_lower OR (is_even AND platform_id < reference_platform_id)
        )
        SELECT compared.*
        FROM {_COMPARISONS} AS compared
        JOIN chosen USING (metric, platform_id, reference_platform_id)
        ORDER BY metric, platform_id, reference_platform_id, unit_id NULLS FIRST
        """,
    )


@per_run
def moves(snapshot: Snapshot) -> list[Move]:
    """Return the migrations, the newest first."""
    found = rows(
        snapshot,
        f"""
        SELECT costs.*, windows.window_month_count, windows.before_first_month,
            windows.before_last_month, windows.after_first_month,
            windows.after_last_month
        FROM {_MIGRATIONS} AS costs
        LEFT JOIN (
            SELECT DISTINCT migration_id, window_month_count, before_first_month,
                before_last_month, after_first_month, after_last_month
            FROM roi.mart_platform_migrations
        ) AS windows USING (migration_id)
        ORDER BY costs.migration_from DESC, costs.migration_id
        """,
    )
    return [Move(row) for row in found]


@per_run
def newest_month(snapshot: Snapshot) -> str | None:
    """Return the newest month that the figures of platforms know."""
    found = rows(
        snapshot, "SELECT max(billing_month) AS month FROM roi.mart_platform_usage"
    )
    return found[0]["month"] if found else None


@per_run
def changes_of_month(snapshot: Snapshot, month: str) -> pa.Table:
    """Return the effects of migrations as known in a month."""
    return table_of(
        snapshot,
        _MONTHS,
        f"""
        SELECT months.*, figures.unit
        FROM {_MONTHS} AS months
        LEFT JOIN {_SCORECARD} AS figures
            ON figures.subject_kind = 'migration'
            AND figures.subject_id = months.migration_id
            AND figures.metric = months.metric AND figures.basis = 'all'
            AND figures.period = 'before'
        WHERE months.billing_month = $month
        ORDER BY months.migration_to DESC, months.migration_id, months.metric
        """,
        month=month,
    )


@per_run
def changes(snapshot: Snapshot, migration_id: str) -> pa.Table:
    """Return the effects of a migration, like for like first."""
    return table(
        snapshot,
        """
        SELECT changed.*, figures.unit
        FROM roi.mart_platform_migrations AS changed
        LEFT JOIN roi.mart_platform_scorecard AS figures
            ON figures.subject_kind = 'migration'
            AND figures.subject_id = changed.migration_id
            AND figures.metric = changed.metric AND figures.basis = changed.basis
            AND figures.period = 'before'
        WHERE changed.migration_id = $migration
        ORDER BY changed.metric, changed.basis DESC
        """,
        migration=migration_id,
    )


@per_run
def composition(snapshot: Snapshot) -> pa.Table:
    """Return which models ran where, and why some are not compared."""
    return table(
        snapshot,
        """
        SELECT models.*, CASE WHEN is_compared THEN 'compared' ELSE 'left out' END
            AS standing
        FROM roi.mart_platform_models AS models
        ORDER BY platform_id, effective_cost DESC NULLS LAST, model_id
        """,
    )


@per_run
def platform_terms(snapshot: Snapshot) -> pa.Table:
    """Return operator, skills and commitments of each platform."""
    return table(
        snapshot, "SELECT * FROM roi.mart_platform_terms ORDER BY platform_name"
    )


@per_run
def platform_controls(snapshot: Snapshot) -> pa.Table:
    """Return the controls of each platform, those that serve more first."""
    return table_of(
        snapshot,
        _CONTROLS,
        f"""
        SELECT controls.*
        FROM {_CONTROLS} AS controls
        LEFT JOIN {_BILLS} AS bills USING (platform_id)
        ORDER BY platform_bill DESC NULLS LAST, platform_id, control_order, detail
        """,
    )


@per_run
def workload_profiles(snapshot: Snapshot) -> pa.Table:
    """Return how each model is loaded on each platform, the burstiest first."""
    return table_of(
        snapshot,
        _WORKLOADS,
        f"""
        SELECT * FROM {_WORKLOADS}
        ORDER BY load_grain = 'hour' DESC NULLS LAST, p95_to_p50_ratio DESC NULLS LAST,
            model_id, platform_id
        """,
    )


@per_run
def funnel(snapshot: Snapshot) -> pa.Table:
    """Return which part of pilots and versions came into production, by scope."""
    return table_of(
        snapshot,
        _FUNNEL,
        f"""
        SELECT metric, scope_id, item_count, event_count,
            "30_ratio" AS ratio_30, "90_ratio" AS ratio_90,
            "90_low" AS ratio_90_low, "90_high" AS ratio_90_high
        FROM (
            PIVOT (
                SELECT metric, scope_id, item_count, horizon_days, converted_ratio,
                    converted_ratio_low, converted_ratio_high, max(event_count)
                        OVER (PARTITION BY metric, scope_id) AS event_count
                FROM {_FUNNEL}
                WHERE cohort_kind = 'all' AND scope_kind = CASE metric
                    WHEN 'pilot_to_production' THEN 'service' ELSE 'model' END
            )
            ON horizon_days IN (30, 90)
            USING first(converted_ratio) AS ratio,
                first(converted_ratio_low) AS low, first(converted_ratio_high) AS high
        )
        ORDER BY metric, item_count DESC, scope_id
        """,
    )


@per_run
def readiness(snapshot: Snapshot) -> pa.Table:
    """Return the measurements of each feature, and the start of the others."""
    return table_of(
        snapshot,
        "roi.mart_measurement_readiness",
        """
        SELECT feature_id, feature_name, measurement, measurement_name,
            CASE WHEN is_measured THEN 'measured' ELSE 'missing' END AS standing,
            is_measured, measured_since, measured_until, next_step
        FROM roi.mart_measurement_readiness
        ORDER BY is_measured, measurement_order, feature_id
        """,
    )
