{#- States that incidents were seen in. -#}
with source as (
    select * from {{ source('evidence', 'incidents') }}
)

select
    _source as source,
    source_system,
    incident_id,
    source_system || ':' || incident_id as incident_key,
    status,
    event_time,
    observed_at,
    created_at,
    impact_started_at,
    case when status = 'resolved' then coalesce(resolved_at, event_time) end as resolved_at,
    severity,
    service,
    lower(trim(environment)) as environment,
    team_id,
    model_id,
    feature_id,
    deployment_id,
    commit_sha,
    model_version,
    starts_at_record,
    is_test,
    is_retrospective,
    engaged_seconds,
    engaged_people
from source
