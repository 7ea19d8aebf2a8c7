with before_distribution as (
    select
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_pool_costs_allocated') }}
    where participant_id = '__idle__' and idle_policy = 'distribute'
),

after_distribution as (
    select
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_idle_costs_distributed') }}
)

select 'the sums differ' as problem
from before_distribution
cross join after_distribution
where
    coalesce(before_distribution.billed_cost, 0) <> coalesce(after_distribution.billed_cost, 0)
    or coalesce(before_distribution.effective_cost, 0) <> coalesce(after_distribution.effective_cost, 0)
