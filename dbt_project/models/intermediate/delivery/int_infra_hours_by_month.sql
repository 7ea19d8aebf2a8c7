{#-
  Infra hours and deployments by month: of each team its own of both, of each platform what
  was booked on it and its part of its team's hours, and of the organisation everything.
  Months without known hours are left out, with their deployments.
-#}
with worked as (
    select
        team_id,
        month,
        {{ sum_in_order('infra_hours') }} as infra_hours
    from {{ ref('int_worked_days') }}
    group by team_id, month
),

deployments_of_team as (
    {{ deployments_once(ref('fct_deployments'), ['team_id']) }}
),

deployments_of_organisation as (
    {{ deployments_once(ref('fct_deployments')) }}
),

hours as (
    select
        'team' as scope_kind,
        team_id as scope_id,
        month,
        infra_hours,
        cast(0 as double) as estimated_hours
    from worked
    where team_id is not null
    union all
    select
        'organisation' as scope_kind,
        'organisation' as scope_id,
        month,
        {{ sum_in_order('infra_hours') }} as infra_hours,
        cast(0 as double) as estimated_hours
    from worked
    group by month
    union all
    select
        'platform' as scope_kind,
        platform_id as scope_id,
        month,
        infra_hours,
        case when is_estimated then infra_hours - coalesce(declared_hours, 0) else 0 end as estimated_hours
    from {{ ref('int_platform_infra_hours') }}
    where infra_hours is not null
),

shipped as (
    {% for kind, id in [('team', 'team_id'), ('organisation', "'organisation'")] -%}
    select
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        month,
        count(case when counts_as_deployment then 1 end) as deployment_count,
        count(case when not counts_as_deployment then 1 end) as unknown_count
    from deployments_of_{{ kind }}
    group by {{ id ~ ', ' if kind == 'team' else '' }}month
    union all
    {% endfor -%}
    select
        'platform' as scope_kind,
        platform_id as scope_id,
        month,
        deployment_count,
        unknown_count
    from {{ ref('int_platform_deployments') }}
)

select
    hours.scope_kind,
    hours.scope_id,
    hours.month,
    hours.infra_hours,
    hours.estimated_hours,
    coalesce(shipped.deployment_count, 0) as deployment_count,
    coalesce(shipped.unknown_count, 0) as unknown_deployment_count
from hours
left join shipped
    on hours.scope_kind = shipped.scope_kind and hours.scope_id = shipped.scope_id and hours.month = shipped.month
