{#-
  Used, requested idle, not measured, infrastructure idle, without a model and unobserved sum
  to what went into the pool, by day and on both bases, and to what the pools themselves say.
-#}
with efficiency as (
    select
        charge_date,
        billing_month,
        pool_id,
        currency,
        total_billed_cost,
        requested_idle_billed_cost,
        infrastructure_idle_billed_cost,
        unmapped_billed_cost + unobserved_billed_cost as remainder_billed_cost,
        used_billed_cost + requested_idle_billed_cost + unmeasured_billed_cost
        + infrastructure_idle_billed_cost + unmapped_billed_cost + unobserved_billed_cost
            as parts_billed_cost,
        total_effective_cost,
        requested_idle_effective_cost,
        infrastructure_idle_effective_cost,
        unmapped_effective_cost + unobserved_effective_cost as remainder_effective_cost,
        used_effective_cost + requested_idle_effective_cost + unmeasured_effective_cost
        + infrastructure_idle_effective_cost + unmapped_effective_cost + unobserved_effective_cost
            as parts_effective_cost
    from {{ ref('mart_accelerator_efficiency') }}
    where total_billed_cost is not null
),

pools as (
    select
        charge_date,
        billing_month,
        pool_id,
        currency,
        sum(pool_billed_cost) as total_billed_cost,
        sum(requested_idle_billed_cost) as requested_idle_billed_cost,
        sum(infrastructure_idle_billed_cost) as infrastructure_idle_billed_cost,
        sum(remainder_billed_cost) as remainder_billed_cost,
        sum(pool_effective_cost) as total_effective_cost,
        sum(requested_idle_effective_cost) as requested_idle_effective_cost,
        sum(infrastructure_idle_effective_cost) as infrastructure_idle_effective_cost,
        sum(remainder_effective_cost) as remainder_effective_cost
    from {{ ref('int_daily_pool_costs_live') }}
    where driver = 'gpu_hours'
    group by charge_date, billing_month, pool_id, currency
)

select
    coalesce(efficiency.pool_id, pools.pool_id) as pool_id,
    coalesce(efficiency.charge_date, pools.charge_date) as charge_date,
    efficiency.total_effective_cost,
    pools.total_effective_cost as pool_effective_cost
from efficiency
full outer join pools
    on
        efficiency.charge_date = pools.charge_date
        and efficiency.billing_month = pools.billing_month
        and efficiency.pool_id = pools.pool_id
        and efficiency.currency = pools.currency
where
    efficiency.pool_id is null
    or pools.pool_id is null
    or efficiency.total_billed_cost <> efficiency.parts_billed_cost
    or efficiency.total_billed_cost <> pools.total_billed_cost
    or efficiency.requested_idle_billed_cost <> pools.requested_idle_billed_cost
    or efficiency.infrastructure_idle_billed_cost <> pools.infrastructure_idle_billed_cost
    or efficiency.remainder_billed_cost <> pools.remainder_billed_cost
    or efficiency.total_effective_cost <> efficiency.parts_effective_cost
    or efficiency.total_effective_cost <> pools.total_effective_cost
    or efficiency.requested_idle_effective_cost <> pools.requested_idle_effective_cost
    or efficiency.infrastructure_idle_effective_cost <> pools.infrastructure_idle_effective_cost
    or efficiency.remainder_effective_cost <> pools.remainder_effective_cost
