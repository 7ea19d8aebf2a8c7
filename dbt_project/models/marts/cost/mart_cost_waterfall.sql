{#-
  What was computed, and for closed months what stood here when they were closed, with the part of
  each step that the fully loaded cost of models has. Of the ledger that is all that models carry.
-#}
{%- set columns = [
    'billing_month', 'source', 'currency', 'step', 'step_order', 'billed_cost', 'effective_cost',
] -%}
with steps as (
    {{ live_or_locked(
        'mart_cost_waterfall', ref('int_cost_waterfall_live'), ref('stg_closed_months__cost_waterfall'), columns
    ) }}
),

of_models as (
    select
        billing_month,
        source,
        currency,
        component,
        sum(billed_cost) as charged_billed,
        sum(effective_cost) as charged_effective,
        count(*) as row_count
    from {{ ref('fct_daily_model_costs') }}
    where model_id is not null and component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')
    group by billing_month, source, currency, component
),

carried as (
    select
        billing_month,
        source,
        currency,
        component as step,
        charged_billed,
        charged_effective,
        row_count
    from of_models
    union all
    select
        billing_month,
        source,
        currency,
        'ledger' as step,
        sum(charged_billed) as charged_billed,
        sum(charged_effective) as charged_effective,
        0 as row_count
    from of_models
    group by billing_month, source, currency
)

select
    steps.*,
    {{ is_ai_cost('steps.step') }} as is_ai_cost,
    {{ to_money('coalesce(carried.charged_billed, 0)') }} as charged_billed_cost,
    {{ to_money('coalesce(carried.charged_effective, 0)') }} as charged_effective_cost,
    {{ to_money('steps.billed_cost - coalesce(carried.charged_billed, 0)') }} as left_out_billed_cost,
    {{ to_money('steps.effective_cost - coalesce(carried.charged_effective, 0)') }} as left_out_effective_cost,
    coalesce(carried.row_count, 0) as charged_row_count
from steps
left join carried
    on
        steps.billing_month = carried.billing_month
        and steps.source = carried.source
        and steps.currency = carried.currency
        and steps.step = carried.step
