{#-
  Effective cost of each model and month, by what it served, token kind by token kind. Numerator and
  denominator are of the same days: those that are metered and, in a month that is not over, billed.
-#}
{%- set components = ['direct', 'shared', 'idle', 'unused_commitment', 'overhead'] %}
{%- set meters = ['requests', 'tokens', 'gpu_hours'] -%}
{%- set quantities = [
    'requests', 'successful_requests', 'input_tokens', 'cached_input_tokens', 'cache_write_tokens', 'output_tokens',
] -%}
{%- set kinds = ['input', 'cached_input', 'cache_write', 'output'] -%}
{%- set on_billed_days -%}
left join {{ ref('int_running_months_billed') }} as running
        on
            metered.model_id = running.model_id
            and {{ month_label('metered.metered_date') }} = running.billing_month
    where metered.metered_date <= coalesce(running.last_billed_date, metered.metered_date)
    group by {{ month_label('metered.metered_date') }}, metered.model_id
{%- endset %}
with costs as (
    select
        billing_month,
        model_id,
        currency,
        {% for component in components -%}
        {{ to_money("sum(case when component = '" ~ component ~ "' then effective_cost else 0 end)") }}
            as {{ component }}_cost,
        {% endfor -%}
        {{ to_money("sum(case when component in (" ~ sql_texts(components) ~ ") then effective_cost else 0 end)") }}
            as fully_loaded_cost
    from {{ ref('int_daily_model_costs_live') }}
    where model_id is not null
    group by billing_month, model_id, currency
),

metered_costs as (
    select
        billing_month,
        model_id,
        currency,
        {{ to_money("sum(case when cost_kind = 'loaded' and metered_day_count > 0 then metered_cost end)") }}
            as request_metered_cost,
        {{ to_money("sum(case when meter = 'tokens' and cost_kind <> 'no_token' then metered_cost end)") }}
            as token_cost,
        {% for kind in kinds -%}
        {{ to_money("sum(case when cost_kind = '" ~ kind ~ "_token' then metered_cost end)") }}
            as {{ kind }}_token_cost,
        {% endfor -%}
        {{ to_money("sum(case when cost_kind in ('unnamed_token', 'no_token') then metered_cost end)") }}
            as other_token_cost,
        {{ to_money("sum(case when cost_kind = 'gpu' then metered_cost end)") }} as gpu_cost,
        {% for meter in meters -%}
        max(case when meter = '{{ meter }}' then cost_day_count end) as {{ meter }}_cost_day_count,
        max(case when meter = '{{ meter }}' then metered_day_count end) as {{ meter }}_day_count,
        {% endfor -%}
        max(case when meter = 'requests' then any_metered_day_count end) as any_metered_day_count
    from {{ ref('int_model_metered_costs') }}
    group by billing_month, model_id, currency
),

usage as (
    select
        {{ month_label('metered.metered_date') }} as billing_month,
        metered.model_id,
        -- What some readings do not know, their sum does not know either.
        {% for column in ['requests', 'successful_requests'] -%}
        case when max(case when metered.has_uncounted_requests then 1 else 0 end) = 0 then sum(metered.{{ column }}) end
            as {{ column }},
        {% endfor -%}
        sum(metered.input_tokens) as input_tokens,
        case
            when sum(metered.reading_count_without_cached) = 0 then sum(metered.cached_input_tokens)
        end as cached_input_tokens,
        sum(metered.cache_write_tokens) as cache_write_tokens,
        sum(metered.output_tokens) as output_tokens
    from {{ ref('int_daily_model_usage') }} as metered
    {{ on_billed_days }}
),

gpus as (
    select
        {{ month_label('metered.metered_date') }} as billing_month,
        metered.model_id,
        sum(metered.gpu_hours) as gpu_hours
    from {{ ref('int_model_gpu_hours') }} as metered
    {{ on_billed_days }}
),

held as (
    select
        {{ month_label('metered.metered_date') }} as billing_month,
        metered.model_id,
        sum(metered.held_gpu_hours) as held_gpu_hours
    from {{ ref('int_model_held_gpu_hours') }} as metered
    {{ on_billed_days }}
),

measured as (
    select
        costs.*,
        {% for column in quantities -%}
        {{ to_money('usage.' ~ column) }} as {{ column }},
        {% endfor -%}
        {{ to_money('gpus.gpu_hours') }} as gpu_hours,
        {{ to_money('held.held_gpu_hours') }} as held_gpu_hours,
        -- Without a line for cached input, or for what is written to a cache, it was charged as input.
        usage.input_tokens
        - case when metered_costs.cached_input_token_cost is null then 0 else usage.cached_input_tokens end
        - case when metered_costs.cache_write_token_cost is null then 0 else usage.cache_write_tokens end
            as tokens_charged_as_input,
        metered_costs.request_metered_cost,
        metered_costs.token_cost,
        metered_costs.other_token_cost,
        metered_costs.gpu_cost,
        {% for kind in kinds -%}
        metered_costs.{{ kind }}_token_cost,
        {% endfor -%}
        {% for meter in meters -%}
        metered_costs.{{ meter }}_cost_day_count,
        metered_costs.{{ meter }}_day_count,
        {% endfor -%}
        metered_costs.any_metered_day_count
    from costs
    left join metered_costs
        on
            costs.billing_month = metered_costs.billing_month
            and costs.model_id = metered_costs.model_id
            and costs.currency = metered_costs.currency
    left join usage on costs.billing_month = usage.billing_month and costs.model_id = usage.model_id
    left join gpus on costs.billing_month = gpus.billing_month and costs.model_id = gpus.model_id
    left join held on costs.billing_month = held.billing_month and costs.model_id = held.model_id
)

select
    *,
    {{ cost_of_unit('request_metered_cost', 'requests', 'requests', 1000) }} as cost_per_thousand_requests,
    {{ cost_of_unit('token_cost', '(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))', 'tokens', 1000000) }}
        as token_cost_per_million_tokens,
    {{ cost_of_unit('input_token_cost', 'tokens_charged_as_input', 'tokens', 1000000) }}
        as cost_per_million_input_tokens,
    {% for kind in ['cached_input', 'output'] -%}
    {{ cost_of_unit(kind ~ '_token_cost', kind ~ '_tokens', 'tokens', 1000000) }} as cost_per_million_{{ kind }}_tokens,
    {% endfor -%}
    {{ cost_of_unit('cache_write_token_cost', 'cache_write_tokens', 'tokens', 1000000) }}
        as cost_per_million_cache_write_tokens,
    {{ cost_of_unit('gpu_cost', 'held_gpu_hours', 'gpu_hours', 1) }} as gpu_cost_per_gpu_hour,
    {{ safe_ratio('cached_input_tokens', 'input_tokens') }} as cache_hit_ratio,
    {{ safe_ratio('any_metered_day_count', 'requests_cost_day_count') }} as meter_coverage_ratio
from measured
