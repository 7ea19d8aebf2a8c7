{#- A meter row that is delivered twice, equal in every column, counts once. -#}
with source as (
    select * from {{ source('evidence', 'model_usage') }}
)

select distinct
    _source as source,
    model_id,
    pool_id,
    platform_id,
    requests,
    successful_requests,
    input_tokens,
    cached_input_tokens,
    output_tokens,
    {{ metered_details({
        'provider_model': 'provider_model',
        'service_tier': 'service_tier',
        'accelerator_type': 'accelerator_type',
        'cache_write_input_tokens': 'cache_write_input_tokens',
        'reasoning_tokens': 'reasoning_tokens',
    }) }}
    coalesce(gpu_hours, {{ hours_of_seconds('gpu_seconds') }}) as gpu_hours,
    cpu_core_hours,
    memory_gibibyte_hours,
    period_start,
    coalesce(period_end, period_start + interval '1' day) as period_end
from source
