{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'source', 'pool_id', 'driver', 'reason', 'currency', 'billed_cost', 'effective_cost',
    'interval_count', 'first_charge_date', 'last_charge_date', 'explanation',
] -%}
{{ live_or_locked(
    'mart_meter_gaps', ref('int_meter_gaps_live'), ref('stg_closed_months__meter_gaps'), columns
) }}
