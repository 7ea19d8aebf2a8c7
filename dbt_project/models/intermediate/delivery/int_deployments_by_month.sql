{#-
  Deployments to production by month and whose they are, with the days of the month of
  which the sources that tell of them told: none counts before the first day and after
  the last. What may be a deployment is counted apart.
-#}
with bounds as (
    select
        scope_kind,
        scope_id,
        min(first_told_on) as first_told_on,
        max(last_told_on) as last_told_on
    from {{ ref('int_deployments_by_day') }}
    group by scope_kind, scope_id
),

days as (
    select
        *,
        {{ each_day('cast(' ~ interval_start('month', 'first_told_on') ~ ' as date)', 'last_told_on') }} as day
    from bounds
),

months as (
    select
        scope_kind,
        scope_id,
        {{ month_label('day') }} as month,
        greatest(first_told_on, cast(day as date)) as first_day,
        least({{ days_later('last_told_on', 1) }}, cast(day + interval '1' month as date)) as end_day
    from days
    where extract(day from day) = 1
),

counted as (
    select
        scope_kind,
        scope_id,
        {{ month_label('deployed_on') }} as month,
        sum(deployment_count) as deployment_count,
        sum(unknown_count) as unknown_count,
        count(case when deployment_count > 0 then 1 end) as deployment_day_count,
        count(case when deployment_count = 0 and unknown_count > 0 then 1 end) as unknown_day_count
    from {{ ref('int_deployments_by_day') }}
    group by scope_kind, scope_id, {{ month_label('deployed_on') }}
)

select
    months.scope_kind,
    months.scope_id,
    months.month,
    {{ days_between('months.first_day', 'months.end_day') }} as observed_day_count,
    cast(coalesce(counted.deployment_count, 0) as bigint) as deployment_count,
    cast(coalesce(counted.unknown_count, 0) as bigint) as unknown_count,
    coalesce(counted.deployment_day_count, 0) as deployment_day_count,
    coalesce(counted.unknown_day_count, 0) as unknown_day_count
from months
left join counted
    on
        months.scope_kind = counted.scope_kind
        and months.scope_id = counted.scope_id
        and months.month = counted.month
