{#-
  What a month cost, by model and by what a bridge can say of it: usage is what a model
  caused and a meter may count; every other line stands as its component. With the origin
  that it is a part of, and what of it is for days of earlier months. On the billed
  basis, beside it, what was used and no invoice has billed yet: a missing invoice is not
  a lower price. What no invoice ever bills (OpenCost's estimates) is not waited for.
-#}
{%- set keys = ['billing_month', 'source', 'provider', 'origin', 'model_id', 'cost_line', 'currency'] %}
{%- set bases = {
    'effective': '0',
    'billed': 'case when is_invoiced then effective_cost_estimated - billed_cost_estimated else 0 end',
} %}
with invoiced as (
    select distinct source from {{ ref('int_charges_to_reconcile') }}
),

daily as (
    select
        *,
        {{ origin_of_cost() }} as origin,
        case
            when model_id is not null and component in ('direct', 'shared') then 'usage'
            else component
        end as cost_line,
        {{ month_label('charge_date') }} < billing_month as is_for_earlier_month
    from {{ ref('fct_daily_model_costs') }}
),

summed as (
    select
        {{ keys | join(',\n        ') }},
        {% for basis in bases -%}
        sum({{ basis }}_cost) as {{ basis }}_cost,
        sum(case when is_for_earlier_month then {{ basis }}_cost else 0 end) as {{ basis }}_cost_of_earlier_months,
        sum(case when is_estimated then {{ basis }}_cost else 0 end) as {{ basis }}_cost_estimated,
        {% endfor -%}
        count(*) as row_count
    from daily
    group by {{ keys | join(', ') }}
),

costs as (
    select
        summed.*,
        invoiced.source is not null as is_invoiced
    from summed
    left join invoiced on summed.source = invoiced.source
)

{% for basis, awaited in bases.items() -%}
select
    {{ keys | join(',\n    ') }},
    '{{ basis }}' as basis,
    {{ basis }}_cost as cost,
    {{ to_money(basis ~ '_cost_of_earlier_months') }} as correction,
    {{ to_money(awaited) }} as not_invoiced
from costs
{{ "union all" if not loop.last }}
{% endfor %}
