{#-
  The money of pools that GPU hours divide, by who holds the capacity. A row with a model
  is what the model took, used and not; the row without one is what nobody took, and its
  owner is the pool's. The parts sum to the pool. What is idle is known where a meter reads the
  capacity, or what was requested and not used, and not all that the model took is unmeasured.
-#}
with allocated as (
    select
        allocated.*,
        unallocated.reason,
        case when allocated.participant_id not in ('__idle__', '__unallocated__') then allocated.participant_id end
            as model_id
    from {{ ref('int_pool_costs_allocated') }} as allocated
    left join {{ ref('int_pool_costs_unallocated') }} as unallocated
        on
            allocated.origin_id = unallocated.origin_id
            and allocated.participant_id = '__unallocated__'
    where allocated.driver = 'gpu_hours'
),

parts as (
    select
        allocated.charge_date,
        allocated.billing_month,
        allocated.pool_id,
        allocated.model_id,
        allocated.currency,
        {{ accelerator_money_by_part() }},
        (
            max(case when allocated.is_capacity_known then 1 else 0 end) = 1
            or sum(allocated.requested_idle_effective_cost) <> 0
        )
        and not (
            sum(allocated.effective_cost) <> 0
            and sum(allocated.effective_cost) = sum(allocated.unmeasured_effective_cost)
        ) as is_idle_known
    from allocated
    group by
        allocated.charge_date, allocated.billing_month, allocated.pool_id, allocated.model_id, allocated.currency
)

select
    parts.charge_date,
    parts.billing_month,
    parts.pool_id,
    parts.model_id,
    case when parts.model_id is not null then models.team_id else pools.team_id end as team_id,
    case when parts.model_id is not null then models.cost_center else teams.cost_center end as cost_center,
    parts.currency,
    {{ accelerator_money('parts') }},
    parts.is_idle_known
from parts
inner join {{ source('control', 'pools') }} as pools on parts.pool_id = pools.pool_id
left join {{ source('control', 'catalog_teams') }} as teams on pools.team_id = teams.team_id
left join {{ ref('int_model_versions') }} as models
    on
        parts.model_id = models.model_id
        and parts.charge_date >= coalesce(models.valid_from, parts.charge_date)
        and (models.valid_to is null or parts.charge_date < models.valid_to)
