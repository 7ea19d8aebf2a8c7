{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'source', 'provider', 'service_name', 'resource_type', 'currency', 'billed_cost',
    'effective_cost', 'row_count', 'suggested_rule',
] -%}
{{ live_or_locked(
    'mart_unallocated_causes', ref('int_unallocated_causes_live'), ref('stg_closed_months__unallocated_causes'), columns
) }}
