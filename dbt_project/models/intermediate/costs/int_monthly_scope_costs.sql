{#- AI spend before tax and credits, by month and by everything that can have a budget. -#}
{%- set scopes = ['cost_center', 'team', 'feature', 'model', 'platform'] %}
with costs as (
    select * from {{ ref('fct_daily_model_costs') }}
    where is_ai_cost
)

select
    billing_month,
    'all' as scope_type,
    'all' as scope_id,
    currency,
    sum(effective_cost) as effective_cost,
    sum(billed_cost) as billed_cost,
    max(case when is_estimated then 1 else 0 end) = 1 as is_estimated
from costs
group by billing_month, currency
{% for scope in scopes -%}
{%- set column = scope if scope == 'cost_center' else scope ~ '_id' -%}
union all
select
    billing_month,
    '{{ scope }}' as scope_type,
    {{ column }} as scope_id,
    currency,
    sum(effective_cost) as effective_cost,
    sum(billed_cost) as billed_cost,
    max(case when is_estimated then 1 else 0 end) = 1 as is_estimated
from costs
where {{ column }} is not null
group by billing_month, {{ column }}, currency
{% endfor %}
