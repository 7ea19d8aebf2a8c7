{#-
  Effective cost of each model and month, by what it served, token kind by token kind.
  In a month that is not over both end on the last day billed.
-#}
{%- set components = ['direct', 'shared', 'idle', 'unused_commitment', 'overhead'] %}
{%- set on_billed_days -%}
left join {{ ref('int_running_months_billed') }} as running
        on
            metered.model_id = running.model_id
            and {{ month_label('metered.metered_date') }} = running.billing_month
    where metered.metered_date <= coalesce(running.last_billed_date, metered.metered_date)
    group by {{ month_label('metered.metered_date') }}, metered.model_id
{%- endset %}
with model_costs as (
    select * from {{ ref('int_daily_model_costs_live') }}
    where model_id is not null
),

costs as (
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
    from model_costs
    group by billing_month, model_id, currency
),

usage as (
    select
        {{ month_label('metered.metered_date') }} as billing_month,
        metered.model_id,
        sum(metered.requests) as requests,
        sum(metered.successful_requests) as successful_requests,
        sum(metered.input_tokens) as input_tokens,
        -- What some readings do not know, their sum does not know either.
        case
            when sum(metered.reading_count_without_cached) = 0 then sum(metered.cached_input_tokens)
        end as cached_input_tokens,
        sum(metered.output_tokens) as output_tokens
    from {{ ref('int_daily_model_usage') }} as metered
    {{ on_billed_days }}
),

-- Where no line is for cached input, it was charged as input.
tokens as (
    select
        usage.billing_month,
        usage.model_id,
        costs.currency,
        costs.input_token_cost,
        costs.cached_input_token_cost,
        costs.output_token_cost,
        costs.other_token_cost,
        case
            when costs.cached_input_token_cost is null then usage.input_tokens
            else usage.input_tokens - usage.cached_input_tokens
        end as tokens_charged_as_input
    from usage
    inner join {{ ref('int_token_costs') }} as costs
        on usage.billing_month = costs.billing_month and usage.model_id = costs.model_id
),

gpus as (
    select
        {{ month_label('metered.metered_date') }} as billing_month,
        metered.model_id,
        sum(metered.gpu_hours) as gpu_hours
    from {{ ref('int_model_gpu_hours') }} as metered
    {{ on_billed_days }}
),

metered_days as (
    select
        model_id,
        metered_date
    from {{ ref('int_daily_model_usage') }}
    union
    select
        model_id,
        metered_date
    from {{ ref('int_model_gpu_hours') }}
),

coverage as (
    select
        model_costs.billing_month,
        model_costs.model_id,
        model_costs.currency,
        count(distinct model_costs.charge_date) as cost_day_count,
        count(distinct metered_days.metered_date) as metered_day_count
    from model_costs
    left join metered_days
        on
            model_costs.model_id = metered_days.model_id
            and model_costs.charge_date = metered_days.metered_date
    group by model_costs.billing_month, model_costs.model_id, model_costs.currency
)

select
    costs.billing_month,
    costs.model_id,
    costs.currency,
    costs.direct_cost,
    costs.shared_cost,
    costs.idle_cost,
    costs.unused_commitment_cost,
    costs.overhead_cost,
    costs.fully_loaded_cost,
    {{ to_money('usage.requests') }} as requests,
    {{ to_money('usage.successful_requests') }} as successful_requests,
    {{ to_money('usage.input_tokens') }} as input_tokens,
    {{ to_money('usage.cached_input_tokens') }} as cached_input_tokens,
    {{ to_money('usage.output_tokens') }} as output_tokens,
    {{ to_money('gpus.gpu_hours') }} as gpu_hours,
    {{ safe_ratio('costs.fully_loaded_cost', 'usage.requests') }} * 1000 as cost_per_thousand_requests,
    {{ safe_ratio(
        'costs.fully_loaded_cost', '(coalesce(usage.input_tokens, 0) + coalesce(usage.output_tokens, 0))'
    ) }} * 1000000 as cost_per_million_tokens,
    tokens.input_token_cost,
    tokens.cached_input_token_cost,
    tokens.output_token_cost,
    tokens.other_token_cost,
    {{ safe_ratio('tokens.input_token_cost', 'tokens.tokens_charged_as_input') }} * 1000000
        as cost_per_million_input_tokens,
    {{ safe_ratio('tokens.cached_input_token_cost', 'usage.cached_input_tokens') }} * 1000000
        as cost_per_million_cached_input_tokens,
    {{ safe_ratio('tokens.output_token_cost', 'usage.output_tokens') }} * 1000000
        as cost_per_million_output_tokens,
    {{ safe_ratio('usage.cached_input_tokens', 'usage.input_tokens') }} as cache_hit_ratio,
    {{ safe_ratio('costs.fully_loaded_cost', 'gpus.gpu_hours') }} as cost_per_gpu_hour,
    {{ safe_ratio('coverage.metered_day_count', 'coverage.cost_day_count') }} as meter_coverage_ratio
from costs
inner join coverage
    on
        costs.billing_month = coverage.billing_month
        and costs.model_id = coverage.model_id
        and costs.currency = coverage.currency
left join usage
    on costs.billing_month = usage.billing_month and costs.model_id = usage.model_id
left join tokens
    on
        costs.billing_month = tokens.billing_month
        and costs.model_id = tokens.model_id
        and costs.currency = tokens.currency
left join gpus
    on costs.billing_month = gpus.billing_month and costs.model_id = gpus.model_id
