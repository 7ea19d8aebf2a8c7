"""Costs of accelerator pools, and their use by owner and time.

A scope narrows money by its owner: the team of the model that requested capacity, or
the team that a pool names for capacity that nobody requested. Hours are those of whole
pools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.measured import measured_as, measured_row, relation, whole
from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Uses of the money of a pool; the parts add up to it.
ACCELERATOR_PARTS = (
    *("used", "requested_idle", "infrastructure_idle"),
    *("unmeasured", "unmapped", "unobserved"),
)
_MONEY = {
    "total": "pool_part_cost",
    **{part: f"pool_part_{part}_cost" for part in ACCELERATOR_PARTS},
    "idle": "pool_part_idle_cost",
}
_HOURS = ("capacity", "allocated", "active")
_IDLE_HOURS = ("requested_idle", "infrastructure_idle", "unmeasured")


@dataclass(frozen=True, slots=True)
class AcceleratorHeadline:
    """The figures of a period on top of the page."""

    total: Decimal | None
    used: Decimal | None
    requested_idle: Decimal | None
    infrastructure_idle: Decimal | None
    unmeasured: Decimal | None
    unmapped: Decimal | None
    unobserved: Decimal | None
    idle: Decimal | None
    measured: Decimal | None
    idle_ratio: float | None
    pool_count: int
    row_count: int


@dataclass(frozen=True, slots=True)
class AcceleratorHours:
    """GPU hours of all pools in a period; None is not read."""

    capacity: Decimal | None
    allocated: Decimal | None
    active: Decimal | None
    requested_idle: Decimal | None
    infrastructure_idle: Decimal | None
    unmeasured: Decimal | None
    day_count: int
    row_count: int


@dataclass(frozen=True, slots=True)
class CommitmentHeadline:
    """Unused commitments of a period, as far as they are AI spend.

    ``whole`` is of all charges, as the table of commitments has it.
    """

    unused: Decimal | None
    unused_whole: Decimal | None
    committed: Decimal | None
    committed_whole: Decimal | None
    commitment_count: int
    row_count: int


@per_run
def accelerator_headline(
    snapshot: Snapshot, selection: Selection
) -> AcceleratorHeadline:
    """Return the cost of accelerator pools in a period and its uses."""
    names = _MONEY | {
        "measured": "pool_part_measured_cost",
        "idle_ratio": "pool_part_idle_ratio",
        "pool_count": "pool_part_pools",
    }
    return measured_as(AcceleratorHeadline, snapshot, selection, names)


@per_run
def accelerator_hours(snapshot: Snapshot, selection: Selection) -> AcceleratorHours:
    """Return the hours of whole pools in a period."""
    names = {name: f"gpu_{name}_hours" for name in (*_HOURS, *_IDLE_HOURS)}
    names["day_count"] = "gpu_days_read"
    return measured_as(AcceleratorHours, snapshot, whole(selection), names)


@per_run
def accelerator_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return every month by the uses of its money, oldest first."""
    names = _MONEY | {"idle_ratio": "pool_part_idle_ratio"}
    months = relation(
        selection, names, by=("billing_month",), months="all", counted=True
    )
    return table(
        snapshot,
        f"select billing_month, {', '.join(names)}, row_count"
        f" from {months} order by billing_month",
    )


