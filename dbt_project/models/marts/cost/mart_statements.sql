{#- What each statement comes to, and what rounding its lines leaves over. -#}
with sums as (
    select
        billing_month,
        cost_center,
        currency,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(effective_cost)') }} as effective_cost,
        sum(stated_billed_cost) as lines_billed_cost,
        sum(stated_effective_cost) as lines_effective_cost
    from {{ ref('mart_statement_lines') }}
    group by billing_month, cost_center, currency
),

stated as (
    select
        *,
        {{ to_minor_unit('billed_cost') }} as stated_billed_cost,
        {{ to_minor_unit('effective_cost') }} as stated_effective_cost
    from sums
)

select
    billing_month,
    cost_center,
    currency,
    billed_cost,
    effective_cost,
    stated_billed_cost,
    stated_effective_cost,
    {{ to_money('stated_billed_cost - lines_billed_cost') }} as rounding_billed_cost,
    {{ to_money('stated_effective_cost - lines_effective_cost') }} as rounding_effective_cost
from stated
