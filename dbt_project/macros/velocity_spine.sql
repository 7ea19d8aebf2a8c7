{#-
  Which figures of velocity there are: of each owner and metric every period from the
  first in which the owner has an item to the last in which anybody has one, those
  without an item included. Starts from the CTE `counted` (an owner's items by metric and
  period, with first_month and last_month) and yields `spine`.
-#}
{% macro velocity_spine(period) -%}
metrics as (
    {% for metric in velocity_metrics() if not metric.adds_to -%}
    select
        '{{ metric.metric }}' as metric,
        '{{ metric.metric }}' as items_of,
        '{{ metric.unit }}' as unit,
        '{{ metric.statistic }}' as statistic
    union all
    {% endfor -%}
    select
        'deployment_days' as metric,
        'deployment_frequency' as items_of,
        'per_week' as unit,
        'weekly' as statistic
),

bounds as (
    select
        scope_kind,
        scope_id,
        metric,
        min(period) as first_period
    from counted
    group by scope_kind, scope_id, metric
),

ends as (
    select
        metric,
        max(period) as last_period
    from counted
    group by metric
),

-- A quarter that begins or ends between months that have items is whole nevertheless.
whole as (
    select
        cast(min(first_month) || '-01' as timestamp) - interval '2' month as first_day,
        cast(max(last_month) || '-01' as timestamp) + interval '2' month as last_day
    from counted
),

days as (
    select {{ each_day('first_day', 'last_day') }} as day
    from whole
    where first_day is not null
),

months as (
    select {{ month_label('day') }} as month
    from days
    where extract(day from day) = 1
),

periods as (
    select
        {{ velocity_period(period, 'months.month') }} as period,
        min(months.month) as first_month,
        max(months.month) as last_month
    from months
    cross join {{ ref('int_reporting_moment') }} as moment
    group by {{ velocity_period(period, 'months.month') }}
),

spine as (
    select
        bounds.scope_kind,
        bounds.scope_id,
        metrics.metric,
        metrics.items_of,
        metrics.unit,
        metrics.statistic,
        periods.period,
        periods.first_month,
        periods.last_month
    from bounds
    inner join metrics on bounds.metric = metrics.items_of
    inner join ends on bounds.metric = ends.metric
    inner join periods on bounds.first_period <= periods.period and ends.last_period >= periods.period
)
{%- endmacro %}

{#- The period of a month: itself, or its fiscal quarter. -#}
{% macro velocity_period(period, month) -%}
    {{ month if period == 'month' else fiscal_quarter(month, 'moment.fiscal_year_start_month') }}
{%- endmacro %}
