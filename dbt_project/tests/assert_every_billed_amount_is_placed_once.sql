{#-
  For every source, month and currency: the components sum to the ledger, in both
  bases, with no tolerance.
-#}
with sums as (
    select
        billing_month,
        source,
        currency,
        sum(case when step = 'ledger' then billed_cost else 0 end) as ledger_billed_cost,
        sum(case when step = 'ledger' then 0 else billed_cost end) as placed_billed_cost,
        sum(case when step = 'ledger' then effective_cost else 0 end) as ledger_effective_cost,
        sum(case when step = 'ledger' then 0 else effective_cost end) as placed_effective_cost
    from {{ ref('mart_cost_waterfall') }}
    group by billing_month, source, currency
)

select *
from sums
where ledger_billed_cost <> placed_billed_cost or ledger_effective_cost <> placed_effective_cost
