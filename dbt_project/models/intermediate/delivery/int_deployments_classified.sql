{#-
  What each deployment to production did to what ran before, and what followed it. A
  version that ran there earlier and does not run now is a rollback; one that runs
  already is a redeploy; another commit around the same artefact is configuration. What is
  said to go back to a version that runs already fails no success, and answers a rollout
  that failed. Of a deployment whose outcome is unknown nobody knows whether it was what
  followed, so the first of these stands beside it.
-#}
with sequenced as (
    select * from {{ ref('int_deployments_sequenced') }}
),

classified as (
    select
        *,
        case
            when environment_kind <> 'production' then cast(null as string)
            when is_rollback and deployed_version = running_version then 'redeploy'
            when is_rollback then 'rollback'
            when ran_before and deployed_version is not null and deployed_version <> running_version then 'rollback'
            when is_config then 'config'
            when is_redeploy or deployed_version = running_version then 'redeploy'
            when artifact_id = running_artifact_id then 'config'
            when is_rework or incident_id is not null then 'hotfix'
            when lower(branch) like 'hotfix/%' or lower(branch) like 'hotfix-%' then 'hotfix'
            else 'new'
        end as change_class
    from sequenced
),

effective as (
    select
        *,
        is_in_production and change_class in ('new', 'hotfix', 'rollback') as changes_production,
        is_in_production and change_class = 'redeploy' and is_rollback as goes_back_to_what_runs,
        environment_kind = 'production' and outcome = 'unknown' and same_as_deployment_key is null
            as may_change_production
    from classified
),

followed as (
    select
        *,
        min(case when changes_production then {{ place_text('place') }} || change_class end)
            over after_it as next_change,
        min(case when changes_production then {{ place_text('place') }} || deployment_key end)
            over after_it as next_change_key,
        min(case when changes_production then ended_at end) over after_it as next_change_at,
        min(case when changes_production then place end) over after_it as next_change_place,
        min(case when goes_back_to_what_runs then {{ place_text('place') }} || deployment_key end)
            over after_it as next_return_key,
        min(case when goes_back_to_what_runs then ended_at end) over after_it as next_return_at,
        min(case when goes_back_to_what_runs then place end) over after_it as next_return_place,
        min(case when may_change_production then place end) over after_it as next_unknown_place,
        min(case when may_change_production then {{ place_text('place') }} || change_class end)
            over after_it as next_unknown,
        min(case when may_change_production then ordered_at end) over after_it as next_unknown_at
    from effective
    window after_it as (
        partition by deployed_unit, environment
        order by place
        rows between 1 following and unbounded following
    )
),

answered as (
    select
        *,
        outcome = 'failure' and next_return_place < coalesce(next_change_place, next_return_place + 1)
            as is_answered_by_return
    from followed
)

select
    deployment_key || coalesce('@' || deployed_unit, '') as event_key,
    deployment_key,
    deployed_unit,
    source,
    source_system,
    site,
    deployment_id,
    attempt,
    service,
    project,
    repository,
    branch,
    commit_sha,
    artifact_id,
    registered_model,
    model_version,
    deployed_version,
    environment,
    environment_kind,
    region,
    model_id,
    feature_id,
    team_id,
    incident_id,
    outcome,
    outcome_known_by,
    first_seen_at,
    last_seen_at,
    started_at,
    ended_at,
    change_class,
    changes_production,
    same_as_deployment_key,
    running_deployment_key as previous_deployment_key,
    running_deployment_key is null as is_first_of_service,
    place = 1 as is_first_delivered,
    case when is_answered_by_return then 'redeploy' else {{ without_place('next_change') }} end as next_change_class,
    {{ without_place('case when is_answered_by_return then next_return_key else next_change_key end') }}
        as next_deployment_key,
    case when is_answered_by_return then next_return_at else next_change_at end as next_change_at,
    next_unknown_place < coalesce(
        case when is_answered_by_return then next_return_place else next_change_place end, next_unknown_place + 1
    ) as is_next_change_unknown,
    {{ without_place('next_unknown') }} as next_unknown_class,
    next_unknown_at
from answered
