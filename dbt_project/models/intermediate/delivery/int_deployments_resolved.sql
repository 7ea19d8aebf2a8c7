{#-
  Deployments whose end was overwritten by what became of them later (Railway's REMOVED,
  GitHub's inactive). They are successes where something shows that they ran: a state
  that only a running one has, a rollback to their version, or their place, which they
  held for longer than a rollout and until another one began. Their start stands for
  their end then, which is a rollout too early. All else stays unknown.
-#}
with deployments as (
    select
        *,
        coalesce(started_at, first_seen_at) as began_at
    from {{ ref('int_deployments_folded') }}
),

followed as (
    select
        *,
        min(began_at) over after_it as next_began_at,
        min(case when is_rollback then began_at end) over same_version_after_it as returned_to_at
    from deployments
    window
        after_it as (
            partition by deployed_unit, environment
            order by began_at, deployment_key
            rows between 1 following and unbounded following
        ),
        same_version_after_it as (
            partition by deployed_unit, environment, deployed_version
            order by began_at, deployment_key
            rows between 1 following and unbounded following
        )
),

judged as (
    select
        *,
        case
            when outcome in ('success', 'failure', 'cancelled') then 'stated'
            when outcome <> 'unknown' or inactive_at is null or started_at is null then null
            when was_seen_running then 'seen_running'
            when deployed_version is not null and returned_to_at is not null then 'rolled_back_to'
            when
                inactive_at >= next_began_at
                and {{ seconds_between('started_at', 'inactive_at') }} > {{ longest_rollout_seconds() }}
                then 'replaced'
        end as outcome_known_by
    from followed
)

select
    source,
    source_system,
    site,
    deployment_id,
    attempt,
    deployment_key,
    deployed_unit,
    service,
    project,
    repository,
    branch,
    commit_sha,
    artifact_id,
    environment,
    environment_kind,
    region,
    registered_model,
    model_version,
    deployed_version,
    model_id,
    feature_id,
    team_id,
    incident_id,
    is_rollback,
    is_rework,
    is_redeploy,
    is_config,
    first_seen_at,
    last_seen_at,
    started_at,
    case
        when outcome_known_by is null then ended_at
        when outcome_known_by = 'stated' then ended_at
        else started_at
    end as ended_at,
    case
        when outcome_known_by is null or outcome_known_by = 'stated' then outcome
        else 'success'
    end as outcome,
    outcome_known_by
from judged
