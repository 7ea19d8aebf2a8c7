{#-
  What months were closed with, what open months have, and the adjustments that no
  ledger has: together the current loads, for every source and currency. Nothing is
  lost by closing a month, and nothing counts twice.
-#}
with published as (
    select
        billing_month,
        source,
        currency,
        billed_cost,
        effective_cost
    from {{ ref('mart_cost_waterfall') }}
    where step = 'ledger'
    union all
    select
        locked_month as billing_month,
        source,
        currency,
        billed_cost,
        effective_cost
    from {{ ref('mart_period_adjustments') }}
    where not is_in_ledger_of_booked_month
),

sums as (
    select
        billing_month,
        source,
        currency,
        billed_cost,
        effective_cost,
        cast(0 as decimal(28, 10)) as current_billed_cost,
        cast(0 as decimal(28, 10)) as current_effective_cost
    from published
    union all
    select
        billing_month,
        source,
        currency,
        cast(0 as decimal(28, 10)) as billed_cost,
        cast(0 as decimal(28, 10)) as effective_cost,
        billed_cost as current_billed_cost,
        effective_cost as current_effective_cost
    from {{ ref('int_charge_amounts') }}
),

totals as (
    select
        billing_month,
        source,
        currency,
        sum(billed_cost) as total_billed_cost,
        sum(effective_cost) as total_effective_cost,
        sum(current_billed_cost) as total_current_billed_cost,
        sum(current_effective_cost) as total_current_effective_cost
    from sums
    group by billing_month, source, currency
)

select *
from totals
where total_billed_cost <> total_current_billed_cost or total_effective_cost <> total_current_effective_cost
