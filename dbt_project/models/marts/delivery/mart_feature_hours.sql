{#-
  Hours that were booked on a feature, by month. They are hours, and no money: a return
  takes them as a cost only at an approved rate. Where a team whose hours are hidden has a
  part in them, they are hidden, too.
-#}
with worklogs as (
    select
        logs.feature_id,
        logs.worklog_id,
        logs.hours,
        logs.team_id,
        {{ month_label('logs.booked_on') }} as month
    from {{ ref('int_worklogs_owned') }} as logs
    where logs.feature_id is not null
),

-- One hour that two systems tell of counts once.
once as (
    select
        worklogs.feature_id,
        worklogs.month,
        worklogs.worklog_id,
        max(worklogs.hours) as hours,
        max(case when coalesce(groups.is_suppressed, true) then 1 else 0 end) as is_hidden,
        max(case when groups.month is null then {{ unknown_group_reason() }} else groups.reason end) as reason,
        max(case when groups.month is null then {{ unknown_group_way_out() }} else groups.way_out end) as way_out
    from worklogs
    left join {{ ref('int_team_groups') }} as groups
        on worklogs.team_id = groups.team_id and worklogs.month = groups.month
    group by worklogs.feature_id, worklogs.month, worklogs.worklog_id
)

select
    month,
    feature_id,
    cast({{ sum_of_shown('hours', 'is_hidden = 1') }} as double) as booked_hours,
    max(reason) as reason,
    max(way_out) as way_out
from once
group by month, feature_id
