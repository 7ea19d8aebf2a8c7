{#-
  What a unit of each kind costs in a month: what lines of that kind charge, by what was
  metered of it, in the pool itself or else in any pool. It only weighs lines that name no kind.
  A table, which is empty where no line names one: then no bill changes a weight.
-#}
{{ config(materialized='table') }}

with kinds as (
    select * from {{ ref('int_pool_kinds') }}
),

costs as (
    select
        pool_id,
        {{ month_label('charge_date') }} as metered_month,
        charged_kind,
        {{ to_money('sum(effective_cost)') }} as effective_cost
    from {{ ref('int_pool_costs') }}
    group by pool_id, {{ month_label('charge_date') }}, charged_kind
),

quantities as (
    select
        pool_id,
        {{ month_label('interval_started_at') }} as metered_month,
        metered_kind,
        driver,
        {{ to_weight('sum(weight)') }} as quantity
    from {{ ref('int_pool_weights') }}
    where allocation_interval = 'month'
    group by pool_id, {{ month_label('interval_started_at') }}, metered_kind, driver
),

lines as (
    select
        kinds.pool_id,
        kinds.metered_month,
        kinds.charged_kind,
        max(costs.effective_cost) as effective_cost,
        {{ to_weight('sum(quantities.quantity)') }} as quantity
    from kinds
    inner join costs
        on
            kinds.pool_id = costs.pool_id
            and kinds.metered_month = costs.metered_month
            and kinds.charged_kind = costs.charged_kind
    inner join quantities
        on
            kinds.pool_id = quantities.pool_id
            and kinds.metered_month = quantities.metered_month
            and kinds.metered_kind = quantities.metered_kind
    where kinds.is_kind_named
    group by kinds.pool_id, kinds.metered_month, kinds.charged_kind
    having max(case when kinds.is_estimated then 1 else 0 end) = 0
),

-- One line may be for several kinds that the bill does not tell apart.
in_pools as (
    select
        kinds.pool_id,
        kinds.metered_month,
        kinds.metered_kind,
        quantities.driver,
        {{ to_money('sum(lines.effective_cost)') }} as effective_cost,
        {{ to_weight('sum(lines.quantity)') }} as quantity
    from kinds
    inner join lines
        on
            kinds.pool_id = lines.pool_id
            and kinds.metered_month = lines.metered_month
            and kinds.charged_kind = lines.charged_kind
    inner join quantities
        on
            kinds.pool_id = quantities.pool_id
            and kinds.metered_month = quantities.metered_month
            and kinds.metered_kind = quantities.metered_kind
    group by kinds.pool_id, kinds.metered_month, kinds.metered_kind, quantities.driver
),

anywhere as (
    select
        metered_month,
        metered_kind,
        driver,
        {{ to_money('sum(effective_cost)') }} as effective_cost,
        {{ to_weight('sum(quantity)') }} as quantity
    from in_pools
    -- Without a model's name, kinds of two pools are two things.
    where split_part(metered_kind, ':', 2) <> ''
    group by metered_month, metered_kind, driver
),

priced as (
    select
        quantities.pool_id,
        quantities.metered_month,
        quantities.metered_kind,
        coalesce(
            {{ price_per_unit('in_pools.effective_cost', 'in_pools.quantity', 'quantities.driver') }},
            {{ price_per_unit('anywhere.effective_cost', 'anywhere.quantity', 'quantities.driver') }}
        ) as unit_weight
    from quantities
    left join in_pools
        on
            quantities.pool_id = in_pools.pool_id
            and quantities.metered_month = in_pools.metered_month
            and quantities.metered_kind = in_pools.metered_kind
    left join anywhere
        on
            quantities.metered_month = anywhere.metered_month
            and quantities.metered_kind = anywhere.metered_kind
            and quantities.driver = anywhere.driver
)

select *
from priced
where unit_weight > 0
