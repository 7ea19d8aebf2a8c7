"""What pools of accelerators cost, and how much of it was used, by whom and when.

A scope narrows money by its owner: the team of the model that asked for capacity, or
the team that a pool names for what nobody asked for. Hours are those of whole pools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.published import one, per_run, ratio, rows, table
from dashboard.shared.selection_queries import AMOUNTS, SCOPES, scope_parameters

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: What the money of a pool pays for; the parts add up to it.
ACCELERATOR_PARTS = (
    *("used", "requested_idle", "infrastructure_idle"),
    *("unmeasured", "unmapped", "unobserved"),
)


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
    row_count: int


@dataclass(frozen=True, slots=True)
class CommitmentHeadline:
    """What commitments left unused in a period, as far as it is AI spend.

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
    """Return what pools of accelerators cost in a period and what it paid for."""
    amount = AMOUNTS[selection.basis]
    figures = one(
        snapshot,
        f"""
        select
            {_sums(selection)},
            {_idle(amount)} as idle,
            {ratio(_idle(amount), f"sum(total_{amount})")} as idle_ratio,
            count(distinct pool_id) as pool_count,
            count(*) as row_count
        from delivery.mart_accelerator_idle_costs
        where {_chosen(selection)}
        """,
        **_parameters(selection),
    )
    return AcceleratorHeadline(**figures)


@per_run
def accelerator_hours(snapshot: Snapshot, selection: Selection) -> AcceleratorHours:
    """Return the hours of whole pools in a period."""
    figures = one(
        snapshot,
        """
        select
            sum(capacity_gpu_hours) as capacity,
            sum(allocated_gpu_hours) as allocated,
            sum(active_gpu_hours) as active,
            sum(requested_idle_gpu_hours) as requested_idle,
            sum(infrastructure_idle_gpu_hours) as infrastructure_idle,
            sum(unmeasured_gpu_hours) as unmeasured,
            count(*) as row_count
        from delivery.mart_accelerator_efficiency
        where currency = $currency and list_contains($months, billing_month)
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )
    return AcceleratorHours(**figures)


@per_run
def accelerator_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return every month by what its money paid for, oldest first."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            billing_month,
            {_sums(selection)},
            {_idle(amount)} as idle,
            {ratio(_idle(amount), f"sum(total_{amount})")} as idle_ratio,
            count(*) as row_count
        from delivery.mart_accelerator_idle_costs
        where currency = $currency and {SCOPES[selection.scope_kind]}
        group by billing_month
        order by billing_month
        """,
        **_parameters(selection, with_months=False),
    )


#: Hours of each pool, and why meters say too little of it.
_POOL_HOURS_AND_GAPS = """
hours as (
    select
        pool_id,
        any_value(team_id) as team_id,
        any_value(idle_policy) as idle_policy,
        sum(capacity_gpu_hours) as capacity_gpu_hours,
        sum(allocated_gpu_hours) as allocated_gpu_hours,
        sum(active_gpu_hours) as active_gpu_hours
    from delivery.mart_accelerator_efficiency
    where currency = $currency and list_contains($months, billing_month)
    group by pool_id
),

gaps as (
    select
        pool_id,
        string_agg(distinct explanation, ' ' order by explanation) as reason
    from cost.mart_meter_gaps
    where currency = $currency and list_contains($months, billing_month)
    group by pool_id
)
"""


@per_run
def accelerator_pools(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return a period by pool, the most idle money first, with the reasons for gaps."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        with costs as (
            select
                pool_id,
                {_sums(selection)},
                {_idle(amount)} as idle,
                count(*) as row_count
            from delivery.mart_accelerator_idle_costs
            where {_chosen(selection)}
            group by pool_id
        ),

        {_POOL_HOURS_AND_GAPS}

        select
            costs.* replace (
                case
                    when hours.capacity_gpu_hours is null then null
                    else costs.infrastructure_idle
                end as infrastructure_idle
            ),
            case
                when hours.capacity_gpu_hours is null then 'capacity not read'
            end as capacity_reason,
            case when hours.active_gpu_hours is null then 'not read' end
                as active_reason,
            hours.team_id,
            hours.idle_policy,
            hours.capacity_gpu_hours,
            hours.allocated_gpu_hours,
            hours.active_gpu_hours,
            gaps.reason
        from costs
        left join hours using (pool_id)
        left join gaps using (pool_id)
        order by costs.idle desc, costs.pool_id
        """,
        **_parameters(selection),
    )


@per_run
def idle_owners(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return idle money of a period by owner, the largest first."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            coalesce(team_id, 'no team named') as team,
            coalesce(cost_center, 'none') as cost_center,
            pool_id,
            coalesce(model_id, 'the pool itself') as holder,
            sum(requested_idle_{amount}) filter (is_idle_known) as requested_idle,
            sum(infrastructure_idle_{amount}) filter (is_idle_known)
                as infrastructure_idle,
            {_idle(amount)} as idle,
            {ratio(_idle(amount), f"sum({_idle(amount)}) over ()")} as share_ratio,
            team_id is null as is_unowned,
            count(*) as row_count
        from delivery.mart_accelerator_idle_costs
        where {_chosen(selection)}
        group by team_id, cost_center, pool_id, model_id
        having {_idle(amount)} <> 0
        order by idle desc, team, pool_id, holder
        """,
        **_parameters(selection),
    )


