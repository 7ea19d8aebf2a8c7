{#-
  Percentiles of latency as their source delivered them, by the threshold of their model,
  of each platform and of each migration's models. They are listed and never merged: the
  figures of a period are the median of its windows and the share of them that is over the
  threshold, all of one length. Where windows of several lengths were delivered, those count
  that tell of most periods, then most windows. Windows of a week are one trial (Wilson).
-#}
{%- set of = 'subject_kind, subject_id, period' -%}
with windows as (
    select
        percentiles.model_id,
        coalesce(percentiles.platform_id, placements.platform_id) as platform_id,
        percentiles.month,
        {{ week_start('percentiles.window_start') }} as week,
        {{ window_grain('percentiles.window_seconds') }} as grain,
        percentiles.p95_to_threshold_ratio,
        percentiles.is_over_threshold
    from {{ ref('mart_latency_percentiles') }} as percentiles
    left join {{ source('control', 'platform_placements') }} as placements
        on
            percentiles.model_id = placements.model_id
            and placements.stage = 'serving'
            and {{ is_valid_on('placements', 'cast(percentiles.window_start as date)') }}
    where percentiles.p95_to_threshold_ratio is not null
),

sided as (
    select
        'platform' as subject_kind,
        platform_id as subject_id,
        'to_date' as period,
        week,
        grain,
        p95_to_threshold_ratio,
        is_over_threshold
    from windows
    where platform_id is not null
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        months.period,
        windows.week,
        windows.grain,
        windows.p95_to_threshold_ratio,
        windows.is_over_threshold
    from windows
    inner join {{ source('control', 'migration_models') }} as moved on windows.model_id = moved.model_id
    inner join {{ ref('int_migration_months') }} as months
        on moved.migration_id = months.migration_id and windows.month = months.month
),

grains as (
    select
        subject_kind,
        subject_id,
        grain,
        row_number() over (
            partition by subject_kind, subject_id order by count(distinct period) desc, count(*) desc, grain asc
        ) as place
    from sided
    group by subject_kind, subject_id, grain
),

in_order as (
    select
        {{ of.replace('subject', 'sided.subject').replace('period', 'sided.period') }},
        sided.grain,
        count(*) as n,
        count(distinct sided.week) as week_count,
        {{ safe_ratio('count(case when sided.is_over_threshold then 1 end)', 'count(*)') }} as over_ratio,
        {{ sorted_values('sided.p95_to_threshold_ratio') }} as metric_values
    from sided
    inner join grains
        on
            sided.subject_kind = grains.subject_kind
            and sided.subject_id = grains.subject_id
            and sided.grain = grains.grain
            and grains.place = 1
    group by {{ of.replace('subject', 'sided.subject').replace('period', 'sided.period') }}, sided.grain
)

select
    {{ of }},
    'all' as basis,
    'delivered_p95_to_threshold_ratio' as metric,
    {{ median_of_sorted('metric_values', 'n') }} as metric_value,
    {{ value_at('metric_values', median_bound_rank('n')) }} as interval_low,
    {{ value_at('metric_values', 'n + 1 - ' ~ median_bound_rank('n')) }} as interval_high,
    'windows' as interval_basis,
    n as n_observed,
    grain as delivered_grain
from in_order
union all
select
    {{ of }},
    'all' as basis,
    'delivered_windows_over_threshold_ratio' as metric,
    over_ratio as metric_value,
    {{ wilson_bound('over_ratio * week_count', 'week_count', '-1') }} as interval_low,
    {{ wilson_bound('over_ratio * week_count', 'week_count', '1') }} as interval_high,
    'weeks' as interval_basis,
    week_count as n_observed,
    grain as delivered_grain
from in_order
