{#- What each pod and task held: reserved or used, whichever is more. -#}
with usage as (
    select * from {{ ref('stg_aws_data_exports__split_usage') }}
)

select
    usage.source,
    usage.model_id,
    usage.pool_id,
    cast(null as string) as platform_id,
    cast(null as decimal(38, 18)) as requests,
    cast(null as decimal(38, 18)) as successful_requests,
    cast(null as decimal(38, 18)) as input_tokens,
    cast(null as decimal(38, 18)) as cached_input_tokens,
    cast(null as decimal(38, 18)) as output_tokens,
    {{ metered_details({}) }}
    usage.gpu_hours,
    usage.cpu_core_hours,
    usage.memory_gibibyte_hours,
    usage.period_start,
    usage.period_end
from usage