@per_run
def idle_of_other_pools(snapshot: Snapshot, selection: Selection) -> dict[str, Any]:
    """Return what is idle in pools that other drivers divide."""
    amount = AMOUNTS[selection.basis]
    return one(
        snapshot,
        f"""
        select
            sum(coalesce(infrastructure_idle_{amount}, 0) + requested_idle_{amount})
                as idle,
            count(distinct pool_id) as pool_count
        from cost.fct_daily_pool_costs
        where
            currency = $currency
            and list_contains($months, billing_month)
            and coalesce(driver, '') <> 'gpu_hours'
            and coalesce(infrastructure_idle_{amount}, 0) + requested_idle_{amount} <> 0
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


@per_run
def pools_of_the_week(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the pools whose hours were read in a period, the busiest first."""
    found = rows(
        snapshot,
        "select pool_id from delivery.mart_accelerator_hours_of_week"
        " where list_contains($months, billing_month) group by pool_id"
        " order by sum(active_gpu_hours) desc nulls last, pool_id",
        months=list(selection.period.months),
    )
    return tuple(row["pool_id"] for row in found)


@per_run
def hours_of_week(snapshot: Snapshot, selection: Selection, pool: str) -> pa.Table:
    """Return the GPUs of a pool that idle on average, by weekday and hour in UTC."""
    requested = "cast(sum(requested_idle_gpu_hours) as double)"
    infrastructure = "cast(sum(infrastructure_idle_gpu_hours) as double)"
    return table(
        snapshot,
        f"""
        select
            weekday,
            ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] as day,
            hour_of_day,
            sum(capacity_gpu_hours) as capacity_gpu_hours,
            sum(requested_gpu_hours) as requested_gpu_hours,
            sum(active_gpu_hours) as active_gpu_hours,
            sum(requested_idle_gpu_hours) as requested_idle_gpu_hours,
            sum(infrastructure_idle_gpu_hours) as infrastructure_idle_gpu_hours,
            {requested} / nullif(sum(active_hour_count), 0) as requested_idle_gpus,
            {infrastructure} / nullif(sum(capacity_hour_count), 0)
                as infrastructure_idle_gpus,
            sum(capacity_hour_count) as capacity_hour_count,
            sum(active_hour_count) as active_hour_count
        from delivery.mart_accelerator_hours_of_week
        where list_contains($months, billing_month) and pool_id = $pool
        group by weekday, hour_of_day
        order by weekday, hour_of_day
        """,
        months=list(selection.period.months),
        pool=pool,
    )


@per_run
def commitment_headline(snapshot: Snapshot, selection: Selection) -> CommitmentHeadline:
    """Return what commitments left unused in a period."""
    figures = one(
        snapshot,
        """
        select
            sum(unused_effective_cost - out_of_scope_unused_effective_cost) as unused,
            sum(unused_effective_cost) as unused_whole,
            sum(committed_effective_cost - out_of_scope_used_effective_cost
                - out_of_scope_unused_effective_cost) as committed,
            sum(committed_effective_cost) as committed_whole,
            count(distinct commitment_id) as commitment_count,
            count(*) as row_count
        from cost.mart_commitments
        where currency = $currency and list_contains($months, billing_month)
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )
    return CommitmentHeadline(**figures)


@per_run
def commitments(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the commitments of a period, the most unused money first."""
    used = "sum(used_effective_cost)"
    committed = "sum(committed_effective_cost)"
    billed = "arg_max(purchased_billed_cost_to_date, billing_month)"
    drawn = "arg_max(committed_effective_cost_to_date, billing_month)"
    return table(
        snapshot,
        f"""
        select
            coalesce(max(commitment_name), min(commitment_id)) as commitment,
            provider,
            replace(commitment_kind, '_', ' ') as kind,
            sum(purchased_billed_cost) as purchased,
            {committed} as committed,
            {used} as used,
            sum(unused_effective_cost) as unused,
            {ratio(used, committed)} as utilisation_ratio,
            {ratio(drawn, billed)} as drawn_ratio,
            {billed} as purchased_to_date,
            {drawn} as committed_to_date,
            min(commitment_id) as commitment_id,
            source,
            count(*) as row_count
        from cost.mart_commitments
        where currency = $currency and list_contains($months, billing_month)
        group by source, provider, commitment_kind, lower(commitment_id)
        order by unused desc, commitment
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


def _sums(selection: Selection) -> str:
    amount = AMOUNTS[selection.basis]
    return ", ".join(
        f"sum({part}_{amount})"
        f"{' filter (is_idle_known)' if part.endswith('idle') else ''} as {part}"
        for part in ("total", *ACCELERATOR_PARTS)
    )


def _idle(amount: str) -> str:
    """Return the sum of idle money that is known: of none it is NULL, not zero."""
    idle = f"requested_idle_{amount} + infrastructure_idle_{amount}"
    return f"sum({idle}) filter (is_idle_known)"


def _chosen(selection: Selection) -> str:
    return (
        "currency = $currency and list_contains($months, billing_month)"
        f" and {SCOPES[selection.scope_kind]}"
    )


def _parameters(selection: Selection, *, with_months: bool = True) -> dict[str, Any]:
    parameters = scope_parameters(selection)
    del parameters["prior_months"]
    if not with_months:
        del parameters["months"]
    return parameters
