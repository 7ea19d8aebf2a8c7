{#- Accelerator hours that pods and tasks reserved, and what their instances had. -#}
with usage as (
    select * from {{ ref('stg_aws_data_exports__split_usage') }}
)

select
    usage.source,
    usage.pool_id,
    usage.model_id,
    cast(null as string) as cluster,
    usage.node_id,
    cast(null as string) as accelerator_type,
    cast(null as string) as purchase_option,
    usage.capacity_gpu_hours,
    usage.requested_gpu_hours,
    usage.used_gpu_hours,
    usage.period_start
from usage
where usage.gpu_hours is not null or usage.requested_gpu_hours is not null
