{#-
  Each origin with the interval that it is divided over: its own, or the day where an
  hour has no reading of its kind.
-#}
with costs as (
    select * from {{ ref('int_pool_costs') }}
),

metered as (
    select distinct
        pool_id,
        charged_kind,
        allocation_interval,
        interval_started_at
    from {{ ref('int_pool_weights_by_kind') }}
    where weight > 0 or capacity > 0
)

select
    costs.*,
    case
        when costs.allocation_interval = 'hour' and metered.pool_id is null then 'day'
        else costs.allocation_interval
    end as metered_interval,
    case
        when costs.allocation_interval = 'hour' and metered.pool_id is null
            then cast(costs.charge_date as timestamp)
        else costs.interval_started_at
    end as metered_interval_started_at
from costs
left join metered
    on
        costs.pool_id = metered.pool_id
        and costs.charged_kind = metered.charged_kind
        and costs.allocation_interval = metered.allocation_interval
        and costs.interval_started_at = metered.interval_started_at
