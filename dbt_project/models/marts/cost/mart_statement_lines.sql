{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'about_month', 'kind', 'cost_center', 'team_id', 'model_id', 'component', 'pool_id', 'platform_id',
    'currency', 'billed_cost', 'effective_cost', 'is_estimated',
] -%}
with lines as (
    {{ live_or_locked(
        'mart_statement_lines', ref('int_statement_lines_live'), ref('stg_closed_months__statement_lines'), columns
    ) }}
)

select
    *,
    kind = 'charge' and {{ is_ai_cost() }} as is_ai_cost,
    {{ to_minor_unit('billed_cost') }} as stated_billed_cost,
    {{ to_minor_unit('effective_cost') }} as stated_effective_cost
from lines
