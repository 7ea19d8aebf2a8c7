{#-
  What OpenCost says about each allocation of an hour, once: where two recorded answers
  hold the same one, the later load counts.
-#}
with source as (
    select * from {{ source('evidence', 'opencost_allocation') }}
),

by_recency as (
    select
        source.*,
        row_number() over (
            partition by source._source, source.cluster, source.allocation_name, source.period_start
            order by source._load_id desc
        ) as recency
    from source
)

select
    _source as source,
    cluster,
    node,
    provider_id,
    model_id,
    pool_id,
    kind,
    gpu_model,
    cpu_core_hours,
    requested_cpu_core_hours,
    used_cpu_core_hours,
    capacity_cpu_core_hours,
    memory_gibibyte_hours,
    requested_memory_gibibyte_hours,
    used_memory_gibibyte_hours,
    capacity_memory_gibibyte_hours,
    requested_gpu_hours,
    used_gpu_hours,
    capacity_gpu_hours,
    period_start,
    period_end
from by_recency
where recency = 1
