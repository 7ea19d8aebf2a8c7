{#- A meter row that is delivered twice, equal in every column, counts once. -#}
with source as (
    select * from {{ source('evidence', 'accelerator_usage') }}
)

select distinct
    _source as source,
    pool_id,
    model_id,
    cast(null as string) as cluster,
    node_id,
    accelerator_type,
    purchase_option,
    capacity_gpu_hours,
    requested_gpu_hours,
    used_gpu_hours,
    period_start
from source
