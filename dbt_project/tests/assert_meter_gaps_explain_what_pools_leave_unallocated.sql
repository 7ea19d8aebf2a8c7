{#- Every amount of a pool that ends unallocated has its reason, and none is made up. -#}
with ended as (
    select
        costs.billing_month,
        costs.source,
        costs.pool_id,
        costs.currency,
        sum(costs.billed_cost) as billed_cost,
        sum(costs.effective_cost) as effective_cost
    from {{ ref('fct_daily_model_costs') }} as costs
    where costs.component = 'unallocated' and costs.pool_id is not null
    group by costs.billing_month, costs.source, costs.pool_id, costs.currency
),

explained as (
    select
        gaps.billing_month,
        gaps.source,
        gaps.pool_id,
        gaps.currency,
        sum(gaps.billed_cost) as billed_cost,
        sum(gaps.effective_cost) as effective_cost
    from {{ ref('mart_meter_gaps') }} as gaps
    group by gaps.billing_month, gaps.source, gaps.pool_id, gaps.currency
)

select
    coalesce(ended.pool_id, explained.pool_id) as pool_id,
    ended.billed_cost,
    explained.billed_cost as explained_billed_cost
from ended
full outer join explained
    on
        ended.billing_month = explained.billing_month
        and ended.source = explained.source
        and ended.pool_id = explained.pool_id
        and ended.currency = explained.currency
where
    ended.pool_id is null
    or explained.pool_id is null
    or ended.billed_cost <> explained.billed_cost
    or ended.effective_cost <> explained.effective_cost
