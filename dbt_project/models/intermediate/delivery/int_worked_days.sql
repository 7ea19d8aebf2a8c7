{#-
  Hours that a team booked on a day of the organisation's calendar, on infrastructure and
  on incidents, with entries that are too long for one day. Those of no team are a row of
  their own, for the organisation has them.
-#}
with worklogs as (
    select
        {{ team_of_booking('logs') }} as team_id,
        logs.worklog_id,
        logs.category,
        logs.hours,
        logs.booked_on as day,
        {{ month_label('logs.booked_on') }} as month
    from {{ ref('int_worklogs_owned') }} as logs
),

-- One hour that two systems tell of counts once.
once as (
    select
        team_id,
        day,
        month,
        worklog_id,
        max(hours) as hours,
        max(case when category = 'infra' then 1 else 0 end) as is_infra,
        max(case when category = 'incident' then 1 else 0 end) as is_incident,
        sum(hours) - max(hours) as overlap_hours
    from worklogs
    group by team_id, day, month, worklog_id
)

select
    team_id,
    day,
    month,
    sum(case when is_infra = 1 then hours else 0 end) as infra_hours,
    sum(case when is_incident = 1 then hours else 0 end) as incident_hours,
    sum(case when hours > 16 then 1 else 0 end) as long_entry_count,
    sum(overlap_hours) as overlap_hours
from once
group by team_id, day, month
