{#-
  Each pool of accelerators by day: its hours from the meter, its money from the bill. The
  hours stand on the rows of the billing month that the day lies in, never on those of a
  later invoice; where nothing is billed yet they stand alone.
-#}
with costs as (
    select
        charge_date,
        billing_month,
        pool_id,
        currency,
        {{ accelerator_money_summed() }}
    from {{ ref('mart_accelerator_idle_costs') }}
    group by charge_date, billing_month, pool_id, currency
),

hours as (
    select
        pool_id,
        cast(metered_hour as date) as metered_date,
        {{ month_label('metered_hour') }} as metered_month,
        {{ to_money('sum(capacity_gpu_hours)') }} as capacity_gpu_hours,
        {{ to_money('sum(allocated_gpu_hours)') }} as allocated_gpu_hours,
        {{ to_money('sum(active_gpu_hours)') }} as active_gpu_hours,
        {{ to_money('sum(requested_idle_gpu_hours)') }} as requested_idle_gpu_hours,
        {{ to_money('sum(unmeasured_gpu_hours)') }} as unmeasured_gpu_hours,
        {{ to_money(
            'greatest(sum(capacity_gpu_hours) - coalesce(sum(allocated_gpu_hours), 0), 0)'
        ) }} as infrastructure_idle_gpu_hours
    from {{ ref('int_accelerator_hours') }}
    group by pool_id, cast(metered_hour as date), {{ month_label('metered_hour') }}
),

keys as (
    select
        charge_date,
        billing_month,
        pool_id,
        currency
    from costs
    union
    select
        hours.metered_date as charge_date,
        hours.metered_month as billing_month,
        hours.pool_id,
        run.currency
    from hours
    cross join {{ source('control', 'run') }} as run
)

select
    keys.charge_date,
    keys.billing_month,
    keys.pool_id,
    pools.team_id,
    teams.cost_center,
    pools.idle_policy,
    hours.capacity_gpu_hours,
    hours.allocated_gpu_hours,
    hours.active_gpu_hours,
    hours.requested_idle_gpu_hours,
    hours.unmeasured_gpu_hours,
    case when hours.capacity_gpu_hours is not null then hours.infrastructure_idle_gpu_hours end
        as infrastructure_idle_gpu_hours,
    keys.currency,
    {{ accelerator_money('costs') }}
from keys
left join costs
    on
        keys.charge_date = costs.charge_date
        and keys.billing_month = costs.billing_month
        and keys.pool_id = costs.pool_id
        and keys.currency = costs.currency
left join hours
    on
        keys.charge_date = hours.metered_date
        and keys.billing_month = hours.metered_month
        and keys.pool_id = hours.pool_id
left join {{ source('control', 'pools') }} as pools on keys.pool_id = pools.pool_id
left join {{ source('control', 'catalog_teams') }} as teams on pools.team_id = teams.team_id
