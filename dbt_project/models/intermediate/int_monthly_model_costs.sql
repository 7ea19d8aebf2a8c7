{#-
  What a month cost, by model and by what a bridge can say of it: usage is what a model
  caused and a meter may count; every other line stands as its component.
-#}
{%- set bases = {'effective': 'effective_cost', 'billed': 'billed_cost'} %}
{% for basis, amount in bases.items() -%}
select
    billing_month,
    source,
    model_id,
    case when model_id is not null and component in ('direct', 'shared') then 'usage' else component end as cost_line,
    '{{ basis }}' as basis,
    currency,
    sum({{ amount }}) as cost
from {{ ref('fct_daily_model_costs') }}
group by
    billing_month, source, model_id,
    case when model_id is not null and component in ('direct', 'shared') then 'usage' else component end,
    currency
{{ "union all" if not loop.last }}
{% endfor %}
