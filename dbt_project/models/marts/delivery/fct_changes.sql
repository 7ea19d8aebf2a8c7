{#-
  How long each change took from its commit to production, per service. A squashed commit
  begins when its pull request was opened, if that is known. The first deployment of a
  service has no predecessor: what it contained may be years old, and is left out.
-#}
with commits as (
    select
        min(source) as source,
        min(source_system) as source_system,
        repository,
        commit_sha,
        min(committed_at) as committed_at,
        min(pull_request_id) as pull_request_id,
        min(pull_request_opened_at) as pull_request_opened_at,
        min(merged_at) as merged_at,
        max(case when is_squash then 1 else 0 end) = 1 as is_squash,
        min(service) as service,
        min(project) as project,
        min(model_id) as given_model_id,
        min(feature_id) as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('stg_delivery__commits') }}
    group by repository, commit_sha
),

{{ with_owners('commits', ['service', 'repository', 'project'], 'committed_at') }},

changes as (
    select
        owned.source,
        owned.source_system,
        owned.repository,
        owned.commit_sha,
        coalesce(deployments.service, owned.service) as service,
        deployments.deployed_unit,
        coalesce(deployments.model_id, owned.model_id) as model_id,
        coalesce(deployments.feature_id, owned.feature_id) as feature_id,
        coalesce(deployments.team_id, owned.team_id) as team_id,
        owned.pull_request_id,
        owned.is_squash,
        owned.committed_at,
        owned.pull_request_opened_at,
        owned.merged_at,
        deployments.event_key as deployment_event_key,
        deployments.deployment_key,
        deployments.is_first_of_service,
        coalesce(deployed.is_outcome_unknown, false) as is_outcome_unknown,
        case when not deployed.is_outcome_unknown then deployments.ended_at end as deployed_at,
        owned.is_squash and owned.pull_request_opened_at is not null as starts_at_pull_request,
        case
            when owned.is_squash then coalesce(owned.pull_request_opened_at, owned.committed_at) else owned.committed_at
        end as change_started_at
    from owned
    left join {{ ref('int_changes_deployed') }} as deployed
        on owned.repository = deployed.repository and owned.commit_sha = deployed.commit_sha
    left join {{ ref('int_deployments_classified') }} as deployments
        on deployed.event_key = deployments.event_key
),

timed as (
    select
        *,
        {{ seconds_between('change_started_at', 'deployed_at') }} as start_to_production_seconds
    from changes
)

select
    timed.repository || '@' || timed.commit_sha || coalesce('@' || timed.deployed_unit, '') as change_key,
    timed.repository,
    timed.commit_sha,
    timed.deployed_unit,
    timed.source,
    timed.source_system,
    timed.service,
    timed.model_id,
    timed.feature_id,
    timed.team_id,
    timed.pull_request_id,
    timed.deployment_event_key,
    timed.deployment_key,
    case when timed.starts_at_pull_request then 'pull_request_opened' else 'commit' end as start_point,
    timed.change_started_at,
    timed.committed_at,
    timed.merged_at,
    timed.deployed_at,
    case
        when not timed.is_first_of_service then {{ without_clock_skew('timed.start_to_production_seconds') }}
    end as lead_time_seconds,
    timed.deployed_at is null and not timed.is_outcome_unknown as is_open,
    case
        when timed.is_first_of_service then 'first_deployment'
        when timed.is_outcome_unknown then 'deployment_outcome_unknown'
        when timed.start_to_production_seconds < -{{ clock_skew_seconds() }} then 'deployed_before_it_started'
    end as exclusion_reason,
    coalesce(timed.is_squash, false) as is_squash,
    timed.start_to_production_seconds < 0
    and timed.start_to_production_seconds >= -{{ clock_skew_seconds() }} as has_clock_skew,
    coalesce(timed.committed_at > timed.pull_request_opened_at, false) as is_committed_after_pull_request,
    coalesce(timed.committed_at > timed.merged_at, false) as is_committed_after_merge,
    {{ local_day('timed.deployed_at') }} as deployed_on,
    {{ local_month('timed.deployed_at') }} as month
from timed
cross join {{ source('control', 'delivery_rules') }} as rules
