{#-
  What figures of velocity are made of, by owner, metric and period: CTEs with the items by state
  and reason (`counted`), what their values describe (`described`), and deployments and the weeks
  of which anything is known (`deployed`).
-#}
{% macro velocity_parts(period) -%}
{%- set of = 'scope_kind, scope_id, metric, period' -%}
placed as (
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
)
{%- endmacro %}
