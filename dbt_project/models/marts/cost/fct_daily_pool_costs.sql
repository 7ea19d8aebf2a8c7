{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'charge_date', 'billing_month', 'source', 'pool_id', 'driver', 'currency', 'pool_billed_cost',
    'pool_effective_cost', 'allocated_billed_cost', 'allocated_effective_cost', 'requested_idle_billed_cost',
    'requested_idle_effective_cost', 'infrastructure_idle_billed_cost', 'infrastructure_idle_effective_cost',
    'capacity_unknown_billed_cost', 'capacity_unknown_effective_cost', 'remainder_billed_cost',
    'remainder_effective_cost', 'idle_state',
] -%}
{{ live_or_locked(
    'fct_daily_pool_costs', ref('int_daily_pool_costs_live'), ref('stg_closed_months__daily_pool_costs'), columns
) }}
