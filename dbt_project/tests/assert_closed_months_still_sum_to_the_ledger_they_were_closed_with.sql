{#- The components of a closed month sum to the ledger that it was closed with. -#}
with placed as (
    select
        costs.billing_month,
        costs.source,
        costs.currency,
        costs.billed_cost,
        costs.effective_cost
    from {{ ref('fct_daily_model_costs') }} as costs
    inner join {{ source('control', 'period_locks') }} as locks on costs.billing_month = locks.billing_month
    union all
    select
        waterfall.billing_month,
        waterfall.source,
        waterfall.currency,
        case when waterfall.step = 'ledger' then 0 - waterfall.billed_cost else waterfall.billed_cost end
            as billed_cost,
        case when waterfall.step = 'ledger' then 0 - waterfall.effective_cost else waterfall.effective_cost end
            as effective_cost
    from {{ ref('mart_cost_waterfall') }} as waterfall
    inner join {{ source('control', 'period_locks') }} as locks on waterfall.billing_month = locks.billing_month
    where waterfall.step in ('ledger', 'out_of_scope')
),

totals as (
    select
        billing_month,
        source,
        currency,
        sum(billed_cost) as total_billed_cost,
        sum(effective_cost) as total_effective_cost
    from placed
    group by billing_month, source, currency
)

select *
from totals
where total_billed_cost <> 0 or total_effective_cost <> 0
