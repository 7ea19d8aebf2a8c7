{#- What each workload held: requested or used, whichever is more. -#}
with allocations as (
    select * from {{ ref('stg_opencost__allocations') }}
)

select
    source,
    model_id,
    pool_id,
    cast(null as string) as platform_id,
    cast(null as decimal(38, 18)) as requests,
    cast(null as decimal(38, 18)) as successful_requests,
    cast(null as decimal(38, 18)) as input_tokens,
    cast(null as decimal(38, 18)) as cached_input_tokens,
    cast(null as decimal(38, 18)) as output_tokens,
    {{ metered_details({'accelerator_type': 'gpu_model'}) }}
    greatest(requested_gpu_hours, used_gpu_hours) as gpu_hours,
    cpu_core_hours,
    memory_gibibyte_hours,
    period_start,
    period_end
from allocations
where kind = 'workload'
