{#- What nodes had, and what workloads on them requested and used; a volume is on no node. -#}
select
    allocations.source,
    allocations.cluster,
    allocations.node as node_name,
    allocations.provider_id,
    allocations.pool_id,
    allocations.kind = 'idle' as is_idle,
    allocations.capacity_gpu_hours,
    allocations.requested_gpu_hours,
    allocations.used_gpu_hours,
    allocations.capacity_cpu_core_hours,
    allocations.requested_cpu_core_hours,
    allocations.used_cpu_core_hours,
    allocations.period_start
from {{ ref('stg_opencost__allocations') }} as allocations
where allocations.node is not null and allocations.kind in ('workload', 'idle')
