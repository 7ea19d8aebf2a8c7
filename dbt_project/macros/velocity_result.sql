{#- The columns of velocity, from the CTE `figures`: its value, interval, counts and reasons. -#}
{% macro velocity_result(period) -%}
select
    {% if period == 'month' -%}
    figures.period as month,
    {% else -%}
    figures.period as quarter,
    figures.first_month,
    figures.last_month,
    {{ month_end('figures.last_month') }} <= moment.as_of as is_over,
    {% endif -%}
    figures.scope_kind,
    figures.scope_id,
    figures.metric,
    figures.unit,
    figures.statistic,
    case
        when figures.is_unknown then null
        when figures.statistic = 'ratio' then {{ safe_ratio('figures.total', 'figures.value_count') }}
        when figures.statistic = 'weekly' then figures.per_week
        when figures.value_count >= 5 then figures.p50
    end as metric_value,
    case
        when figures.value_count >= 5 and figures.statistic = 'median' and not figures.is_unknown then figures.p50
    end as p50,
    case
        when figures.value_count >= 10 and figures.statistic = 'median' and not figures.is_unknown then figures.p90
    end as p90,
    case
        when figures.statistic = 'ratio'
            then {{ wilson_bound('figures.total_known', 'figures.total_count', '-1') }}
        when figures.statistic = 'weekly' and figures.is_unknown then figures.per_week
        when figures.statistic = 'median' and not figures.is_unknown then figures.median_low
    end as interval_low,
    case
        when figures.statistic = 'ratio'
            then {{ wilson_bound('(figures.total_known + figures.unknown_count)', 'figures.total_count', '1') }}
        when figures.statistic = 'weekly' and figures.is_unknown then figures.per_week_at_most
        when figures.statistic = 'median' and not figures.is_unknown then figures.median_high
    end as interval_high,
    cast(coalesce(figures.n_used, 0) as bigint) as n_used,
    cast(figures.n_open as bigint) as n_open,
    cast(coalesce(figures.n_excluded, 0) as bigint) as n_excluded,
    figures.excluded_by_reason,
    {{ safe_ratio('figures.missing_count', '(figures.n_used + figures.missing_count)') }} as missing_ratio,
    figures.oldest_open_at,
    {{ seconds_between('figures.oldest_open_at', 'moment.as_of') }} as oldest_open_seconds,
    'system' as source_kind,
    case
        when figures.metric in ('iterations_per_feature', 'deployment_frequency', 'deployment_days') then 2 else 1
    end as definition_version
from figures
cross join {{ ref('int_reporting_moment') }} as moment
{%- endmacro %}
