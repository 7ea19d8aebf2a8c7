{#-
  Latency by week, model, platform and environment. Percentiles are those of histograms
  that were added up, over pods in a window and over windows in the week; none is ever
  averaged. A window without requests is no window.
-#}
{%- set of_week = 'week, model_id, platform_id, environment' -%}
with windows as (
    select * from {{ ref('int_latency_windows') }}
),

weeks as (
    select
        {{ of_week }},
        max(latency_threshold_seconds) as latency_threshold_seconds,
        count(*) as window_count,
        sum(is_over) as over_count,
        count(is_over) as judged_count,
        sum(is_under_load) as loaded_count,
        sum(case when is_under_load = 1 then is_over end) as loaded_over_count,
        count(case when is_under_load = 1 then is_over end) as loaded_judged_count,
        max(load_floor) as load_floor,
        sum(request_count) as request_count
    from windows
    group by {{ of_week }}
),

week_totals as (
    select
        windows.week,
        windows.model_id,
        windows.platform_id,
        windows.environment,
        buckets.upper_bound_seconds,
        sum(buckets.request_count) as request_count,
        count(*) as telling_count,
        max(windows.latency_threshold_seconds) as latency_threshold_seconds
    from windows
    inner join {{ ref('int_latency_buckets') }} as buckets
        on
            windows.model_id = buckets.model_id
            and coalesce(windows.platform_id, '') = coalesce(buckets.platform_id, '')
            and coalesce(windows.environment, '') = coalesce(buckets.environment, '')
            and windows.window_start = buckets.window_start
    group by windows.week, windows.model_id, windows.platform_id, windows.environment, buckets.upper_bound_seconds
),

week_buckets as (
    select
        totals.*,
        coalesce(lag(totals.upper_bound_seconds) over by_bound, 0) as lower_bound,
        coalesce(lag(totals.request_count) over by_bound, 0) as lower_count,
        max(totals.request_count) over (
            partition by totals.week, totals.model_id, totals.platform_id, totals.environment
        ) as total_count
    from week_totals as totals
    inner join weeks
        on
            totals.week = weeks.week and totals.model_id = weeks.model_id
            and coalesce(totals.platform_id, '') = coalesce(weeks.platform_id, '')
            and coalesce(totals.environment, '') = coalesce(weeks.environment, '')
            and totals.telling_count = weeks.window_count
    window by_bound as (
        partition by totals.week, totals.model_id, totals.platform_id, totals.environment
        order by totals.upper_bound_seconds
    )
),

percentiles as (
    select
        {{ of_week }},
        {{ histogram_percentile(50) }} as p50_seconds,
        {{ histogram_percentile(95) }} as p95_seconds,
        {{ histogram_percentile(99) }} as p99_seconds,
        max(
            case when upper_bound_seconds = latency_threshold_seconds then total_count - request_count end
        ) as over_requests,
        max(total_count) as total_count
    from week_buckets
    group by {{ of_week }}
)

select
    weeks.week,
    weeks.model_id,
    weeks.platform_id,
    weeks.environment,
    weeks.latency_threshold_seconds,
    cast(weeks.request_count as double) as request_count,
    weeks.window_count,
    case
        when weeks.latency_threshold_seconds is not null then {{ safe_ratio('weeks.over_count', 'weeks.judged_count') }}
    end as windows_over_threshold_ratio,
    weeks.load_floor as load_floor_requests_per_second,
    cast(weeks.loaded_count as bigint) as loaded_window_count,
    case
        when weeks.latency_threshold_seconds is not null
            then {{ safe_ratio('weeks.loaded_over_count', 'weeks.loaded_judged_count') }}
    end as loaded_windows_over_threshold_ratio,
    {{ safe_ratio('percentiles.over_requests', 'percentiles.total_count') }} as requests_over_threshold_ratio,
    percentiles.p50_seconds,
    percentiles.p95_seconds,
    percentiles.p99_seconds,
    {{ safe_ratio('percentiles.p95_seconds', 'weeks.latency_threshold_seconds') }} as p95_to_threshold_ratio
from weeks
left join percentiles
    on
        weeks.week = percentiles.week and weeks.model_id = percentiles.model_id
        and coalesce(weeks.platform_id, '') = coalesce(percentiles.platform_id, '')
        and coalesce(weeks.environment, '') = coalesce(percentiles.environment, '')
