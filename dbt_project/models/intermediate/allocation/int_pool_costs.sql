{#-
  Money that is to be divided, by pool, kind and interval. Besides the declared pools, what
  a policy distributes (tax, credits, unused commitment) forms a pool of its own,
  divided by direct cost over the month.
-#}
with owned as (
    select * from {{ ref('int_charges_owned') }}
),

pools as (
    select * from {{ source('control', 'pools') }}
),

policies as (
    select * from {{ source('control', 'policies') }}
),

distributable as (
    select
        owned.*,
        owned.pool_id as divided_pool_id,
        coalesce(pools.component, 'shared') as divided_component,
        owned.allocation_interval as divided_interval,
        owned.interval_started_at as divided_interval_started_at
    from owned
    left join pools on owned.pool_id = pools.pool_id
    where owned.component = 'shared'
    union all
    select
        owned.*,
        policies.pool_id as divided_pool_id,
        owned.component as divided_component,
        'month' as divided_interval,
        {{ interval_start('month', 'owned.charge_date') }} as divided_interval_started_at
    from owned
    inner join policies
        on owned.component = policies.component and policies.is_distributed
    where owned.model_id is null and owned.feature_id is null and owned.team_id is null
),

summed as (
    select
        divided_pool_id as pool_id,
        coalesce(charged_kind, '') as charged_kind,
        divided_component as component,
        divided_interval as allocation_interval,
        divided_interval_started_at as interval_started_at,
        billing_month,
        charge_date,
        source,
        provider,
        platform_id,
        lifecycle_stage,
        currency,
        is_estimated,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(effective_cost)') }} as effective_cost
    from distributable
    group by
        divided_pool_id, coalesce(charged_kind, ''), divided_component, divided_interval,
        divided_interval_started_at, billing_month, charge_date, source, provider, platform_id, lifecycle_stage,
        currency, is_estimated
)

-- Numbered within its month: what another month has changes no id of this one.
select
    summed.*,
    cast(replace(summed.billing_month, '-', '') as bigint) * 1000000000 + row_number() over (
        partition by summed.billing_month
        order by
            summed.pool_id,
            summed.component,
            summed.allocation_interval,
            summed.interval_started_at,
            summed.charge_date,
            summed.source,
            summed.provider,
            summed.platform_id,
            summed.lifecycle_stage,
            summed.currency,
            summed.is_estimated,
            summed.charged_kind
    ) as origin_id
from summed
