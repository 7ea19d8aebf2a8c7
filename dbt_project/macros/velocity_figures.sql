{#-
  Figures of velocity by month or by fiscal quarter. The median of a quarter is none of
  the medians of its months: their values are put together again. Percentiles are over
  what ended in the period, by linear interpolation; fewer than five values have none,
  and fewer than ten no p90. A period without data is NULL. Of what is open, the row says
  how much had begun by then. A weekly figure is a count by the weeks of which anything is
  known, of a whole one at least. Items that may belong to a ratio or a count, and of which
  that is unknown, leave an interval from none to all of them in place of the value; recovery
  has none where a fifth of it is unknown.
-#}
{% macro velocity_figures(period) -%}
{%- set of = 'scope_kind, scope_id, metric, period' -%}
{%- set is_ranked = "metric in ('change_lead_time', 'training_to_production')" -%}
with placed as (
    select
        by_month.*,
        {{ velocity_period(period, 'by_month.month') }} as period
    from {{ ref('int_velocity_by_month') }} as by_month
    cross join {{ ref('int_reporting_moment') }} as moment
    where by_month.scope_kind <> 'organisation'
),

reasons as (
    select
        {{ of }},
        state,
        exclusion_reason,
        min(month) as first_month,
        max(month) as last_month,
        cast(sum(item_count) as bigint) as item_count,
        cast(sum(missing_count) as bigint) as missing_count,
        min(first_started_at) as first_started_at,
        cast(sum(measured_count) as bigint) as value_count,
        sum(measured_total) as total,
        {{ merged_values('measurements') }} as measurements
    from placed
    group by {{ of }}, state, exclusion_reason
),

deployed as (
    {% for metric, counted in [('deployment_frequency', 'deployment'), ('deployment_days', 'deployment_day')] -%}
    select
        months.scope_kind,
        months.scope_id,
        '{{ metric }}' as metric,
        {{ velocity_period(period, 'months.month') }} as period,
        sum(months.{{ counted }}_count) as known_count,
        sum(months.{{ counted | replace('deployment', 'unknown') }}_count) as unknown_count,
        {{ quotient('sum(months.observed_day_count)', '7') }} as week_count
    from {{ ref('int_deployments_by_month') }} as months
    cross join {{ ref('int_reporting_moment') }} as moment
    group by months.scope_kind, months.scope_id, {{ velocity_period(period, 'months.month') }}
    having sum(months.observed_day_count) >= 7
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

in_order as (
    select
        {{ of }},
        value_count as n,
        total,
        measurements
    from reasons
    where value_count > 0
),

described as (
    select
        {{ of }},
        n as value_count,
        total,
        {{ median_of_sorted('measurements', 'n') }} as p50,
        {{ ninth_decile_of_sorted('measurements', 'n') }} as p90,
        {{ value_at('measurements', median_bound_rank('n')) }} as median_low,
        {{ value_at('measurements', 'n + 1 - ' ~ median_bound_rank('n')) }} as median_high
    from in_order
),

counted as (
    select
        {{ of }},
        min(first_month) as first_month,
        max(last_month) as last_month,
        sum(case when state = 'used' then item_count else 0 end) as n_used,
        sum(case when state = 'open' then item_count else 0 end) as open_count,
        sum(case when state = 'excluded' then item_count else 0 end) as n_excluded,
        sum(missing_count) as missing_count,
        min(case when state = 'open' then first_started_at end) as oldest_open_at,
        {{ distinct_texts("exclusion_reason || ' ' || cast(item_count as string)") }} as excluded_by_reason
    from reasons
    group by {{ of }}
),

{{ velocity_spine(period) }},

joined as (
    select
        spine.*,
        described.value_count,
        described.total,
        described.p50,
        described.p90,
        described.median_low,
        described.median_high,
        {{ safe_ratio('deployed.known_count', 'deployed.week_count') }} as per_week,
        {{ safe_ratio('(deployed.known_count + deployed.unknown_count)', 'deployed.week_count') }} as per_week_at_most,
        coalesce(counted.missing_count, 0) as unknown_count,
        counted.n_used,
        counted.n_excluded,
        counted.missing_count,
        counted.excluded_by_reason,
        coalesce(sum(counted.open_count) over until_then, 0) as n_open,
        min(counted.oldest_open_at) over until_then as oldest_open_at
    from spine
    left join described
        on
            spine.scope_kind = described.scope_kind and spine.scope_id = described.scope_id
            and spine.metric = described.metric and spine.period = described.period
    left join deployed
        on
            spine.scope_kind = deployed.scope_kind and spine.scope_id = deployed.scope_id
            and spine.metric = deployed.metric and spine.period = deployed.period
    left join counted
        on
            spine.scope_kind = counted.scope_kind and spine.scope_id = counted.scope_id
            and spine.items_of = counted.metric and spine.period = counted.period
    window until_then as (
        partition by spine.scope_kind, spine.scope_id, spine.metric
        order by spine.period
        rows between unbounded preceding and current row
    )
),

figures as (
    select
        *,
        coalesce(total, 0) as total_known,
        coalesce(value_count, 0) + unknown_count as total_count,
        case
            when statistic = 'ratio' then unknown_count > 0
            when statistic = 'weekly' then per_week_at_most > per_week
            when metric = 'failed_deployment_recovery' then 5 * unknown_count >= coalesce(value_count, 0) + unknown_count
            else false
        end as is_unknown
    from joined
),

result as (
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
)

select
    *,
    case
        when {{ is_ranked }} and metric_value is not null
            then rank() over (
                partition by {{ period }}, scope_kind, metric
                order by metric_value desc nulls last
            )
    end as slowness_rank,
    case
        when {{ is_ranked }} and metric_value is null and n_used < 5
            then 'n = ' || cast(n_used as string) || ', fewer than five'
        when {{ is_ranked }} and metric_value is null then 'too much of it is unknown'
    end as unranked_reason
from result
{%- endmacro %}
