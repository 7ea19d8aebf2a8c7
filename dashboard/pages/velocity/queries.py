"""Speed of delivery: figures of velocity, and the events behind each.

A figure belongs to a single model, service or team: percentiles of several are never
blended. Durations are shown in hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dashboard.shared import names
from dashboard.shared.published import has_mart, per_run, rows, table
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.names import Named
    from triptych.core.warehouse.reader import Snapshot

PeriodKind = Literal["month", "quarter"]
#: Marts with a column that names the period, and is named after its kind.
VELOCITY_MARTS: dict[PeriodKind, str] = {
    "month": "delivery.mart_velocity",
    "quarter": "delivery.mart_velocity_quarters",
}

#: Figures of the three and twelve months that end with a month.
WINDOWS_MART = "delivery.mart_velocity_windows"

#: Names of the bar's scopes in the marts of delivery.
SCOPE_KINDS = {"model": "model", "team": "team"}
#: Figures in seconds are written in hours.
UNIT_SHOWN = "CASE WHEN unit = 'seconds' THEN 'hours' ELSE unit END"
IN_HOURS = "CASE WHEN unit = 'seconds' THEN {0} / 3600 ELSE {0} END"


@dataclass(frozen=True, slots=True)
class VelocityScope:
    """Scope and months of velocity; ``name`` is its everyday name."""

    kind: str
    id: str
    months: tuple[str, ...]
    name: str = ""

    @property
    def shown(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.id

    @property
    def label(self) -> str:
        """Its kind and name, as it is chosen."""
        return f"{self.kind} {self.shown}"

    @property
    def ids_of(self) -> Named | None:
        """Return the look-up for ids of its kind; a service has no other name."""
        return names.kind_of_column(f"{self.kind}_id")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the queries."""
        return {"kind": self.kind, "id": self.id, "months": list(self.months)}


@dataclass(frozen=True, slots=True)
class VelocityPeriod:
    """A month or a fiscal quarter of which figures are shown."""

    kind: PeriodKind
    label: str
    is_over: bool = True

    @property
    def mart(self) -> str:
        """Return the mart of its figures."""
        return VELOCITY_MARTS[self.kind]


@dataclass(frozen=True, slots=True)
class VelocityFigure:
    """A figure of a period, durations in hours; ``None`` is not known."""

    metric: str
    period: str
    unit: str
    value: float | None
    p90: float | None
    low: float | None
    high: float | None
    n_used: int
    n_open: int
    n_excluded: int
    excluded_by_reason: str | None
    missing_ratio: float | None
    oldest_open_seconds: float | None
    definition_version: int


