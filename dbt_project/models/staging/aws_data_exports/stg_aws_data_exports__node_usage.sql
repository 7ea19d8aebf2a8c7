{#- What instances had, and what pods and tasks on them reserved and used. -#}
select
    split_usage.source,
    split_usage.cluster,
    cast(null as string) as node_name,
    split_usage.node_id as provider_id,
    split_usage.pool_id,
    false as is_idle,
    split_usage.capacity_gpu_hours,
    split_usage.requested_gpu_hours,
    split_usage.used_gpu_hours,
    split_usage.capacity_cpu_core_hours,
    split_usage.requested_cpu_core_hours,
    split_usage.used_cpu_core_hours,
    split_usage.period_start
from {{ ref('stg_aws_data_exports__split_usage') }} as split_usage
where split_usage.node_id is not null
