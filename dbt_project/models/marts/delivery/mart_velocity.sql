{#-
  Velocity by month, one figure a row. Percentiles are over what ended in the month, by
  linear interpolation; fewer than five values have none, and fewer than ten no p90. A
  month without data is NULL. Of what is open, the row says how much had begun by then.
-#}
with scoped as (
    {% for kind, id in velocity_scopes() -%}
    select
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        metric,
        month,
        item_key,
        event_kind,
        state,
        exclusion_reason,
        is_missing,
        started_at,
        event_value
    from {{ ref('mart_velocity_events') }}
    where {{ id }} is not null and month is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A deployment that reached several services of one owner is one.
shared as (
    select
        *,
        row_number() over (
            partition by scope_kind, scope_id, metric, month, item_key
            order by
                case state when 'used' then 0 when 'open' then 1 else 2 end asc,
                event_value desc, exclusion_reason asc, started_at asc
        ) as telling
    from scoped
    where event_kind = 'deployment' and scope_kind <> 'service'
),

items as (
    select
        *,
        1 as telling
    from scoped
    where event_kind <> 'deployment' or scope_kind = 'service'
    union all
    select * from shared
    where telling = 1
),

used as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        event_value
    from items
    where event_value is not null and metric <> 'deployment_frequency'
    union all
    {% for metric, counted in [
        ('deployment_frequency', 'deployment_count'), ('deployment_days', 'deployment_day_count')
    ] -%}
    select
        scope_kind,
        scope_id,
        '{{ metric }}' as metric,
        month,
        cast({{ counted }} as double) as event_value
    from {{ ref('mart_deployment_weeks') }}
    where is_complete
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

in_order as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        count(*) as n,
        sum(event_value) as total,
        {{ sorted_values('event_value') }} as event_values
    from used
    group by scope_kind, scope_id, metric, month
),

described as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        n as value_count,
        total,
        {{ tenths_between(
            value_at('event_values', integer_quotient('(n + 1)', '2')),
            value_at('event_values', integer_quotient('(n + 2)', '2')), '5'
        ) }} as p50,
        {{ tenths_between(
            value_at('event_values', integer_quotient('(9 * (n - 1))', '10') ~ ' + 1'),
            value_at('event_values', integer_quotient('(9 * (n - 1) + 9)', '10') ~ ' + 1'), '((9 * (n - 1)) % 10)'
        ) }} as p90,
        {{ value_at('event_values', median_bound_rank('n')) }} as median_low,
        {{ value_at('event_values', 'n + 1 - ' ~ median_bound_rank('n')) }} as median_high
    from in_order
),

reasons as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        state,
        exclusion_reason,
        count(*) as item_count,
        sum(case when is_missing then 1 else 0 end) as missing_count,
        min(started_at) as first_started_at
    from items
    group by scope_kind, scope_id, metric, month, state, exclusion_reason
),

counted as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        sum(case when state = 'used' then item_count else 0 end) as n_used,
        sum(case when state = 'open' then item_count else 0 end) as open_count,
        sum(case when state = 'excluded' then item_count else 0 end) as n_excluded,
        sum(missing_count) as missing_count,
        min(case when state = 'open' then first_started_at end) as oldest_open_at,
        {{ distinct_texts("exclusion_reason || ' ' || cast(item_count as string)") }} as excluded_by_reason
    from reasons
    group by scope_kind, scope_id, metric, month
),

metrics as (
    {% for metric in velocity_metrics() if metric.event_kind != 'deployment' or metric.metric != 'change_lead_time' -%}
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
        min(month) as first_month
    from counted
    group by scope_kind, scope_id, metric
),

ends as (
    select
        metric,
        max(month) as last_month
    from counted
    group by metric
),

whole as (
    select
        cast(min(month) || '-01' as timestamp) as first_day,
        cast(max(month) || '-01' as timestamp) as last_day
    from counted
),

range_of_months as (
    select {{ each_day('first_day', 'last_day') }} as day
    from whole
    where first_day is not null
),

months as (
    select {{ month_label('day') }} as month
    from range_of_months
    where extract(day from day) = 1
),

spine as (
    select
        bounds.scope_kind,
        bounds.scope_id,
        metrics.metric,
        metrics.items_of,
        metrics.unit,
        metrics.statistic,
        months.month
    from bounds
    inner join metrics on bounds.metric = metrics.items_of
    inner join ends on bounds.metric = ends.metric
    inner join months on bounds.first_month <= months.month and ends.last_month >= months.month
),

figures as (
    select
        spine.*,
        described.value_count,
        described.total,
        described.p50,
        described.p90,
        described.median_low,
        described.median_high,
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
            and spine.metric = described.metric and spine.month = described.month
    left join counted
        on
            spine.scope_kind = counted.scope_kind and spine.scope_id = counted.scope_id
            and spine.items_of = counted.metric and spine.month = counted.month
    window until_then as (
        partition by spine.scope_kind, spine.scope_id, spine.metric
        order by spine.month
        rows between unbounded preceding and current row
    )
)

select
    figures.month,
    figures.scope_kind,
    figures.scope_id,
    figures.metric,
    figures.unit,
    figures.statistic,
    case
        when figures.statistic = 'ratio' then {{ safe_ratio('figures.total', 'figures.value_count') }}
        when figures.statistic = 'weekly' or figures.value_count >= 5 then figures.p50
    end as metric_value,
    case
        when figures.statistic = 'weekly' or (figures.value_count >= 5 and figures.statistic = 'median')
            then figures.p50
    end as p50,
    case when figures.value_count >= 10 and figures.statistic = 'median' then figures.p90 end as p90,
    case
        when figures.statistic = 'ratio' then {{ wilson_bound('figures.total', 'figures.value_count', '-1') }}
        when figures.statistic = 'median' then figures.median_low
    end as interval_low,
    case
        when figures.statistic = 'ratio' then {{ wilson_bound('figures.total', 'figures.value_count', '1') }}
        when figures.statistic = 'median' then figures.median_high
    end as interval_high,
    cast(coalesce(figures.n_used, 0) as bigint) as n_used,
    cast(figures.n_open as bigint) as n_open,
    cast(coalesce(figures.n_excluded, 0) as bigint) as n_excluded,
    figures.excluded_by_reason,
    {{ safe_ratio('figures.missing_count', '(figures.n_used + figures.missing_count)') }} as missing_ratio,
    figures.oldest_open_at,
    {{ seconds_between('figures.oldest_open_at', 'moment.as_of') }} as oldest_open_seconds,
    'system' as source_kind,
    1 as definition_version
from figures
cross join {{ ref('int_reporting_moment') }} as moment
