{#- Per origin: the parts sum to the amount that went into the pool, exactly. -#}
with parts as (
    select
        origin_id,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_pool_costs_allocated') }}
    group by origin_id
)

select
    costs.origin_id,
    costs.billed_cost,
    parts.billed_cost as divided_billed_cost
from {{ ref('int_pool_costs') }} as costs
full outer join parts on costs.origin_id = parts.origin_id
where
    costs.origin_id is null
    or parts.origin_id is null
    or costs.billed_cost <> parts.billed_cost
    or costs.effective_cost <> parts.effective_cost
