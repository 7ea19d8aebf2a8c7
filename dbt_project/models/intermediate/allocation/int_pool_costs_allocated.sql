{#- Every origin of a pool, divided exactly among its participants. -#}
{{ config(materialized='table') }}

with costs as (
    select * from {{ ref('int_pool_costs_with_meter') }}
),

pools as (
    select * from {{ source('control', 'pools') }}
),

-- A model may stand there twice, under two of its names.
fixed_shares as (
    select
        percentages.pool_id,
        coalesce(aliases.model_id, percentages.model_id) as participant_id,
        cast(sum(percentages.percentage * cast(0.01 as decimal(3, 2))) as decimal(15, 14)) as share
    from {{ source('control', 'pool_percentages') }} as percentages
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on percentages.model_id = aliases.alias
    group by percentages.pool_id, coalesce(aliases.model_id, percentages.model_id)
),

divided as (
    select
        costs.*,
        pools.driver,
        pools.idle_policy,
        coalesce(shares.participant_id, fixed_shares.participant_id, '__unallocated__') as participant_id,
        coalesce(shares.share, fixed_shares.share, cast(1 as decimal(15, 14))) as share,
        coalesce(shares.requested_idle_share, cast(0 as decimal(15, 14))) as requested_idle_share,
        coalesce(shares.unmeasured_share, cast(0 as decimal(15, 14))) as unmeasured_share,
        shares.split_basis,
        shares.is_capacity_known
    from costs
    left join pools on costs.pool_id = pools.pool_id
    left join {{ ref('int_pool_shares') }} as shares
        on
            costs.pool_id = shares.pool_id
            and costs.charged_kind = shares.charged_kind
            and costs.metered_interval = shares.allocation_interval
            and costs.metered_interval_started_at = shares.interval_started_at
    left join fixed_shares on costs.pool_id = fixed_shares.pool_id
)

select
    origin_id,
    pool_id,
    charged_kind,
    driver,
    split_basis,
    is_capacity_known,
    idle_policy,
    component,
    metered_interval,
    metered_interval_started_at,
    billing_month,
    charge_date,
    source,
    provider,
    platform_id,
    lifecycle_stage,
    currency,
    is_estimated,
    participant_id,
    share,
    {{ allocate_exactly('billed_cost', 'share', ['origin_id'], 'participant_id') }} as billed_cost,
    {{ allocate_exactly('effective_cost', 'share', ['origin_id'], 'participant_id') }} as effective_cost,
    {{ money_times_rare_share('billed_cost', 'requested_idle_share') }} as requested_idle_billed_cost,
    {{ money_times_rare_share('effective_cost', 'requested_idle_share') }} as requested_idle_effective_cost,
    {{ money_times_rare_share('billed_cost', 'unmeasured_share') }} as unmeasured_billed_cost,
    {{ money_times_rare_share('effective_cost', 'unmeasured_share') }} as unmeasured_effective_cost
from divided
