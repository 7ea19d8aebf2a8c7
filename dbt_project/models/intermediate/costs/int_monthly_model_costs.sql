{#-
  What a month cost, by model and by what a bridge can say of it: usage is what a model
  caused and a meter may count; every other line stands as its component. On the billed
  basis, beside it, what was used and no invoice has billed yet: a missing invoice is not
  a lower price. What no invoice ever bills (OpenCost's estimates) is not waited for.
-#}
{%- set bases = {
    'effective': ('effective_cost', '0'),
    'billed': ('billed_cost', 'case when is_invoiced then effective_cost_estimated - billed_cost_estimated else 0 end'),
} %}
with invoiced as (
    select distinct source from {{ ref('int_charges_to_reconcile') }}
),

daily as (
    select
        *,
        case
            when model_id is not null and component in ('direct', 'shared') then 'usage'
            else component
        end as cost_line
    from {{ ref('fct_daily_model_costs') }}
),

summed as (
    select
        billing_month,
        source,
        provider,
        model_id,
        cost_line,
        currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(case when is_estimated then billed_cost else 0 end) as billed_cost_estimated,
        sum(case when is_estimated then effective_cost else 0 end) as effective_cost_estimated
    from daily
    group by billing_month, source, provider, model_id, cost_line, currency
),

costs as (
    select
        summed.*,
        invoiced.source is not null as is_invoiced
    from summed
    left join invoiced on summed.source = invoiced.source
)

{% for basis, (amount, awaited) in bases.items() -%}
select
    billing_month,
    source,
    provider,
    model_id,
    cost_line,
    '{{ basis }}' as basis,
    currency,
    {{ amount }} as cost,
    {{ to_money(awaited) }} as not_invoiced
from costs
{{ "union all" if not loop.last }}
{% endfor %}
