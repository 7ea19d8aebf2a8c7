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
),

parts as (
    select
        *,
        {{ money_times_share('billed_cost', 'share') }} as billed_part,
        {{ money_times_share('effective_cost', 'share') }} as effective_part
    from divided
),

-- As allocate_exactly does it: sums in the place of windows, which sort each row with all its columns.
origins as (
    select
        origin_id,
        max(share) as largest_share,
        {{ residue_of_parts('billed_cost', 'billed_part') }} as billed_residue,
        {{ residue_of_parts('effective_cost', 'effective_part') }} as effective_residue
    from parts
    group by origin_id
),

receivers as (
    select
        parts.origin_id,
        min(parts.participant_id) as participant_id
    from parts
    inner join origins on parts.origin_id = origins.origin_id and parts.share = origins.largest_share
    group by parts.origin_id
)

select
    parts.origin_id,
    parts.pool_id,
    parts.charged_kind,
    parts.driver,
    parts.split_basis,
    parts.is_capacity_known,
    parts.idle_policy,
    parts.component,
    parts.metered_interval,
    parts.metered_interval_started_at,
    parts.billing_month,
    parts.charge_date,
    parts.source,
    parts.provider,
    parts.platform_id,
    parts.lifecycle_stage,
    parts.currency,
    parts.is_estimated,
    parts.participant_id,
    parts.share,
    parts.billed_part
    + case when receivers.origin_id is null then {{ to_money('0') }} else origins.billed_residue end
        as billed_cost,
    parts.effective_part
    + case when receivers.origin_id is null then {{ to_money('0') }} else origins.effective_residue end
        as effective_cost,
    {{ money_times_rare_share('parts.billed_cost', 'parts.requested_idle_share') }} as requested_idle_billed_cost,
    {{ money_times_rare_share('parts.effective_cost', 'parts.requested_idle_share') }} as requested_idle_effective_cost,
    {{ money_times_rare_share('parts.billed_cost', 'parts.unmeasured_share') }} as unmeasured_billed_cost,
    {{ money_times_rare_share('parts.effective_cost', 'parts.unmeasured_share') }} as unmeasured_effective_cost
from parts
inner join origins on parts.origin_id = origins.origin_id
left join receivers
    on
        parts.origin_id = receivers.origin_id
        and parts.participant_id = receivers.participant_id
