{#- Effective cost of each model and month beside what it served. -#}
with costs as (
    select
        billing_month,
        model_id,
        currency,
        {% for component in ['direct', 'shared', 'idle', 'unused_commitment', 'overhead'] -%}
        {{ to_money("sum(case when component = '" ~ component ~ "' then effective_cost else 0 end)") }} as {{ component }}_cost,
        {% endfor -%}
        {{ to_money("sum(case when component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead') then effective_cost else 0 end)") }} as fully_loaded_cost,
        count(distinct charge_date) as cost_day_count
    from {{ ref('fct_daily_model_costs') }}
    where model_id is not null
    group by billing_month, model_id, currency
),

usage as (
    select
        {{ month_label('usage_rows.period_start') }} as billing_month,
        coalesce(aliases.model_id, usage_rows.model_id) as model_id,
        sum(usage_rows.requests) as requests,
        sum(usage_rows.successful_requests) as successful_requests,
        sum(usage_rows.input_tokens) as input_tokens,
        sum(usage_rows.output_tokens) as output_tokens,
        sum(usage_rows.gpu_hours) as gpu_hours,
        count(distinct cast(usage_rows.period_start as date)) as metered_day_count
    from {{ ref('stg_tables__model_usage') }} as usage_rows
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on usage_rows.model_id = aliases.alias
    group by 1, 2
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
    {{ to_money('usage.output_tokens') }} as output_tokens,
    {{ to_money('usage.gpu_hours') }} as gpu_hours,
    {{ safe_ratio('costs.fully_loaded_cost', 'usage.requests') }} * 1000 as cost_per_thousand_requests,
    {{ safe_ratio('costs.fully_loaded_cost', '(coalesce(usage.input_tokens, 0) + coalesce(usage.output_tokens, 0))') }} * 1000000 as cost_per_million_tokens,
    {{ safe_ratio('costs.fully_loaded_cost', 'usage.gpu_hours') }} as cost_per_gpu_hour,
    {{ safe_ratio('least(coalesce(usage.metered_day_count, 0), costs.cost_day_count)', 'costs.cost_day_count') }} as meter_coverage_ratio
from costs
left join usage
    on costs.billing_month = usage.billing_month and costs.model_id = usage.model_id
