{#- Booked hours with whose they are. -#}
with worklogs as (
    select
        source,
        worklog_id,
        worklog_key,
        started_at,
        hours,
        category,
        project,
        platform_id,
        team_id as given_team_id,
        model_id as given_model_id,
        feature_id as given_feature_id
    from {{ ref('stg_delivery__worklogs') }}
),

{{ with_owners('worklogs', ['project'], 'started_at') }}

select owned.* from owned
