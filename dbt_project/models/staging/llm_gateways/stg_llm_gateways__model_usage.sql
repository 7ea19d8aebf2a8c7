{#-
  What gateways count, as a meter: where a mapping names a model or a pool. Tokens of a
  pool that it gives to no model stay nobody's, and so does their part of the pool.

  A reading without a pool weighs in every pool. What passes a gateway says nothing about
  pools that it is not mapped to, so here it names none that exists.
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
    cached_input_tokens,
    output_tokens,
    cast(null as decimal(38, 18)) as gpu_hours,
    cast(null as decimal(38, 18)) as cpu_core_hours,
    cast(null as decimal(38, 18)) as memory_gibibyte_hours,
    period_start,
    period_end
from source
where
    reported_by = 'gateway'
    and (model_id is not null or pool_id is not null)
