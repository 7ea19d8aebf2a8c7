{#-
  Hours that were booked on a feature, by month. They are hours, and no money: a return
  takes them as a cost only at an approved rate.
-#}
with worklogs as (
    select
        logs.feature_id,
        logs.worklog_id,
        logs.hours,
        {{ month_label('logs.booked_on') }} as month
    from {{ ref('int_worklogs_owned') }} as logs
    where logs.feature_id is not null
),

-- One hour that two systems tell of counts once.
once as (
    select
        feature_id,
        month,
        worklog_id,
        max(hours) as hours
    from worklogs
    group by feature_id, month, worklog_id
)

select
    month,
    feature_id,
    cast(sum(hours) as double) as booked_hours
from once
group by month, feature_id
