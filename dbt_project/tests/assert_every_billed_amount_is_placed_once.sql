{#-
  For every source, month and currency: the components sum to the ledger, in both
  bases, with no tolerance.
-#}
with components as (
    select
        billing_month,
        source,
        currency,
        sum(case when step = 'ledger' then -billed_cost else billed_cost end) as billed_difference,
        sum(case when step = 'ledger' then -effective_cost else effective_cost end) as effective_difference
    from {{ ref('mart_cost_waterfall') }}
    group by billing_month, source, currency
)

select *
from components
where billed_difference <> 0 or effective_difference <> 0
