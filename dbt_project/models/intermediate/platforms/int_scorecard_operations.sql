{#-
  What running takes for the scorecard, by month, as a numerator and a denominator:
  firefighting by the hours that there are, which a platform has where its team runs no
  other; of migrations, hours of infrastructure work a week and a deployment, too. Integration
  is no infrastructure work here. What people book and what a system says are never added.
-#}
with teams as (
    select
        team_id,
        count(*) as platform_count,
        min(platform_id) as platform_id
    from {{ source('control', 'catalog_platforms') }}
    where team_id is not null
    group by team_id
),

closed_months as (
    select distinct costs.billing_month as month
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    where {{ month_end('costs.billing_month') }} <= moment.as_of
),

-- Each subject's months, with the teams that run its platforms.
months_of_teams as (
    select
        'platform' as subject_kind,
        teams.platform_id as subject_id,
        'to_date' as period,
        closed_months.month,
        teams.team_id
    from teams
    cross join closed_months
    where teams.platform_count = 1
    union
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        months.period,
        months.month,
        platforms.team_id
    from {{ ref('int_migration_months') }} as months
    inner join {{ source('control', 'migration_platforms') }} as sides on months.migration_id = sides.migration_id
    inner join {{ source('control', 'catalog_platforms') }} as platforms on sides.platform_id = platforms.platform_id
    where platforms.team_id is not null
),

-- Hours of too few people are as good as not booked.
shown as (
    select * from {{ ref('int_team_groups') }}
    where not is_small
),

booked as (
    select
        days.team_id,
        days.month,
        {{ sum_in_order('days.infra_hours') }} as infra_hours,
        {{ sum_in_order('days.incident_hours') }} as incident_hours
    from {{ ref('int_worked_days') }} as days
    inner join shown on days.team_id = shown.team_id and days.month = shown.month
    where not shown.is_suppressed
    group by days.team_id, days.month
),

engaged as (
    select
        incidents.team_id,
        {{ local_month('incidents.impact_started_at') }} as month,
        {{ quotient(sum_in_order('incidents.engaged_seconds'), '3600') }} as engaged_hours
    from {{ ref('int_incidents_folded') }} as incidents
    cross join {{ source('control', 'delivery_rules') }} as rules
    where incidents.engaged_seconds is not null and {{ incident_exclusion_reason('incidents') }} is null
    group by incidents.team_id, {{ local_month('incidents.impact_started_at') }}
),

-- A month without an incident between two with one had none: 0 hours, and not unknown.
engaged_spans as (
    select
        team_id,
        min(month) as first_month,
        max(month) as last_month
    from engaged
    group by team_id
),

heads as (
    select
        shown.team_id,
        shown.month,
        case when count(heads.available_hours) = count(*) then {{ sum_in_order('heads.available_hours') }} end
            as available_hours
    from shown
    inner join {{ ref('stg_delivery__headcount') }} as heads
        on shown.team_id = heads.team_id and shown.month = {{ month_label('heads.period_start') }}
    group by shown.team_id, shown.month
),

shipped as (
    select
        moved.migration_id,
        {{ local_month('deployments.ended_at') }} as month,
        count(distinct deployments.deployment_key) as deployment_count
    from {{ ref('int_deployments_classified') }} as deployments
    cross join {{ source('control', 'delivery_rules') }} as rules
    inner join {{ source('control', 'migration_models') }} as moved on deployments.model_id = moved.model_id
    where deployments.changes_production and deployments.change_class in ('new', 'hotfix')
    group by moved.migration_id, {{ local_month('deployments.ended_at') }}
),

shipped_spans as (
    select
        migration_id,
        min(month) as first_month,
        max(month) as last_month
    from shipped
    group by migration_id
),

worked as (
    select
        months.subject_kind,
        months.subject_id,
        months.period,
        months.month,
        case when count(booked.team_id) = count(*) then {{ sum_in_order('booked.infra_hours') }} end as infra_hours,
        case when count(booked.team_id) = count(*) then {{ sum_in_order('booked.incident_hours') }} end
            as incident_hours,
        case
            when count(engaged_spans.team_id) = count(*) then {{ sum_in_order('coalesce(engaged.engaged_hours, 0)') }}
        end as engaged_hours,
        case when count(heads.available_hours) = count(*) then {{ sum_in_order('heads.available_hours') }} end
            as available_hours,
        {{ quotient(
            days_between("cast(months.month || '-01' as date)", 'cast(' ~ month_end('months.month') ~ ' as date)'), '7'
        ) }} as week_count
    from months_of_teams as months
    left join booked on months.team_id = booked.team_id and months.month = booked.month
    left join engaged on months.team_id = engaged.team_id and months.month = engaged.month
    left join engaged_spans
        on
            months.team_id = engaged_spans.team_id
            and months.month between engaged_spans.first_month and engaged_spans.last_month
    left join heads on months.team_id = heads.team_id and months.month = heads.month
    group by months.subject_kind, months.subject_id, months.period, months.month
),

counted as (
    select
        worked.*,
        -- The hours of a month without a deployment count too.
        case when spans.migration_id is not null then cast(coalesce(shipped.deployment_count, 0) as double) end
            as deployment_count
    from worked
    left join shipped
        on
            worked.subject_kind = 'migration'
            and worked.subject_id = shipped.migration_id
            and worked.month = shipped.month
    left join shipped_spans as spans
        on
            worked.subject_kind = 'migration'
            and worked.subject_id = spans.migration_id
            and worked.month between spans.first_month and spans.last_month
)

{% for metric, numerator, denominator in [
    ('infra_hours_per_week', 'infra_hours', 'week_count'),
    ('infra_hours_per_deployment', 'infra_hours', 'deployment_count'),
    ('firefighting_booked_ratio', 'incident_hours', 'available_hours'),
    ('firefighting_engaged_ratio', 'engaged_hours', 'available_hours'),
] -%}
select
    subject_kind,
    subject_id,
    period,
    'all' as basis,
    '{{ metric }}' as metric,
    month as observed_in,
    {{ numerator }} as numerator,
    {{ denominator }} as denominator
from counted
{% if metric.startswith('infra') %}where subject_kind = 'migration'{% endif %}
{{ 'union all' if not loop.last }}
{% endfor %}
