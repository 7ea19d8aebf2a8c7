{#-
  States that deployments were seen in. What is deployed is the service; where none is
  named, the repository, the project or the model. A row that names none of them tells
  of whatever else its deployment names. Servers number deployments for themselves: an id
  that several have given has its site before it.
-#}
with sited as (
    select
        *,
        {{ site_where_shared(['source_system', 'deployment_id'], rules('sites')) }} as site,
        lower(coalesce(service, repository, project, registered_model, model_id)) as unit
    from {{ source('evidence', 'deployments') }}
),

source as (
    select
        *,
        {{ with_site('site', 'deployment_id') }} as own_deployment_id
    from sited
)

select
    _source as source,
    source_system,
    site,
    deployment_id,
    coalesce(attempt, 1) as attempt,
    source_system || ':' || own_deployment_id || ':' || cast(coalesce(attempt, 1) as string) as deployment_key,
    coalesce(unit, min(unit) over (partition by source_system, own_deployment_id, coalesce(attempt, 1))) as service,
    service as service_name,
    status,
    coalesce(lower(native_status) in {{ states_of_what_ran() }}, false) as is_state_of_what_ran,
    event_time,
    observed_at,
    started_at,
    coalesce(finished_at, event_time) as ended_at,
    project,
    repository,
    branch,
    commit_sha,
    artifact_id,
    lower(trim(environment)) as environment,
    lower(trim(environment_tier)) as environment_tier,
    region,
    model_id,
    registered_model,
    model_version,
    feature_id,
    incident_id,
    is_rollback,
    is_rework,
    lower(trim(change_hint)) as change_hint
from source
