{#-
  Infra hours and deployments by month: of each team its own of both, of each platform what
  was booked on it and its part of its team's hours, and of the organisation everything.
  Months without known hours are left out, with their deployments. Hours of too few people
  are NULL, and such a month stays.
-#}
with groups as (
    select * from {{ ref('int_team_groups') }}
),

totals as (
    select
        month,
        max(case when is_total_suppressed then 1 else 0 end) = 1 as is_suppressed
    from groups
    group by month
),

worked as (
    select
        days.team_id,
        days.month,
        max(case when coalesce(groups.is_suppressed, true) then 1 else 0 end) = 1 as is_suppressed,
        max(groups.reason) as group_reason,
        max(groups.way_out) as group_way_out,
        {{ sum_in_order('days.infra_hours') }} as infra_hours
    from {{ ref('int_worked_days') }} as days
    left join groups on days.team_id = groups.team_id and days.month = groups.month
    group by days.team_id, days.month
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
        cast(0 as double) as estimated_hours,
        is_suppressed,
        group_reason,
        group_way_out
    from worked
    where team_id is not null
    union all
    select
        'organisation' as scope_kind,
        'organisation' as scope_id,
        worked.month,
        {{ sum_in_order('worked.infra_hours') }} as infra_hours,
        cast(0 as double) as estimated_hours,
        max(case when coalesce(totals.is_suppressed, true) then 1 else 0 end) = 1 as is_suppressed,
        {{ unknown_group_reason() }} as group_reason,
        {{ unknown_group_way_out() }} as group_way_out
    from worked
    left join totals on worked.month = totals.month
    group by worked.month
    union all
    select
        'platform' as scope_kind,
        platform_id as scope_id,
        month,
        infra_hours,
        case when is_estimated then infra_hours - coalesce(declared_hours, 0) else 0 end as estimated_hours,
        is_suppressed,
        'hours of too few people are among them' as group_reason,
        'hours of the organisation are of more people' as group_way_out
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
    case when not hours.is_suppressed then hours.infra_hours end as infra_hours,
    case when not hours.is_suppressed then hours.estimated_hours end as estimated_hours,
    hours.is_suppressed,
    case when hours.is_suppressed then hours.group_reason end as group_reason,
    case when hours.is_suppressed then hours.group_way_out end as group_way_out,
    coalesce(shipped.deployment_count, 0) as deployment_count,
    coalesce(shipped.unknown_count, 0) as unknown_deployment_count
from hours
left join shipped
    on hours.scope_kind = shipped.scope_kind and hours.scope_id = shipped.scope_id and hours.month = shipped.month
