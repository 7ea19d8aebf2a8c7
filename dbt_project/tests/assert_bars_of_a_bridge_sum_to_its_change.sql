-- The twelve bars of each line sum to its change, and all lines to the change of the month.
with lines as (
    select
        *,
        rate_amount + volume_amount + efficiency_amount + purchase_mix_amount + mix_amount + new_amount + retired_amount
        + correction_amount + unused_commitment_amount + fx_amount + other_amount + not_invoiced_amount as bars
    from {{ ref('mart_cost_bridge') }}
),

monthly as (
    select
        billing_month,
        basis,
        currency,
        sum(cost) as cost
    from {{ ref('int_monthly_model_costs') }}
    group by billing_month, basis, currency
),

bridges as (
    select
        prior_billing_month,
        billing_month,
        basis,
        currency,
        sum(bars) as bars,
        sum(case when bars <> change_amount then 1 else 0 end) as broken_line_count
    from lines
    group by prior_billing_month, billing_month, basis, currency
)

select bridges.*
from bridges
left join monthly as earlier
    on
        bridges.prior_billing_month = earlier.billing_month
        and bridges.basis = earlier.basis
        and bridges.currency = earlier.currency
left join monthly as later
    on
        bridges.billing_month = later.billing_month
        and bridges.basis = later.basis
        and bridges.currency = later.currency
where
    bridges.broken_line_count > 0
    or bridges.bars <> coalesce(later.cost, 0) - coalesce(earlier.cost, 0)
