{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'source', 'currency', 'step', 'step_order', 'billed_cost', 'effective_cost',
] -%}
with steps as (
    {{ live_or_locked(
        'mart_cost_waterfall', ref('int_cost_waterfall_live'), ref('stg_closed_months__cost_waterfall'), columns
    ) }}
)

select
    *,
    {{ is_ai_cost('step') }} as is_ai_cost
from steps
