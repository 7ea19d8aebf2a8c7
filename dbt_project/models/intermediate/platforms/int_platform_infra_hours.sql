{#-
  Infra hours of each platform by month: those booked on it, whoever booked them, and the
  rest of the hours of the team that runs it. Where that team runs several platforms, the
  rest is divided by the deployments that reached each in the month, and is an estimate:
  a deployment then takes as long on each of them. Without any, nobody knows; before its
  first and after its last deployment such a platform takes no part. Where a team whose
  hours are hidden has a part in them, they are hidden, too.
-#}
with groups as (
    select * from {{ ref('int_team_groups') }}
),

worklogs as (
    select
        {{ team_of_booking('logs') }} as team_id,
        logs.worklog_id,
        logs.platform_id,
        logs.hours,
        {{ month_label('logs.booked_on') }} as month
    from {{ ref('int_worklogs_owned') }} as logs
    where logs.category = 'infra'
),

-- One hour that two systems tell of counts once.
once as (
    select
        team_id,
        worklog_id,
        month,
        max(platform_id) as platform_id,
        max(hours) as hours
    from worklogs
    group by team_id, worklog_id, month
),

grouped as (
    select
        once.*,
        case when coalesce(groups.is_suppressed, true) then 1 else 0 end as is_hidden
    from once
    left join groups on once.team_id = groups.team_id and once.month = groups.month
),

declared as (
    select
        platform_id,
        month,
        max(is_hidden) as is_hidden,
        {{ sum_in_order('hours') }} as hours
    from grouped
    where platform_id is not null
    group by platform_id, month
),

rests as (
    select
        team_id,
        month,
        max(is_hidden) as is_hidden,
        coalesce({{ sum_in_order('case when platform_id is null then hours end') }}, 0) as hours
    from grouped
    where team_id is not null
    group by team_id, month
),

run_by as (
    select
        platform_id,
        team_id,
        count(*) over (partition by team_id) as platform_count
    from {{ source('control', 'catalog_platforms') }}
    where team_id is not null
),

spans as (
    select
        platform_id,
        min(month) as first_month,
        max(month) as last_month
    from {{ ref('int_platform_deployments') }}
    where deployment_count > 0
    group by platform_id
),

weighed as (
    select
        run_by.platform_id,
        run_by.platform_count,
        rests.month,
        rests.hours,
        rests.is_hidden,
        coalesce(shipped.deployment_count, 0) as deployment_count,
        sum(coalesce(shipped.deployment_count, 0)) over (partition by rests.team_id, rests.month) as team_count
    from run_by
    inner join rests on run_by.team_id = rests.team_id
    left join {{ ref('int_platform_deployments') }} as shipped
        on run_by.platform_id = shipped.platform_id and rests.month = shipped.month
    left join spans on run_by.platform_id = spans.platform_id
    where run_by.platform_count = 1 or rests.month between spans.first_month and spans.last_month
),

shared as (
    select
        platform_id,
        month,
        is_hidden,
        platform_count > 1 and hours > 0 as is_estimated,
        case
            when platform_count = 1 or hours = 0 then hours
            else {{ quotient('hours * deployment_count', 'team_count') }}
        end as hours
    from weighed
)

select
    coalesce(shared.platform_id, declared.platform_id) as platform_id,
    coalesce(shared.month, declared.month) as month,
    declared.hours as declared_hours,
    coalesce(shared.is_estimated, false) as is_estimated,
    coalesce(shared.is_hidden, 0) + coalesce(declared.is_hidden, 0) > 0 as is_suppressed,
    case
        when shared.platform_id is null then declared.hours
        else shared.hours + coalesce(declared.hours, 0)
    end as infra_hours
from shared
full outer join declared on shared.platform_id = declared.platform_id and shared.month = declared.month
