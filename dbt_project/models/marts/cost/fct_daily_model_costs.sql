{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'charge_date', 'billing_month', 'source', 'provider', 'platform_id', 'model_id', 'feature_id', 'team_id',
    'cost_center', 'lifecycle_stage', 'component', 'assignment_method', 'pool_id', 'currency', 'billed_cost',
    'effective_cost', 'is_estimated',
] -%}
with costs as (
    {{ live_or_locked(
        'fct_daily_model_costs', ref('int_daily_model_costs_live'), ref('stg_closed_months__daily_model_costs'), columns
    ) }}
)

select
    *,
    {{ is_ai_cost() }} as is_ai_cost,
    {{ is_assigned_cost() }} as is_assigned
from costs
