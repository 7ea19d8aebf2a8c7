{#- Per pool, charge date and source: the parts sum to the amounts that went in, exactly. -#}
{%- set keys = [
    'pool_id', 'component', 'billing_month', 'charge_date', 'source', 'provider', 'platform_id', 'lifecycle_stage',
    'currency', 'is_estimated',
] | join(', ') %}
with amounts as (
    select
        {{ keys }},
        billed_cost,
        effective_cost
    from {{ ref('int_pool_costs') }}
    union all
    select
        {{ keys }},
        0 - billed_cost as billed_cost,
        0 - effective_cost as effective_cost
    from {{ ref('int_pool_costs_allocated') }}
)

select
    {{ keys }},
    sum(billed_cost) as billed_difference,
    sum(effective_cost) as effective_difference
from amounts
group by {{ keys }}
having sum(billed_cost) <> 0 or sum(effective_cost) <> 0
