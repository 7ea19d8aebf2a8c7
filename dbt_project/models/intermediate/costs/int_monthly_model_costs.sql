{#-
  What a month cost, by model and by what a bridge can say of it: usage is what a model
  caused and a meter may count; every other line stands as its component. On the billed
  basis, beside it, what was used and no invoice has billed yet: a missing invoice is not
  a lower price. What no invoice ever bills (OpenCost's estimates) is not waited for.
-#}
{%- set bases = {
    'effective': ('effective_cost', '0'),
    'billed': ('billed_cost', "case when is_estimated and is_invoiced then effective_cost - billed_cost else 0 end"),
} %}
with invoiced as (
    select distinct source from {{ ref('int_charges_to_reconcile') }}
),

costs as (
    select
        daily.billing_month,
        daily.source,
        daily.model_id,
        case
            when daily.model_id is not null and daily.component in ('direct', 'shared') then 'usage'
            else daily.component
        end as cost_line,
        daily.currency,
        daily.billed_cost,
        daily.effective_cost,
        coalesce(daily.is_estimated, false) as is_estimated,
        invoiced.source is not null as is_invoiced
    from {{ ref('fct_daily_model_costs') }} as daily
    left join invoiced on daily.source = invoiced.source
)

{% for basis, (amount, awaited) in bases.items() -%}
select
    billing_month,
    source,
    model_id,
    cost_line,
    '{{ basis }}' as basis,
    currency,
    sum({{ amount }}) as cost,
    {{ to_money('sum(' ~ awaited ~ ')') }} as not_invoiced
from costs
group by billing_month, source, model_id, cost_line, currency
{{ "union all" if not loop.last }}
{% endfor %}
