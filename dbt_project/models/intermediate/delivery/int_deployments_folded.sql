{#-
  One row per deployment and service. The outcome is the first state that ends a
  rollout; what was seen later, such as inactive, says nothing about how it ended.
-#}
with states as (
    select * from {{ ref('stg_delivery__deployments') }}
),

folded as (
    select
        min(source) as source,
        min(source_system) as source_system,
        min(site) as site,
        min(deployment_id) as deployment_id,
        min(attempt) as attempt,
        deployment_key,
        service as deployed_unit,
        min(service_name) as service,
        min(project) as project,
        min(repository) as repository,
        min(branch) as branch,
        min(commit_sha) as commit_sha,
        min(artifact_id) as artifact_id,
        min(environment) as environment,
        min(environment_tier) as environment_tier,
        min(region) as region,
        min(model_id) as given_model_id,
        min(feature_id) as given_feature_id,
        cast(null as string) as given_team_id,
        min(registered_model) as registered_model,
        min(model_version) as model_version,
        min(incident_id) as incident_id,
        max(case when is_rollback or change_hint = 'rollback' then 1 else 0 end) = 1 as is_rollback,
        max(case when is_rework or change_hint = 'hotfix' then 1 else 0 end) = 1 as is_rework,
        max(case when change_hint = 'redeploy' then 1 else 0 end) = 1 as is_redeploy,
        max(case when change_hint = 'config' then 1 else 0 end) = 1 as is_config,
        min(event_time) as first_seen_at,
        max(coalesce(observed_at, event_time)) as last_seen_at,
        min(started_at) as started_at,
        min(case when status = 'success' then ended_at end) as succeeded_at,
        min(case when status = 'failure' then ended_at end) as failed_at,
        min(case when status = 'cancelled' then ended_at end) as cancelled_at,
        max(case when status = 'inactive' then event_time end) as inactive_at,
        max(case when is_state_of_what_ran then 1 else 0 end) = 1 as was_seen_running,
        max(case when status in ('inactive', 'unknown') then 1 else 0 end) = 1 as is_unclear
    from states
    group by deployment_key, service
),

ended as (
    select
        *,
        least(
            coalesce(succeeded_at, failed_at, cancelled_at),
            coalesce(failed_at, succeeded_at, cancelled_at),
            coalesce(cancelled_at, succeeded_at, failed_at)
        ) as ended_at
    from folded
),

{{ with_owners('ended', ['registered_model', 'service', 'repository', 'project'], 'first_seen_at') }}

select
    owned.*,
    case
        when owned.ended_at = owned.succeeded_at then 'success'
        when owned.ended_at = owned.failed_at then 'failure'
        when owned.ended_at = owned.cancelled_at then 'cancelled'
        when owned.is_unclear then 'unknown'
        else 'open'
    end as outcome,
    case
        when by_name.name is not null then 'production'
        when owned.environment in {{ known_not_production() }} then 'other'
        when by_tier.name is not null then 'production'
        when owned.environment_tier in {{ known_not_production() }} then 'other'
        else 'unmapped'
    end as environment_kind,
    case
        when owned.commit_sha is not null or owned.model_version is not null
            then coalesce(owned.commit_sha, '') || '@' || coalesce(owned.model_version, '')
        else owned.artifact_id
    end as deployed_version
from owned
left join {{ source('control', 'production_environments') }} as by_name on owned.environment = by_name.name
left join {{ source('control', 'production_environments') }} as by_tier on owned.environment_tier = by_tier.name