@per_run
def accelerator_pools(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return a period by pool, the most idle money first, with the reasons for gaps."""
    by = ("pool_id",)
    costs = relation(selection, _MONEY, by=by, months="chosen", counted=True)
    hours = relation(
        whole(selection),
        {f"{name}_gpu_hours": f"gpu_{name}_hours" for name in _HOURS},
        by=by,
        months="chosen",
        labels=("team_id", "idle_policy"),
    )
    money = [name for name in _MONEY if name != "infrastructure_idle"]
    return table(
        snapshot,
        f"""
        select
            costs.pool_id,
            {", ".join(money)},
            case when capacity_gpu_hours is not null then infrastructure_idle end
                as infrastructure_idle,
            row_count,
            hours.* exclude (pool_id),
            case when capacity_gpu_hours is null then 'capacity not read' end
                as capacity_reason,
            case when active_gpu_hours is null then 'not read' end as active_reason,
            (
                select string_agg(distinct explanation, ' ' order by explanation)
                from cost.mart_meter_gaps as gaps
                where gaps.pool_id = costs.pool_id and currency = $currency
                    and list_contains($months, billing_month)
            ) as reason
        from {costs} as costs
        left join {hours} as hours on costs.pool_id = hours.pool_id
        order by idle desc, costs.pool_id
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


@per_run
def idle_owners(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return idle money of a period by owner, the largest first."""
    by = ("team_id", "cost_center", "pool_id", "model_id")
    names = {part: _MONEY[part] for part in ("idle", *ACCELERATOR_PARTS[1:3])}
    owners = relation(selection, names, by=by, months="chosen", within=(), counted=True)
    return table(
        snapshot,
        f"""
        select
            coalesce(team_id, 'no team named') as team,
            coalesce(cost_center, 'none') as cost_center,
            pool_id,
            coalesce(model_id, 'the pool itself') as holder,
            requested_idle,
            infrastructure_idle,
            idle,
            idle_share as share_ratio,
            team_id is null as is_unowned,
            row_count
        from {owners}
        where idle <> 0
        order by idle desc, team, pool_id, holder
        """,
    )


@per_run
def idle_of_other_pools(snapshot: Snapshot, selection: Selection) -> dict[str, Any]:
    """Return the idle cost of pools that are divided by other drivers."""
    names = {"idle": "other_pool_idle_cost", "pool_count": "other_idle_pools"}
    return measured_row(snapshot, whole(selection), names, months="chosen")


@per_run
def gpu_hour_prices(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the price of a GPU hour by month, pool and way of purchase."""
    return table(
        snapshot,
        """
        select * from delivery.mart_accelerator_prices
        where list_contains($months, billing_month) and currency = $currency
        order by billing_month desc, pool_id, accelerator_type, purchase_kind
        """,
        months=list(selection.period.months),
        currency=selection.currency,
    )


@per_run
def pools_of_the_week(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the pools with hours read in a period, the busiest first."""
    names = {"active": "week_active_hours", "read": "capacity_hours_read"}
    pools = relation(whole(selection), names, by=("pool_id",), months="chosen")
    found = rows(
        snapshot,
        f"select pool_id from {pools} order by active desc nulls last, pool_id",
    )
    return tuple(row["pool_id"] for row in found)


@per_run
def hours_of_week(snapshot: Snapshot, selection: Selection, pool: str) -> pa.Table:
    """Return the GPUs of a pool that idle on average, by weekday and hour in UTC."""
    kinds = ("capacity", "requested", "active", "requested_idle", "infrastructure_idle")
    cells = relation(
        whole(selection),
        {f"{kind}_gpu_hours": f"week_{kind}_hours" for kind in kinds}
        | {f"{kind}_gpus": f"{kind}_gpus" for kind in kinds[3:]}
        | {
            f"{kind}_hour_count": f"{kind}_hours_read"
            for kind in ("capacity", "active")
        },
        by=("weekday", "hour_of_day"),
        where={"pool_id": pool},
        months="chosen",
    )
    return table(
        snapshot,
        f"""
        select
            *, ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] as day
        from {cells}
        order by weekday, hour_of_day
        """,
    )


@per_run
def commitment_headline(snapshot: Snapshot, selection: Selection) -> CommitmentHeadline:
    """Return the unused commitments of a period."""
    names = {
        "unused": "unused_ai_commitment_cost",
        "unused_whole": "unused_commitment_cost",
        "committed": "committed_ai_cost",
        "committed_whole": "committed_cost",
        "commitment_count": "commitments_with_cost",
    }
    return measured_as(CommitmentHeadline, snapshot, whole(selection), names)


@per_run
def commitments(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the commitments of a period, the most unused money first."""
    used = relation(
        whole(selection),
        {
            "purchased": "commitment_purchases",
            "committed": "committed_cost",
            "used": "used_commitment_cost",
            "unused": "unused_commitment_cost",
            "utilisation_ratio": "commitment_use_ratio",
            "drawn_ratio": "drawn_commitment_ratio",
            "purchased_to_date": "commitment_purchases_to_date",
            "committed_to_date": "committed_cost_to_date",
        },
        by=("source", "provider", "commitment_kind", "commitment_key"),
        labels=("commitment_name", "commitment_id"),
        months="chosen",
        counted=True,
    )
    return table(
        snapshot,
        f"""
        select
            coalesce(commitment_name, commitment_id) as commitment,
            provider,
            replace(commitment_kind, '_', ' ') as kind,
            purchased,
            committed,
            used,
            unused,
            utilisation_ratio,
            drawn_ratio,
            purchased_to_date,
            committed_to_date,
            commitment_id,
            source,
            row_count
        from {used}
        order by unused desc, commitment
        """,
    )
