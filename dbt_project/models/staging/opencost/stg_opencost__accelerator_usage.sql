{#- GPU hours that workloads requested and used, and what their nodes had. -#}
with allocations as (
    select * from {{ ref('stg_opencost__allocations') }}
)

select
    source,
    pool_id,
    model_id,
    cluster,
    node as node_id,
    gpu_model as accelerator_type,
    cast(null as string) as purchase_option,
    capacity_gpu_hours,
    requested_gpu_hours,
    used_gpu_hours,
    period_start
from allocations
where requested_gpu_hours is not null or used_gpu_hours is not null or capacity_gpu_hours is not null
