{#-
  Deployments by week and whose they are. A week without one is a zero where the source
  that tells of them told of anything of that system later; after the last that it told,
  nothing is known, and there is no row. A deployment of unknown outcome may be one more.
-#}
with bounds as (
    select
        scope_kind,
        scope_id,
        {{ week_start('min(deployed_on)') }} as first_week,
        {{ week_start('max(last_told_on)') }} as open_week
    from {{ ref('int_deployments_by_day') }}
    group by scope_kind, scope_id
),

days as (
    select
        scope_kind,
        scope_id,
        open_week,
        {{ each_day('first_week', 'open_week') }} as day
    from bounds
),

counted as (
    select
        scope_kind,
        scope_id,
        {{ week_start('deployed_on') }} as week,
        sum(deployment_count) as deployment_count,
        count(case when deployment_count > 0 then 1 end) as deployment_day_count,
        sum(unknown_count) as unknown_count
    from {{ ref('int_deployments_by_day') }}
    group by scope_kind, scope_id, {{ week_start('deployed_on') }}
)

select
    days.scope_kind,
    days.scope_id,
    cast(days.day as date) as week,
    cast(coalesce(counted.deployment_count, 0) as bigint) as deployment_count,
    coalesce(counted.deployment_day_count, 0) as deployment_day_count,
    cast(coalesce(counted.unknown_count, 0) as bigint) as unknown_count,
    cast(days.day as date) < days.open_week as is_complete,
    {{ month_label('cast(days.day as timestamp)') }} as month
from days
left join counted
    on
        days.scope_kind = counted.scope_kind
        and days.scope_id = counted.scope_id
        and cast(days.day as date) = counted.week
where {{ iso_weekday('days.day') }} = 1
