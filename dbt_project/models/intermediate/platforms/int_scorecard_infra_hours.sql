{#-
  Infra hours of platforms for the scorecard, by closed month, as a numerator and a
  denominator: by week and by deployment. The hours of a month without a deployment count
  too, between the first and the last month that has one; of other months only what is known.
-#}
with closed_months as (
    select distinct costs.billing_month as month
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    where {{ month_end('costs.billing_month') }} <= moment.as_of
),

hours as (
    select * from {{ ref('int_platform_infra_hours') }}
),

platforms as (
    select platform_id from {{ source('control', 'catalog_platforms') }}
    where team_id is not null
    union
    select platform_id from hours
),

shipped as (
    select * from {{ ref('int_platform_deployments') }}
    where deployment_count > 0
),

spans as (
    select
        platform_id,
        min(month) as first_month,
        max(month) as last_month
    from shipped
    group by platform_id
),

counted as (
    select
        platforms.platform_id,
        closed_months.month,
        case when not hours.is_suppressed then hours.infra_hours end as infra_hours,
        {{ quotient(
            days_between(
                "cast(closed_months.month || '-01' as date)", 'cast(' ~ month_end('closed_months.month') ~ ' as date)'
            ), '7'
        ) }} as week_count,
        case
            when closed_months.month between spans.first_month and spans.last_month
                then cast(coalesce(shipped.deployment_count, 0) as double)
        end as deployment_count
    from platforms
    cross join closed_months
    left join hours on platforms.platform_id = hours.platform_id and closed_months.month = hours.month
    left join shipped on platforms.platform_id = shipped.platform_id and closed_months.month = shipped.month
    left join spans on platforms.platform_id = spans.platform_id
    where
        hours.infra_hours is not null or spans.platform_id is null
        or closed_months.month between spans.first_month and spans.last_month
)

{% for metric, denominator in [
    ('infra_hours_per_week', 'week_count'),
    ('infra_hours_per_deployment', 'deployment_count'),
] -%}
select
    'platform' as subject_kind,
    platform_id as subject_id,
    'to_date' as period,
    'all' as basis,
    '{{ metric }}' as metric,
    month as observed_in,
    infra_hours as numerator,
    {{ denominator }} as denominator
from counted
{{ 'union all' if not loop.last }}
{% endfor %}
