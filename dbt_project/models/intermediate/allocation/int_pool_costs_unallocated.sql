{#-
  Money of pools that no reading gives to a model, with the reason. It is what
  int_pool_costs_allocated leaves with nobody; nothing is added or taken away here.
-#}
with unallocated as (
    select allocated.*
    from {{ ref('int_pool_costs_allocated') }} as allocated
    where allocated.participant_id = '__unallocated__' and allocated.component in ('shared', 'overhead')
),

readings as (
    select
        weights.pool_id,
        weights.charged_kind,
        weights.allocation_interval,
        weights.interval_started_at,
        sum(weights.weight) as weight
    from {{ ref('int_pool_weights_by_kind') }} as weights
    group by weights.pool_id, weights.charged_kind, weights.allocation_interval, weights.interval_started_at
),

readings_of_any_kind as (
    select
        weights.pool_id,
        weights.allocation_interval,
        weights.interval_started_at
    from {{ ref('int_pool_weights') }} as weights
    where weights.weight > 0
    group by weights.pool_id, weights.allocation_interval, weights.interval_started_at
)

select
    unallocated.origin_id,
    unallocated.billing_month,
    unallocated.charge_date,
    unallocated.source,
    unallocated.pool_id,
    unallocated.charged_kind,
    unallocated.driver,
    unallocated.currency,
    unallocated.metered_interval,
    unallocated.metered_interval_started_at,
    case
        when unallocated.driver is null then 'undeclared_pool'
        when coalesce(readings.weight, 0) = 0 and readings_of_any_kind.pool_id is not null then 'no_reading_of_kind'
        when readings.weight is null then 'no_reading'
        when readings.weight > 0 then 'unmapped_workload'
        else 'all_readings_zero'
    end as reason,
    unallocated.billed_cost,
    unallocated.effective_cost
from unallocated
left join readings
    on
        unallocated.pool_id = readings.pool_id
        and unallocated.charged_kind = readings.charged_kind
        and unallocated.metered_interval = readings.allocation_interval
        and unallocated.metered_interval_started_at = readings.interval_started_at
left join readings_of_any_kind
    on
        unallocated.pool_id = readings_of_any_kind.pool_id
        and unallocated.metered_interval = readings_of_any_kind.allocation_interval
        and unallocated.metered_interval_started_at = readings_of_any_kind.interval_started_at
