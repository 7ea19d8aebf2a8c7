{#-
  What commitments leave unused and is AI spend equals the step of the waterfall, except
  where a bill calls a charge unused without saying of which commitment.
-#}
with commitments as (
    select
        billing_month,
        source,
        currency,
        sum(unused_effective_cost - out_of_scope_unused_effective_cost) as effective_cost
    from {{ ref('mart_commitments') }}
    group by billing_month, source, currency
),

ledger as (
    select
        billing_month,
        source,
        currency,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charge_amounts') }}
    where component = 'unused_commitment' and commitment_id is not null
    group by billing_month, source, currency
)

select
    coalesce(commitments.source, ledger.source) as source,
    coalesce(commitments.billing_month, ledger.billing_month) as billing_month,
    commitments.effective_cost,
    ledger.effective_cost as ledger_effective_cost
from commitments
full outer join ledger
    on
        commitments.billing_month = ledger.billing_month
        and commitments.source = ledger.source
        and commitments.currency = ledger.currency
where coalesce(commitments.effective_cost, 0) <> coalesce(ledger.effective_cost, 0)
