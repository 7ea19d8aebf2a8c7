{#-
  Deployments to production in the order in which they ended, by service and
  environment: what ran before, and whether this version ran earlier. The same
  deployment as two systems tell of it (within 30 minutes, with one commit and one
  outcome) is one, the earlier of the two.
-#}
with deployments as (
    select
        *,
        coalesce(ended_at, started_at, first_seen_at) as ordered_at,
        case outcome when 'unknown' then 0 else 1 end as unknown_first
    from {{ ref('int_deployments_resolved') }}
),

neighbours as (
    select
        *,
        lag(source_system) over same_change as previous_system,
        lag(ordered_at) over same_change as previous_ordered_at
    from deployments
    window same_change as (
        partition by deployed_unit, environment, commit_sha, outcome
        order by ordered_at, deployment_key
    )
),

starts as (
    select
        *,
        case
            when
                commit_sha is not null and ended_at is not null and previous_system <> source_system
                and {{ seconds_between('previous_ordered_at', 'ordered_at') }} <= 1800
                then 0
            else 1
        end as starts_a_change
    from neighbours
),

grouped as (
    select
        *,
        sum(starts_a_change) over (
            partition by deployed_unit, environment, commit_sha, outcome
            order by ordered_at, deployment_key
            rows between unbounded preceding and current row
        ) as change_number
    from starts
),

matched as (
    select
        *,
        case
            when starts_a_change = 0
                then
                    min(case when starts_a_change = 1 then deployment_key end) over (
                        partition by deployed_unit, environment, commit_sha, outcome, change_number
                    )
        end as same_as_deployment_key
    from grouped
),

placed as (
    select
        *,
        environment_kind = 'production' and outcome = 'success' and same_as_deployment_key is null as is_in_production,
        row_number() over (
            partition by deployed_unit, environment order by ordered_at, unknown_first, deployment_key
        ) as place
    from matched
)

select
    *,
    {{ without_place("max(case when is_in_production then " ~ place_text('place')
        ~ " || coalesce(deployed_version, '') end) over before_it") }} as running_version,
    {{ without_place("max(case when is_in_production then " ~ place_text('place')
        ~ " || coalesce(artifact_id, '') end) over before_it") }} as running_artifact_id,
    {{ without_place("max(case when is_in_production then " ~ place_text('place')
        ~ " || deployment_key end) over before_it") }} as running_deployment_key,
    coalesce(sum(case when is_in_production then 1 else 0 end) over (
        partition by deployed_unit, environment, deployed_version
        order by place
        rows between unbounded preceding and 1 preceding
    ), 0) > 0 as ran_before
from placed
window before_it as (
    partition by deployed_unit, environment
    order by place
    rows between unbounded preceding and 1 preceding
)
