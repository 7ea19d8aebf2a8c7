{#- Booked hours, each entry as it was changed last; one that was deleted since is none. -#}
with ranked as (
    select
        *,
        min(_source) over (partition by source_system, worklog_id) as first_source,
        row_number() over (
            partition by source_system, worklog_id
            order by
                coalesce(updated_at, observed_at, started_at) desc,
                coalesce(is_deleted, false) desc,
                observed_at desc,
                hours desc
        ) as recency
    from {{ source('evidence', 'worklogs') }}
)

select
    first_source as source,
    source_system,
    worklog_id,
    source_system || ':' || worklog_id as worklog_key,
    started_at,
    cast(hours as double) as hours,
    team_id,
    lower(trim(category)) as category,
    project,
    incident_id,
    model_id,
    feature_id,
    platform_id
from ranked
where recency = 1 and not coalesce(is_deleted, false)