@per_run
def velocity_units(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return models, services and teams that have a figure, the busiest first."""
    asked = query(
        "velocity_items",
        by=("scope_kind", "scope_id"),
        where={"scope_kind": ("model", "service", "team")},
        conditions=("(n_used > 0 OR n_open > 0)",),
        order="array_position(['model', 'service', 'team'], scope_kind),"
        " velocity_items DESC, scope_id",
    )
    found = rows(snapshot, compile_query(asked))
    return [(row["scope_kind"], row["scope_id"]) for row in found]


@per_run
def velocity_figures(
    snapshot: Snapshot, scope: VelocityScope, period: VelocityPeriod
) -> dict[str, VelocityFigure]:
    """Return every figure of a month or quarter by metric."""
    found = rows(
        snapshot,
        f"""
        SELECT metric, {period.kind} AS period,
            {UNIT_SHOWN} AS unit,
            {IN_HOURS.format("metric_value")} AS value,
            {IN_HOURS.format("p90")} AS p90,
            {IN_HOURS.format("interval_low")} AS low,
            {IN_HOURS.format("interval_high")} AS high,
            n_used, n_open, n_excluded, excluded_by_reason, missing_ratio,
            oldest_open_seconds, definition_version
        FROM {period.mart}
        WHERE scope_kind = $kind AND scope_id = $id AND {period.kind} = $period
        """,
        kind=scope.kind,
        id=scope.id,
        period=period.label,
    )
    return {row["metric"]: VelocityFigure(**row) for row in found}


@per_run
def velocity_series(
    snapshot: Snapshot, scope: VelocityScope, metric: str, kind: PeriodKind
) -> pa.Table:
    """Return a metric by period, oldest first; without data it has no value."""
    return table(
        snapshot,
        f"""
        SELECT {kind} AS period,
            {UNIT_SHOWN} AS unit,
            {IN_HOURS.format("metric_value")} AS value,
            {IN_HOURS.format("p90")} AS p90,
            {IN_HOURS.format("interval_low")} AS low,
            {IN_HOURS.format("interval_high")} AS high,
            n_used, n_open, n_excluded, missing_ratio
        FROM {VELOCITY_MARTS[kind]}
        WHERE scope_kind = $kind AND scope_id = $id AND metric = $metric
        ORDER BY {kind}
        """,
        kind=scope.kind,
        id=scope.id,
        metric=metric,
    )


@per_run
def velocity_kinds(snapshot: Snapshot) -> tuple[PeriodKind, ...]:
    """Return the period kinds with figures; older runs have no quarters."""
    return tuple(
        kind for kind, mart in VELOCITY_MARTS.items() if has_mart(snapshot, mart)
    )


@per_run
def velocity_newest_month(
    snapshot: Snapshot, scope: VelocityScope
) -> VelocityPeriod | None:
    """Return the newest of the scope's months in which something ended."""
    found = rows(
        snapshot,
        """
        SELECT max(month) AS month FROM delivery.mart_velocity
        WHERE scope_kind = $kind AND scope_id = $id
            AND list_contains($months, month) AND n_used > 0
        """,
        **scope.parameters(),
    )
    month = found[0]["month"]
    if month is None:
        return None
    return VelocityPeriod("month", month, _is_over(snapshot, month))


def _is_over(snapshot: Snapshot, month: str) -> bool:
    """Return True if a month is over; runs of earlier versions lack this."""
    if not has_mart(snapshot, WINDOWS_MART):
        return True
    found = rows(
        snapshot,
        f"SELECT bool_and(is_over) AS is_over FROM {WINDOWS_MART} WHERE month = $month",
        month=month,
    )
    return found[0]["is_over"] is not False


@per_run
def velocity_quarter(
    snapshot: Snapshot, scope: VelocityScope, first_month: str
) -> VelocityPeriod | None:
    """Return the fiscal quarter that begins with a month, if something ended in it."""
    if "quarter" not in velocity_kinds(snapshot):
        return None
    found = rows(
        snapshot,
        """
        SELECT DISTINCT quarter, is_over
        FROM delivery.mart_velocity_quarters
        WHERE scope_kind = $kind AND scope_id = $id AND first_month = $month
            AND n_used > 0
        """,
        kind=scope.kind,
        id=scope.id,
        month=first_month,
    )
    return VelocityPeriod("quarter", *found[0].values()) if found else None


@per_run
def velocity_over_units(
    snapshot: Snapshot, kind: str, period: VelocityPeriod
) -> pa.Table:
    """Return frequent metrics for each unit of a kind, side by side."""
    return table(
        snapshot,
        f"""
        SELECT scope_id, change_lead_time_figure AS change_lead_time,
            deployment_frequency_figure AS deployment_frequency,
            change_fail_ratio_figure AS change_fail_ratio,
            deployment_frequency_n AS deployments
        FROM (
            PIVOT (
                SELECT scope_id, metric, n_used,
                    {IN_HOURS.format("metric_value")} AS metric_value
                FROM {period.mart}
                WHERE scope_kind = $kind AND {period.kind} = $period
            )
            ON metric IN ('change_lead_time', 'deployment_frequency',
                'change_fail_ratio')
            USING first(metric_value) AS figure, first(n_used) AS n
        )
        ORDER BY scope_id
        """,
        kind=kind,
        period=period.label,
    )


@per_run
def deployment_weeks(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return the last half year of weeks, those without a deployment included."""
    return table(
        snapshot,
        """
        SELECT week, deployment_count, deployment_day_count, unknown_count,
            is_complete
        FROM delivery.mart_deployment_weeks
        WHERE scope_kind = $kind AND scope_id = $id
            AND week <= (
                SELECT max(week) FROM delivery.mart_deployment_weeks
                WHERE list_contains($months, month)
            )
        ORDER BY week DESC LIMIT 26
        """,
        **scope.parameters(),
    )


@per_run
def velocity_events(snapshot: Snapshot, scope: VelocityScope, metric: str) -> pa.Table:
    """Return the events of a figure, the open and the excluded events."""
    column = {"service": "deployed_unit"}.get(scope.kind, f"{scope.kind}_id")
    return table(
        snapshot,
        f"""
        SELECT state, event_kind, event_key, started_at, ended_at,
            {IN_HOURS.format("event_value")} AS event_value,
            exclusion_reason, month
        FROM delivery.mart_velocity_events
        WHERE metric = $metric AND {column} = $id
            AND (list_contains($months, month) OR state = 'open')
        ORDER BY CASE state WHEN 'open' THEN 0 WHEN 'excluded' THEN 1 ELSE 2 END,
            event_value DESC NULLS LAST, event_key
        """,
        metric=metric,
        id=scope.id,
        months=list(scope.months),
    )


@per_run
def lead_time_stages(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return each change's way to production by stage, in hours.

    Stages are shown beside the whole and never add up to a figure.
    """
    column = {"service": "deployed_unit"}.get(scope.kind, f"{scope.kind}_id")
    asked = query(
        *("stage_changes", "stage_hours_p10", "stage_hours_p25", "stage_hours_p50"),
        *("stage_hours_p75", "stage_hours_p90"),
        by=("position", "stage"),
        where={column: scope.id, "month": scope.months},
    )
    return table(
        snapshot,
        f"""
        SELECT position, stage, stage_changes AS n, stage_hours_p10 AS p10,
            stage_hours_p25 AS p25, stage_hours_p50 AS p50, stage_hours_p75 AS p75,
            stage_hours_p90 AS p90
        FROM ({compile_query(asked)}) WHERE stage_changes >= 5 ORDER BY position
        """,
    )


@per_run
def promotions(snapshot: Snapshot, scope: VelocityScope) -> pa.Table:
    """Return promotions to production of a model or team, newest first."""
    return table(
        snapshot,
        f"""
        SELECT event_time, registered_model, model_version, change_kind,
            training_seconds / 3600.0 AS training_hours,
            end_to_registered_seconds / 3600.0 AS end_to_registered_hours,
            registered_to_production_seconds / 3600.0
                AS registered_to_production_hours,
            training_to_production_seconds / 3600.0 AS training_to_production_hours,
            precision_seconds, how, exclusion_reason
        FROM delivery.fct_promotions
        WHERE {scope.kind}_id = $id AND list_contains($months, month)
            AND is_first_in_production
        ORDER BY event_time DESC
        """,
        id=scope.id,
        months=list(scope.months),
    )


@per_run
def unmapped_identities(snapshot: Snapshot) -> pa.Table:
    """Return names that belong to nobody, with the entry that would map them."""
    return table(
        snapshot,
        """
        SELECT source, stream, kind, name, row_count, catalog_entry
        FROM delivery.mart_unmapped_identities ORDER BY row_count DESC, name
        """,
    )
