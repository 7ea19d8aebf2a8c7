with placed as (
    select * from {{ ref('int_daily_charges_placed') }}
),

issues as (
    select
        'M2' as rule_id,
        'A charge under a commitment is counted in both amounts: effective cost on its purchase, or billed cost on covered usage.' as description,
        billing_month,
        source,
        billing_currency as currency,
        sum(commitment_counted_twice_count) as row_count,
        sum(case when commitment_counted_twice_count > 0 then billed_cost else 0 end) as billed_cost
    from placed
    group by billing_month, source, billing_currency
    union all
    select
        'M4' as rule_id,
        'A charge without a commitment has a billed cost that differs from its effective cost.' as description,
        billing_month,
        source,
        billing_currency as currency,
        sum(billed_differs_from_effective_count) as row_count,
        sum(case when billed_differs_from_effective_count > 0 then billed_cost else 0 end) as billed_cost
    from placed
    group by billing_month, source, billing_currency
)

select
    rule_id,
    'warn' as severity,
    source,
    billing_month,
    cast(row_count as bigint) as row_count,
    {{ to_money('billed_cost') }} as affected_billed_cost,
    currency,
    description
from issues
where row_count > 0
