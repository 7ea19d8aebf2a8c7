{#-
  Readings of accelerators under canonical model ids, each GPU hour once. Where several
  meters look at one node in one hour (one knows what was requested, another what was
  used), the greatest reading of each quantity counts; two meters never add up.
-#}
with usage as (
    select
        accelerators.source,
        accelerators.pool_id,
        coalesce(aliases.model_id, accelerators.model_id) as model_id,
        accelerators.node_id,
        accelerators.capacity_gpu_hours,
        accelerators.requested_gpu_hours,
        accelerators.used_gpu_hours,
        accelerators.period_start,
        {{ interval_start('hour', 'accelerators.period_start') }} as metered_hour
    from {{ ref('int_accelerator_usage') }} as accelerators
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on accelerators.model_id = aliases.alias
),

metered_twice as (
    select
        usage.pool_id,
        usage.node_id,
        usage.metered_hour
    from usage
    where usage.node_id is not null
    group by usage.pool_id, usage.node_id, usage.metered_hour
    having count(distinct usage.source) > 1
),

by_meter as (
    select
        usage.source,
        usage.pool_id,
        usage.model_id,
        usage.node_id,
        usage.metered_hour,
        sum(usage.capacity_gpu_hours) as capacity_gpu_hours,
        sum(usage.requested_gpu_hours) as requested_gpu_hours,
        sum(usage.used_gpu_hours) as used_gpu_hours
    from usage
    inner join metered_twice
        on
            usage.pool_id = metered_twice.pool_id
            and usage.node_id = metered_twice.node_id
            and usage.metered_hour = metered_twice.metered_hour
    group by usage.source, usage.pool_id, usage.model_id, usage.node_id, usage.metered_hour
),

capacities_by_meter as (
    select
        by_meter.source,
        by_meter.pool_id,
        by_meter.node_id,
        by_meter.metered_hour,
        sum(by_meter.capacity_gpu_hours) as capacity_gpu_hours
    from by_meter
    group by by_meter.source, by_meter.pool_id, by_meter.node_id, by_meter.metered_hour
)

select
    usage.pool_id,
    usage.model_id,
    usage.node_id,
    usage.capacity_gpu_hours,
    usage.requested_gpu_hours,
    usage.used_gpu_hours,
    usage.period_start
from usage
left join metered_twice
    on
        usage.pool_id = metered_twice.pool_id
        and usage.node_id = metered_twice.node_id
        and usage.metered_hour = metered_twice.metered_hour
where metered_twice.pool_id is null
union all
select
    by_meter.pool_id,
    by_meter.model_id,
    by_meter.node_id,
    cast(null as decimal(38, 18)) as capacity_gpu_hours,
    max(by_meter.requested_gpu_hours) as requested_gpu_hours,
    max(by_meter.used_gpu_hours) as used_gpu_hours,
    by_meter.metered_hour as period_start
from by_meter
group by by_meter.pool_id, by_meter.model_id, by_meter.node_id, by_meter.metered_hour
union all
select
    capacities.pool_id,
    cast(null as string) as model_id,
    capacities.node_id,
    max(capacities.capacity_gpu_hours) as capacity_gpu_hours,
    cast(null as decimal(38, 18)) as requested_gpu_hours,
    cast(null as decimal(38, 18)) as used_gpu_hours,
    capacities.metered_hour as period_start
from capacities_by_meter as capacities
group by capacities.pool_id, capacities.node_id, capacities.metered_hour
