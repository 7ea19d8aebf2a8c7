{#-
  One row per incident, from its first impact to its last resolution: one that was
  opened again is still one. Where its newest state is not resolved it is open, and has
  no end.
-#}
with states as (
    select
        *,
        case when status = 'resolved' then 1 else 0 end as is_resolved
    from {{ ref('stg_delivery__incidents') }}
),

ordered as (
    select
        *,
        lag(is_resolved) over (
            partition by incident_key order by event_time, is_resolved, coalesce(observed_at, event_time)
        ) as was_resolved,
        row_number() over (
            partition by incident_key order by event_time desc, is_resolved desc, coalesce(observed_at, event_time) desc
        ) as recency
    from states
),

folded as (
    select
        incident_key,
        min(source) as source,
        min(source_system) as source_system,
        min(incident_id) as incident_id,
        coalesce(min(case when recency = 1 then severity end), min(severity)) as severity,
        min(service) as service,
        min(environment) as environment,
        min(model_id) as given_model_id,
        min(feature_id) as given_feature_id,
        min(team_id) as given_team_id,
        min(deployment_id) as deployment_id,
        min(commit_sha) as commit_sha,
        min(model_version) as model_version,
        coalesce(min(impact_started_at), min(created_at), min(event_time)) as impact_started_at,
        min(impact_started_at) is null
        or max(case when starts_at_record then 1 else 0 end) = 1 as starts_at_record,
        max(case when is_test then 1 else 0 end) = 1 as is_test,
        max(case when is_retrospective then 1 else 0 end) = 1 as is_retrospective,
        cast(max(engaged_seconds) as double) as engaged_seconds,
        cast(max(engaged_people) as double) as engaged_people,
        sum(case when was_resolved = 1 and is_resolved = 0 then 1 else 0 end) as reopen_count,
        max(case when recency = 1 then is_resolved else 0 end) = 1 as is_resolved,
        max(resolved_at) as last_resolved_at
    from ordered
    group by incident_key
),

{{ with_owners('folded', ['service'], 'impact_started_at') }}

select
    owned.*,
    lower(owned.service) as incident_unit,
    case when owned.is_resolved then owned.last_resolved_at end as resolved_at
from owned
