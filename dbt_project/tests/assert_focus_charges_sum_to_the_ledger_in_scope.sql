{#-
  Charges in FOCUS shape sum to the ledger of their source and month without what is out
  of scope, on both bases, and the ratios of one origin to exactly one.
-#}
with charges as (
    select
        billing_month,
        source,
        currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('mart_focus_allocated') }}
    group by billing_month, source, currency
),

ledgers as (
    select
        billing_month,
        source,
        currency,
        sum(case when step = 'ledger' then billed_cost else 0 - billed_cost end) as billed_cost,
        sum(case when step = 'ledger' then effective_cost else 0 - effective_cost end) as effective_cost
    from {{ ref('mart_cost_waterfall') }}
    where step in ('ledger', 'out_of_scope')
    group by billing_month, source, currency
)

select
    ledgers.billing_month,
    ledgers.source,
    ledgers.currency,
    cast(ledgers.billed_cost - coalesce(charges.billed_cost, 0) as string) as difference
from ledgers
left join charges
    on
        ledgers.billing_month = charges.billing_month
        and ledgers.source = charges.source
        and ledgers.currency = charges.currency
where
    ledgers.billed_cost <> coalesce(charges.billed_cost, 0)
    or ledgers.effective_cost <> coalesce(charges.effective_cost, 0)
union all
select
    billing_month,
    source,
    currency,
    cast(sum(allocated_ratio) as string) as difference
from {{ ref('mart_focus_allocated') }}
where allocated_ratio is not null
group by
    billing_month, charge_date, source, provider, platform_id, lifecycle_stage, pool_id, currency, is_estimated
having sum(allocated_ratio) <> 1
