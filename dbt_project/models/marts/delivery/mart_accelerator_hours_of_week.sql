{#-
  GPU hours of each pool over a month by weekday and hour of the day, in UTC. Every hour of
  the week has a row; where nothing was read its figures are NULL. A day whose readings all
  begin at midnight was read as a day and says nothing about its hours.
-#}
with hours as (
    select
        hours.*,
        cast(hours.metered_hour as date) as metered_date,
        {{ month_label('hours.metered_hour') }} as billing_month
    from {{ ref('int_accelerator_hours') }} as hours
),

days_read_by_hour as (
    select
        pool_id,
        metered_date
    from hours
    group by pool_id, metered_date
    having max({{ hour_of_day('metered_hour') }}) > 0
),

cells as (
    select
        hours.pool_id,
        hours.billing_month,
        {{ iso_weekday('hours.metered_hour') }} as weekday,
        {{ hour_of_day('hours.metered_hour') }} as hour_of_day,
        count(hours.capacity_gpu_hours) as capacity_hour_count,
        count(case when hours.unmeasured_gpu_hours = 0 then hours.active_gpu_hours end) as active_hour_count,
        {{ to_money('sum(hours.capacity_gpu_hours)') }} as capacity_gpu_hours,
        {{ to_money('sum(hours.requested_gpu_hours)') }} as requested_gpu_hours,
        {{ to_money('sum(case when hours.unmeasured_gpu_hours = 0 then hours.active_gpu_hours end)') }}
            as active_gpu_hours,
        {{ to_money(
            'sum(case when hours.unmeasured_gpu_hours = 0 then hours.requested_idle_gpu_hours end)'
        ) }} as requested_idle_gpu_hours,
        {{ to_money(
            'sum(case when hours.capacity_gpu_hours is not null'
            ~ ' then greatest(hours.capacity_gpu_hours - coalesce(hours.allocated_gpu_hours, 0), 0) end)'
        ) }} as infrastructure_idle_gpu_hours
    from hours
    inner join days_read_by_hour
        on hours.pool_id = days_read_by_hour.pool_id and hours.metered_date = days_read_by_hour.metered_date
    group by
        hours.pool_id, hours.billing_month, {{ iso_weekday('hours.metered_hour') }},
        {{ hour_of_day('hours.metered_hour') }}
),

weekdays as (
    {% for weekday in range(1, 8) -%}
    select {{ weekday }} as weekday
    {{ "union all" if not loop.last }}
    {% endfor %}
),

hours_of_day as (
    {% for hour in range(24) -%}
    select {{ hour }} as hour_of_day
    {{ "union all" if not loop.last }}
    {% endfor %}
),

pool_months as (
    select distinct
        hours.pool_id,
        hours.billing_month
    from hours
)

select
    pool_months.billing_month,
    pool_months.pool_id,
    weekdays.weekday,
    hours_of_day.hour_of_day,
    cast(coalesce(cells.capacity_hour_count, 0) as bigint) as capacity_hour_count,
    cast(coalesce(cells.active_hour_count, 0) as bigint) as active_hour_count,
    cells.capacity_gpu_hours,
    cells.requested_gpu_hours,
    cells.active_gpu_hours,
    cells.requested_idle_gpu_hours,
    cells.infrastructure_idle_gpu_hours,
    {{ safe_ratio('cells.requested_idle_gpu_hours', 'cells.active_hour_count') }} as requested_idle_gpus,
    {{ safe_ratio('cells.infrastructure_idle_gpu_hours', 'cells.capacity_hour_count') }}
        as infrastructure_idle_gpus
from pool_months
cross join weekdays
cross join hours_of_day
left join cells
    on
        pool_months.pool_id = cells.pool_id
        and pool_months.billing_month = cells.billing_month
        and weekdays.weekday = cells.weekday
        and hours_of_day.hour_of_day = cells.hour_of_day
