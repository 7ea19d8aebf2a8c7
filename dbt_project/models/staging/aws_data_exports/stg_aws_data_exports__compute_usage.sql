{#- Core-hours and GiB-hours that pods and tasks reserved and used, and what their instances had. -#}
with usage as (
    select * from {{ ref('stg_aws_data_exports__split_usage') }}
)

select
    usage.source,
    usage.pool_id,
    usage.model_id,
    cast(null as string) as cluster,
    usage.node_id,
    usage.capacity_cpu_core_hours,
    usage.capacity_memory_gibibyte_hours,
    usage.requested_cpu_core_hours,
    usage.requested_memory_gibibyte_hours,
    usage.used_cpu_core_hours,
    usage.used_memory_gibibyte_hours,
    usage.period_start
from usage
where usage.cpu_core_hours is not null or usage.memory_gibibyte_hours is not null
