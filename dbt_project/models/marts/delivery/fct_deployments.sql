{#-
  Deployments with how they ended, what they changed and whether they failed: rollouts
  that failed, and those that a rollback, a hotfix or an incident followed within the
  maturity window. A younger one has not failed yet, which is not the same as not at all.
  Where a deployment of unknown outcome comes before the next known change, neither when
  a failure was over nor whether that change was the answer to a success is known.
-#}
with deployments as (
    select * from {{ ref('int_deployments_classified') }}
),

incidents as (
    select
        causes.caused_by_event_key as event_key,
        count(*) as caused_incident_count,
        min(causes.impact_started_at) as first_impact_at,
        case when count(causes.resolved_at) = count(*) then max(causes.resolved_at) end as restored_at
    from {{ ref('int_incident_causes') }} as causes
    where causes.caused_by_event_key is not null and {{ incident_exclusion_reason('causes') }} is null
    group by causes.caused_by_event_key
),

judged as (
    select
        deployments.*,
        rules.time_zone,
        coalesce(incidents.caused_incident_count, 0) as caused_incident_count,
        incidents.restored_at,
        recoveries.recovered_at as rollout_recovered_at,
        coalesce(recoveries.is_unknown, false) as is_recovery_unknown,
        {{ seconds_between('deployments.ended_at', 'moment.as_of') }} >= rules.maturity_days * 86400 as is_mature,
        coalesce(deployments.is_next_change_unknown, false) and (
            {% for followed in ('next_unknown', 'next_change') -%}
            coalesce(
                deployments.{{ followed }}_class in ('rollback', 'hotfix')
                and {{ seconds_between('deployments.ended_at', 'deployments.' ~ followed ~ '_at') }}
                <= rules.maturity_days * 86400, false
            ){{ ' or' if not loop.last }}
            {% endfor -%}
        ) as may_have_been_answered,
        case
            when deployments.environment_kind <> 'production' then 'not_production'
            when deployments.same_as_deployment_key is not null then 'same_deployment_in_another_system'
            when deployments.outcome = 'unknown' and deployments.started_at is null and deployments.is_first_delivered
                then 'before_the_first_delivered'
            when deployments.outcome in ('open', 'unknown', 'cancelled') then deployments.outcome
            when deployments.change_class in ('redeploy', 'config') then deployments.change_class
        end as exclusion_reason,
        case
            when deployments.outcome = 'failure' then 'outcome'
            when deployments.outcome <> 'success' then null
            when
                {{ seconds_between('deployments.ended_at', 'incidents.first_impact_at') }}
                <= rules.maturity_days * 86400
                then 'incident'
            when
                deployments.next_change_class in ('rollback', 'hotfix')
                and {{ seconds_between('deployments.ended_at', 'deployments.next_change_at') }}
                <= rules.maturity_days * 86400
                then deployments.next_change_class
        end as failed_by
    from deployments
    cross join {{ source('control', 'delivery_rules') }} as rules
    cross join {{ ref('int_reporting_moment') }} as moment
    left join incidents on deployments.event_key = incidents.event_key
    left join {{ ref('int_deployment_recoveries') }} as recoveries on deployments.event_key = recoveries.event_key
),

doubted as (
    select
        *,
        case
            when exclusion_reason is not null then null
            when failed_by = 'outcome' and is_recovery_unknown then 'next_outcome_unknown'
            when outcome = 'success' and may_have_been_answered and coalesce(failed_by, '') <> 'incident'
                then 'next_outcome_unknown'
        end as unknown_reason
    from judged
),

recovered as (
    select
        *,
        case
            when exclusion_reason is null and (unknown_reason is null or failed_by = 'outcome') then failed_by
        end as counted_failure,
        case
            when failed_by = 'incident' then restored_at
            when unknown_reason is not null then null
            when failed_by = 'outcome' then rollout_recovered_at
            else next_change_at
        end as recovered_at
    from doubted
)

select
    event_key,
    deployment_key,
    deployed_unit,
    source,
    source_system,
    deployment_id,
    cast(attempt as bigint) as attempt,
    service,
    project,
    repository,
    branch,
    commit_sha,
    artifact_id,
    registered_model,
    model_version,
    environment,
    environment_kind,
    region,
    model_id,
    feature_id,
    team_id,
    incident_id,
    outcome,
    outcome_known_by,
    change_class,
    exclusion_reason,
    unknown_reason,
    same_as_deployment_key,
    previous_deployment_key,
    next_deployment_key,
    is_first_of_service,
    deployed_version is not null as is_version_known,
    changes_production and change_class in ('new', 'hotfix') as counts_as_deployment,
    is_mature,
    case
        when counted_failure is not null then true
        when exclusion_reason is null and unknown_reason is null and is_mature then false
    end as is_failed,
    counted_failure as failed_by,
    counted_failure is not null and counted_failure <> 'outcome' as failure_reached_users,
    cast(caused_incident_count as bigint) as caused_incident_count,
    first_seen_at,
    last_seen_at,
    started_at,
    ended_at,
    case when counted_failure is not null then recovered_at end as recovered_at,
    case
        when counted_failure is not null then {{ seconds_between('ended_at', 'recovered_at') }}
    end as recovery_seconds,
    cast({{ local_time('coalesce(ended_at, started_at, first_seen_at)', 'time_zone') }} as date) as deployed_on,
    {{ month_label(local_time('coalesce(ended_at, started_at, first_seen_at)', 'time_zone')) }} as month
from recovered
