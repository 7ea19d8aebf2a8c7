{#- Core-hours and GiB-hours that workloads requested and used, and what their nodes had. -#}
with allocations as (
    select * from {{ ref('stg_opencost__allocations') }}
    where kind in ('workload', 'idle')
)

select
    source,
    pool_id,
    model_id,
    cluster,
    node as node_id,
    capacity_cpu_core_hours,
    capacity_memory_gibibyte_hours,
    requested_cpu_core_hours,
    requested_memory_gibibyte_hours,
    used_cpu_core_hours,
    used_memory_gibibyte_hours,
    period_start
from allocations
