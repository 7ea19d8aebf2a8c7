{#- Idle money of pools whose policy distributes it, divided by what was used. -#}
with idle as (
    select *
    from {{ ref('int_pool_costs_allocated') }}
    where participant_id = '__idle__' and idle_policy = 'distribute'
),

shares as (
    select *
    from {{ ref('int_pool_shares') }}
    where share_of_used is not null
)

select
    idle.origin_id,
    idle.pool_id,
    idle.billing_month,
    idle.charge_date,
    idle.source,
    idle.provider,
    idle.platform_id,
    idle.lifecycle_stage,
    idle.currency,
    idle.is_estimated,
    idle.split_basis,
    idle.metered_interval = 'month' as is_fee,
    shares.participant_id as model_id,
    {{ allocate_exactly(
        'idle.billed_cost', 'coalesce(shares.share_of_used, cast(1 as decimal(15, 14)))',
        ['idle.origin_id'], 'shares.participant_id'
    ) }} as billed_cost,
    {{ allocate_exactly(
        'idle.effective_cost', 'coalesce(shares.share_of_used, cast(1 as decimal(15, 14)))',
        ['idle.origin_id'], 'shares.participant_id'
    ) }} as effective_cost
from idle
left join shares
    on
        idle.pool_id = shares.pool_id
        and idle.charged_kind = shares.charged_kind
        and idle.metered_interval = shares.allocation_interval
        and idle.metered_interval_started_at = shares.interval_started_at
