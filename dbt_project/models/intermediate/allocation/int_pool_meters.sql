{#-
  What the meters say about each pool: a weight per model, kind and moment in the pool's
  own driver. On a day on which a pool's accelerators or nodes are read, a workload weighs
  what it requested or used, whichever is more; kept beside it is what of that was
  requested and unused, and what was requested while nobody measured its use. On other
  days, such as those before that meter began, it weighs what usage says.
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

tokens as (
    select * from {{ ref('int_token_readings') }}
),

accelerators as (
    select
        readings.*,
        {{ metered_accelerator_type('readings.accelerator_type') }} as type_key,
        case
            when readings.purchase_option is null then '?'
            when {{ matches_regex('lower(readings.purchase_option)', "'spot|preempt|dynamic'") }} then 'spot'
            else ''
        end as tier
    from {{ ref('int_accelerator_readings') }} as readings
),

compute as (
    select * from {{ ref('int_compute_readings') }}
),

-- Days of pools whose readings say what was requested, used and there: a meter begins and stops.
days_with_capacity as (
    select distinct
        accelerators.pool_id,
        'gpu_hours' as driver,
        cast(accelerators.period_start as date) as metered_date
    from accelerators
    union all
    select distinct
        compute.pool_id,
        'cpu_memory_hours' as driver,
        cast(compute.period_start as date) as metered_date
    from compute
),

direct_costs as (
    select * from {{ ref('int_pool_direct_costs') }}
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
    accelerators.model_id,
    accelerators.period_start as metered_at,
    {{ packed_kind("'accelerator'", 'accelerators.type_key', tier='accelerators.tier') }} as metered_kind,
    {{ to_weight(most_of('accelerators.requested_gpu_hours', 'accelerators.used_gpu_hours')) }} as weight,
    {{ to_weight(unused_of('accelerators.requested_gpu_hours', 'accelerators.used_gpu_hours')) }}
        as requested_idle_weight,
    {{ to_weight(unmeasured_of('accelerators.requested_gpu_hours', 'accelerators.used_gpu_hours')) }}
        as unmeasured_weight,
    {{ to_weight('coalesce(accelerators.capacity_gpu_hours, 0)') }} as capacity
from pools
inner join accelerators on pools.pool_id = accelerators.pool_id
where pools.driver = 'gpu_hours'
union all
select
    pools.pool_id,
    pools.driver,
    compute.model_id,
    compute.period_start as metered_at,
    '' as metered_kind,
    {{ cpu_memory_weight(
        most_of('compute.requested_cpu_core_hours', 'compute.used_cpu_core_hours'),
        most_of('compute.requested_memory_gibibyte_hours', 'compute.used_memory_gibibyte_hours')
    ) }} as weight,
    {{ cpu_memory_weight(
        unused_of('compute.requested_cpu_core_hours', 'compute.used_cpu_core_hours'),
        unused_of('compute.requested_memory_gibibyte_hours', 'compute.used_memory_gibibyte_hours')
    ) }} as requested_idle_weight,
    {{ cpu_memory_weight(
        unmeasured_of('compute.requested_cpu_core_hours', 'compute.used_cpu_core_hours'),
        unmeasured_of('compute.requested_memory_gibibyte_hours', 'compute.used_memory_gibibyte_hours')
    ) }} as unmeasured_weight,
    {{ cpu_memory_weight('compute.capacity_cpu_core_hours', 'compute.capacity_memory_gibibyte_hours') }} as capacity
from pools
inner join compute on pools.pool_id = compute.pool_id
where pools.driver = 'cpu_memory_hours'
union all
select
    pools.pool_id,
    pools.driver,
    usage.canonical_model_id as model_id,
    usage.period_start as metered_at,
    case
        when pools.driver = 'gpu_hours'
            then {{ packed_kind("'accelerator'", metered_accelerator_type('usage.accelerator_type'), tier="'?'") }}
        else ''
    end as metered_kind,
    case pools.driver
        when 'gpu_hours' then {{ to_weight('usage.gpu_hours') }}
        when 'cpu_memory_hours'
            then {{ cpu_memory_weight('usage.cpu_core_hours', 'usage.memory_gibibyte_hours') }}
        when 'requests' then {{ to_weight('usage.requests') }}
    end as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as unmeasured_weight,
    {{ to_weight('0') }} as capacity
from pools
inner join usage on pools.pool_id = coalesce(usage.pool_id, pools.pool_id)
left join days_with_capacity
    on
        pools.pool_id = days_with_capacity.pool_id
        and pools.driver = days_with_capacity.driver
        and cast(usage.period_start as date) = days_with_capacity.metered_date
where
    pools.driver in ('gpu_hours', 'cpu_memory_hours', 'requests')
    and days_with_capacity.pool_id is null
union all
select
    pools.pool_id,
    pools.driver,
    tokens.model_id,
    tokens.metered_at,
    tokens.metered_kind,
    tokens.weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as unmeasured_weight,
    {{ to_weight('0') }} as capacity
from pools
inner join tokens on pools.pool_id = coalesce(tokens.pool_id, pools.pool_id)
where pools.driver = 'tokens'
union all
select
    pools.pool_id,
    pools.driver,
    direct_costs.model_id,
    cast(direct_costs.charge_date as timestamp) as metered_at,
    '' as metered_kind,
    {{ to_weight('greatest(direct_costs.effective_cost, 0)') }} as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as unmeasured_weight,
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
    '' as metered_kind,
    {{ to_weight('1') }} as weight,
    {{ to_weight('0') }} as requested_idle_weight,
    {{ to_weight('0') }} as unmeasured_weight,
    {{ to_weight('0') }} as capacity
from pools
cross join active_days
where pools.driver = 'even'
