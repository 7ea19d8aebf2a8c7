{#- Who used which model API for what, as its vendor and as gateways in front of it count. -#}
with source as (
    select * from {{ source('evidence', 'llm_usage') }}
)

select
    _source as source,
    reported_by,
    case when reported_by = 'gateway' then coalesce(gateway, _source) end as gateway,
    {{ to_llm_provider('provider') }} as provider,
    provider_model,
    model_id,
    pool_id,
    feature_tag,
    agent,
    task_id,
    attempt_id,
    task_step,
    task_outcome,
    requests,
    seen_requests,
    input_tokens,
    cached_input_tokens,
    cache_write_input_tokens,
    output_tokens,
    case
        when input_tokens is not null or output_tokens is not null
            then {{ to_addend('coalesce(input_tokens, 0)') }} + {{ to_addend('coalesce(output_tokens, 0)') }}
    end as tokens,
    estimated_spend_amount,
    coalesce(currency, 'USD') as currency,
    cast(period_start as date) as usage_date,
    period_start as metered_at
from source
