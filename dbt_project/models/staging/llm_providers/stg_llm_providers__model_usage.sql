{#-
  Usage that the vendors of model APIs count, as a meter: what a mapping gives a model
  or a pool. Usage of neither belongs to no split and stays out. What a gateway counts
  is the same traffic once more, and a meter of its own.

  A reading without a pool weighs in every pool. What a model used of one vendor says
  nothing about pools that it is not mapped to, so here it names none that exists.
-#}
with source as (
    select * from {{ source('evidence', 'llm_usage') }}
)

select
    _source as source,
    model_id,
    coalesce(pool_id, '') as pool_id,
    cast(null as string) as platform_id,
    requests,
    successful_requests,
    input_tokens,
    -- Where only some of it is known to be cached, nobody knows how much is.
    case when uncached_input_tokens is not null then coalesce(cached_input_tokens, 0) end as cached_input_tokens,
    output_tokens,
    {{ metered_details({
        'provider_model': 'provider_model',
        'service_tier': "service_tier || coalesce(' ' || context_window, '')",
        'usage_kind': 'usage_kind',
        'quantity': 'quantity',
        'cache_write_input_tokens': 'cache_write_input_tokens',
        'cache_write_1h_input_tokens': 'cache_write_1h_input_tokens',
        'audio_input_tokens': 'audio_input_tokens',
        'image_input_tokens': 'image_input_tokens',
        'reasoning_tokens': 'reasoning_tokens',
        'audio_output_tokens': 'audio_output_tokens',
        'image_output_tokens': 'image_output_tokens',
    }) }}
    cast(null as decimal(38, 18)) as gpu_hours,
    cast(null as decimal(38, 18)) as cpu_core_hours,
    cast(null as decimal(38, 18)) as memory_gibibyte_hours,
    period_start,
    period_end
from source
where
    reported_by = 'provider'
    and (model_id is not null or pool_id is not null)
