{#-
  What the meters say about each pool: a weight per model and moment in the pool's
  own driver. For a pool with accelerator readings a workload weighs what it
  requested or used, whichever is more; requested and unused is kept beside it.
-#}
with pools as (
    select * from {{ source('control', 'pools') }}
),

aliases as (
    select * from {{ source('control', 'catalog_model_aliases') }}
),

usage as (
    select
        usage_rows.*,
        coalesce(aliases.model_id, usage_rows.model_id) as canonical_model_id
    from {{ ref('int_model_usage') }} as usage_rows
    left join aliases on usage_rows.model_id = aliases.alias
),

accelerators as (
    select
        accelerator_rows.*,
        coalesce(aliases.model_id, accelerator_rows.model_id) as canonical_model_id
    from {{ ref('int_accelerator_usage') }} as accelerator_rows
    left join aliases on accelerator_rows.model_id = aliases.alias
),

accelerated_pools as (
    select distinct pool_id from accelerators
),

direct_costs as (
    select
        model_id,
        charge_date,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charges_owned') }}
    where component = 'direct' and model_id is not null and not is_missing_rate
    group by model_id, charge_date
),

active_days as (
    select
        canonical_model_id as model_id,
        cast(period_start as date) as active_date
    from usage
    where canonical_model_id is not null
    union
    select
        model_id,
        charge_date as active_date
    from direct_costs
)

select
    pools.pool_id,
    pools.driver,
    accelerators.canonical_model_id as model_id,
    accelerators.period_start as metered_at,
    {{ to_weight('greatest(coalesce(requested_gpu_hours, 0), coalesce(used_gpu_hours, 0))') }} as weight,
    {{ to_weight('greatest(coalesce(requested_gpu_hours, 0) - coalesce(used_gpu_hours, 0), 0)') }}
        as requested_idle_weight,
    {{ to_weight('coalesce(capacity_gpu_hours, 0)') }} as capacity
from pools
inner join accelerators on pools.pool_id = accelerators.pool_id
where pools.driver = 'gpu_hours'
union all
select
    pools.pool_id,
    pools.driver,
    usage.canonical_model_id as model_id,
    usage.period_start as metered_at,
    case pools.driver
        when 'gpu_hours' then {{ to_weight('usage.gpu_hours') }}
        when 'cpu_memory_hours'
            then {{ cpu_memory_weight('usage.cpu_core_hours', 'usage.memory_gibibyte_hours') }}
        when 'requests' then {{ to_weight('usage.requests') }}
        when 'tokens'
            then {{ to_weight('coalesce(usage.input_tokens, 0) + coalesce(usage.output_tokens, 0)') }}
    end as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as capacity
from pools
inner join usage on pools.pool_id = coalesce(usage.pool_id, pools.pool_id)
left join accelerated_pools on pools.pool_id = accelerated_pools.pool_id
where
    pools.driver in ('gpu_hours', 'cpu_memory_hours', 'requests', 'tokens')
    and not (pools.driver = 'gpu_hours' and accelerated_pools.pool_id is not null)
union all
select
    pools.pool_id,
    pools.driver,
    direct_costs.model_id,
    cast(direct_costs.charge_date as timestamp) as metered_at,
    {{ to_weight('greatest(direct_costs.effective_cost, 0)') }} as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as capacity
from pools
cross join direct_costs
where pools.driver = 'direct_cost'
union all
select
    pools.pool_id,
    pools.driver,
    active_days.model_id,
    cast(active_days.active_date as timestamp) as metered_at,
    {{ to_weight('1') }} as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as capacity
from pools
cross join active_days
where pools.driver = 'even'
