{#-
  Booked hours with whose they are, and the day of the organisation's calendar that they
  were booked on. A source that books by day says which.
-#}
with worklogs as (
    select
        logs.source,
        logs.worklog_id,
        logs.worklog_key,
        logs.hours,
        logs.category,
        logs.project,
        logs.platform_id,
        logs.team_id as given_team_id,
        logs.model_id as given_model_id,
        logs.feature_id as given_feature_id,
        case
            when logs.is_by_day then cast(logs.started_at as date) else {{ local_day('logs.started_at') }}
        end as booked_on
    from {{ ref('stg_delivery__worklogs') }} as logs
    cross join {{ source('control', 'delivery_rules') }} as rules
),

{{ with_owners('worklogs', ['project'], 'booked_on', on_calendar=false) }}

select owned.* from owned
