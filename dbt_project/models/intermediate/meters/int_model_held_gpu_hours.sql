{#-
  GPU hours of each model and day by which pools were divided that charge it in the month:
  requested or used, whichever is more. Hours in a pool without a bill have no price.
-#}
with charged as (
    select distinct
        billing_month,
        pool_id,
        participant_id as model_id
    from {{ ref('int_pool_costs_allocated') }}
    where driver = 'gpu_hours'
)

select
    weights.model_id,
    cast(weights.interval_started_at as date) as metered_date,
    sum(weights.weight) as held_gpu_hours
from {{ ref('int_pool_weights') }} as weights
inner join charged
    on
        weights.pool_id = charged.pool_id
        and weights.model_id = charged.model_id
        and {{ month_label('weights.interval_started_at') }} = charged.billing_month
where weights.allocation_interval = 'day' and weights.driver = 'gpu_hours'
group by weights.model_id, cast(weights.interval_started_at as date)
