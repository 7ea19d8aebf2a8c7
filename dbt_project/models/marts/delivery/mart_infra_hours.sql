{#-
  Infra hours per deployment over the three and the twelve months that end with a month, by
  team, by platform and of the organisation. Deployments of unknown outcome are in no
  figure: the row counts them, and says how few hours a deployment took if all of them held.
  A window with a month whose hours are hidden is hidden: windows differ by single months.
-#}
with by_month as (
    select * from {{ ref('int_infra_hours_by_month') }}
),

months as (
    select distinct month from by_month
),

{{ windows_ending_with('months') }},

owners as (
    select
        scope_kind,
        scope_id
    from by_month
    union
    select
        'platform' as scope_kind,
        platform_id as scope_id
    from {{ ref('dim_platforms') }}
),

pooled as (
    select
        owners.scope_kind,
        owners.scope_id,
        windows.month,
        windows.window_months,
        windows.window_start,
        windows.window_end,
        count(items.month) as known_month_count,
        {{ sum_of_shown('items.infra_hours', 'items.is_suppressed') }} as infra_hours,
        {{ sum_of_shown('items.estimated_hours', 'items.is_suppressed') }} as estimated_hours,
        max(items.group_reason) as group_reason,
        max(items.group_way_out) as group_way_out,
        cast(coalesce(sum(items.deployment_count), 0) as bigint) as deployment_count,
        cast(coalesce(sum(items.unknown_deployment_count), 0) as bigint) as unknown_deployment_count
    from owners
    cross join windows
    left join by_month as items
        on
            owners.scope_kind = items.scope_kind and owners.scope_id = items.scope_id
            and windows.first_month <= items.month and windows.month >= items.month
    group by
        owners.scope_kind, owners.scope_id, windows.month, windows.window_months, windows.window_start,
        windows.window_end
)

select
    pooled.month,
    cast(pooled.window_months as int) as window_months,
    pooled.window_start,
    pooled.window_end,
    cast(pooled.window_end as timestamp) <= moment.as_of as is_over,
    {{ days_between('pooled.window_end', local_day('moment.as_of')) }} < 7 as is_filling,
    pooled.scope_kind,
    pooled.scope_id,
    pooled.known_month_count,
    pooled.infra_hours,
    pooled.estimated_hours,
    pooled.estimated_hours > 0 as is_estimated,
    pooled.deployment_count,
    pooled.unknown_deployment_count,
    {{ safe_ratio('pooled.infra_hours', 'pooled.deployment_count') }} as infra_hours_per_deployment,
    {{ safe_ratio('pooled.infra_hours', '(pooled.deployment_count + pooled.unknown_deployment_count)') }}
        as infra_hours_per_deployment_at_least,
    {{ infra_hours_reason('pooled', 'platforms') }} as reason,
    {{ infra_hours_way_out('pooled', 'platforms', 'everyone') }} as way_out
from pooled
cross join {{ ref('int_reporting_moment') }} as moment
cross join {{ source('control', 'delivery_rules') }} as rules
left join {{ source('control', 'catalog_platforms') }} as platforms
    on pooled.scope_kind = 'platform' and pooled.scope_id = platforms.platform_id
left join pooled as everyone
    on
        everyone.scope_kind = 'organisation' and pooled.month = everyone.month
        and pooled.window_months = everyone.window_months
