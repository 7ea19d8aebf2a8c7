{#-
  What was computed, and for closed months what stood here when they were closed. In a month that
  was closed before costs of metered days were kept, requests that cover all days share all cost.
-#}
{%- set columns = [
    'billing_month', 'model_id', 'currency', 'direct_cost', 'shared_cost', 'idle_cost',
    'unused_commitment_cost', 'overhead_cost', 'fully_loaded_cost', 'requests', 'successful_requests',
    'input_tokens', 'cached_input_tokens', 'cache_write_tokens', 'output_tokens', 'gpu_hours', 'held_gpu_hours',
    'input_token_cost', 'cached_input_token_cost', 'cache_write_token_cost', 'output_token_cost', 'other_token_cost',
    'gpu_cost', 'requests_day_count', 'requests_cost_day_count', 'tokens_day_count', 'tokens_cost_day_count',
    'gpu_hours_day_count', 'gpu_hours_cost_day_count', 'cost_per_thousand_requests',
    'cost_per_million_input_tokens', 'cost_per_million_cached_input_tokens', 'cost_per_million_cache_write_tokens',
    'cost_per_million_output_tokens', 'token_cost_per_million_tokens', 'cache_hit_ratio', 'gpu_cost_per_gpu_hour',
    'meter_coverage_ratio',
] -%}
with figures as (
    {{ live_or_locked(
        'mart_model_unit_costs', ref('int_model_unit_costs_live'), ref('stg_closed_months__model_unit_costs'),
        columns + ['request_metered_cost', 'token_cost']
    ) | indent(4) }}
),

completed as (
    select
        {{ columns | join(',\n        ') }},
        coalesce(
            request_metered_cost,
            case when requests_cost_day_count is null and meter_coverage_ratio = 1 then fully_loaded_cost end
        ) as request_metered_cost,
        token_cost
    from figures
)

select
    *,
    {{ reason_without_unit_cost('request_metered_cost', 'requests', 'requests') }} as request_cost_reason,
    {{ reason_without_unit_cost('token_cost', 'coalesce(input_tokens, output_tokens)', 'tokens') }}
        as token_cost_reason,
    {{ reason_without_unit_cost('gpu_cost', 'held_gpu_hours', 'gpu_hours') }} as gpu_cost_reason
from completed
