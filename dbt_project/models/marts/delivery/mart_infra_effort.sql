{#-
  What running it takes, by month and team: hours of infrastructure work beside
  deployments, over the four weeks that end with the month, and firefighting as a share
  of the hours that the team has. What a system says and what people book are never
  added. What nobody told is NULL, and so are hours of too few people, with the reason. A month
  that has not begun has a headcount at most, and no row.
-#}
with groups as (
    select * from {{ ref('int_team_groups') }}
),

days as (
    select
        worked.*,
        coalesce(groups.is_suppressed, true) as is_suppressed
    from {{ ref('int_worked_days') }} as worked
    left join groups on worked.team_id = groups.team_id and worked.month = groups.month
    where worked.team_id is not null
),

deployments as (
    {{ deployments_once(ref('fct_deployments'), ['team_id']) }}
),

deployed as (
    select
        team_id,
        deployed_on as day,
        month,
        count(case when counts_as_deployment then 1 end) as deployment_count,
        count(case when not counts_as_deployment then 1 end) as unknown_count
    from deployments
    where team_id is not null
    group by team_id, deployed_on, month
),

engaged as (
    select
        team_id,
        impact_month as month,
        {{ sum_in_order('engaged_seconds') }} as engaged_seconds
    from {{ ref('fct_incidents') }}
    where team_id is not null and exclusion_reason is null and engaged_seconds is not null
    group by team_id, impact_month
),

heads as (
    select
        heads.team_id,
        {{ month_label('heads.period_start') }} as month,
        sum(heads.headcount) as headcount,
        case
            when count(heads.available_hours) = count(*)
                then {{ sum_of_shown('heads.available_hours', 'coalesce(groups.is_small, true)') }}
        end as available_hours
    from {{ ref('stg_delivery__headcount') }} as heads
    left join groups on heads.team_id = groups.team_id and {{ month_label('heads.period_start') }} = groups.month
    group by heads.team_id, {{ month_label('heads.period_start') }}
),

months as (
    {% for known in ['days', 'deployed', 'engaged', 'heads'] -%}
    select
        team_id,
        month
    from {{ known }}
    {{ 'union' if not loop.last }}
    {% endfor %}
),

windows as (
    select
        months.team_id,
        months.month,
        least(
            cast({{ month_end('months.month') }} as date), {{ days_later(local_day('moment.as_of'), 1) }}
        ) as window_limit,
        {{ local_day('moment.as_of') }} as today
    from months
    cross join {{ ref('int_reporting_moment') }} as moment
    cross join {{ source('control', 'delivery_rules') }} as rules
    where cast(months.month || '-01' as date) <= {{ local_day('moment.as_of') }}
),

hours_of_window as (
    select
        windows.team_id,
        windows.month,
        {{ sum_of_shown('days.infra_hours', 'days.is_suppressed') }} as infra_hours
    from windows
    inner join days
        on
            windows.team_id = days.team_id
            and windows.window_limit > days.day
            and {{ days_later('windows.window_limit', '-28') }} <= days.day
    group by windows.team_id, windows.month
),

deployments_of_window as (
    select
        windows.team_id,
        windows.month,
        cast(nullif(sum(deployed.deployment_count), 0) as bigint) as deployment_count,
        cast(sum(deployed.unknown_count) as bigint) as unknown_count
    from windows
    inner join deployed
        on
            windows.team_id = deployed.team_id
            and windows.window_limit > deployed.day
            and {{ days_later('windows.window_limit', '-28') }} <= deployed.day
    group by windows.team_id, windows.month
),

hours_of_month as (
    select
        team_id,
        month,
        {{ sum_of_shown('infra_hours', 'is_suppressed') }} as infra_hours,
        {{ sum_of_shown('incident_hours', 'is_suppressed') }} as incident_hours,
        {{ sum_of_shown('long_entry_count', 'is_suppressed') }} as long_entry_count,
        {{ sum_of_shown('overlap_hours', 'is_suppressed') }} as overlap_hours
    from days
    group by team_id, month
),

deployments_of_month as (
    select
        team_id,
        month,
        cast(nullif(sum(deployment_count), 0) as bigint) as deployment_count
    from deployed
    group by team_id, month
)

select
    windows.month,
    windows.team_id,
    hours_of_month.infra_hours,
    deployments_of_month.deployment_count,
    hours_of_window.infra_hours as infra_hours_28_days,
    deployments_of_window.deployment_count as deployment_count_28_days,
    coalesce(deployments_of_window.unknown_count, 0) as unknown_deployment_count_28_days,
    {{ safe_ratio(
        'hours_of_window.infra_hours', 'deployments_of_window.deployment_count'
    ) }} as infra_hours_per_deployment,
    {{ days_later('windows.window_limit', '-1') }} as window_last_day,
    {{ days_between('windows.window_limit', 'windows.today') }} < 7 as is_filling,
    {{ safe_ratio('engaged.engaged_seconds', '3600') }} as engaged_hours,
    hours_of_month.incident_hours as incident_worklog_hours,
    cast(heads.headcount as double) as headcount,
    heads.available_hours,
    {{ safe_ratio('engaged.engaged_seconds', '(heads.available_hours * 3600)') }} as firefighting_system_ratio,
    {{ safe_ratio('hours_of_month.incident_hours', 'heads.available_hours') }} as firefighting_self_report_ratio,
    cast(hours_of_month.long_entry_count as bigint) as long_entry_count,
    hours_of_month.overlap_hours,
    groups.reason,
    groups.way_out
from windows
left join groups on windows.team_id = groups.team_id and windows.month = groups.month
left join hours_of_month on windows.team_id = hours_of_month.team_id and windows.month = hours_of_month.month
left join deployments_of_month
    on windows.team_id = deployments_of_month.team_id and windows.month = deployments_of_month.month
left join hours_of_window on windows.team_id = hours_of_window.team_id and windows.month = hours_of_window.month
left join deployments_of_window
    on windows.team_id = deployments_of_window.team_id and windows.month = deployments_of_window.month
left join engaged on windows.team_id = engaged.team_id and windows.month = engaged.month
left join heads on windows.team_id = heads.team_id and windows.month = heads.month
