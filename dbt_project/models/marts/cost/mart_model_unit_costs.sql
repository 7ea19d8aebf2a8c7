{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'model_id', 'currency', 'direct_cost', 'shared_cost', 'idle_cost',
    'unused_commitment_cost', 'overhead_cost', 'fully_loaded_cost', 'requests', 'successful_requests',
    'input_tokens', 'cached_input_tokens', 'output_tokens', 'gpu_hours', 'input_token_cost',
    'cached_input_token_cost', 'output_token_cost', 'other_token_cost', 'cost_per_thousand_requests',
    'cost_per_million_input_tokens', 'cost_per_million_cached_input_tokens', 'cost_per_million_output_tokens',
    'cost_per_million_tokens', 'cache_hit_ratio', 'cost_per_gpu_hour', 'meter_coverage_ratio',
] -%}
{{ live_or_locked(
    'mart_model_unit_costs', ref('int_model_unit_costs_live'), ref('stg_closed_months__model_unit_costs'), columns
) }}
