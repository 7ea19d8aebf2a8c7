{#-
  Windows in which there were requests, each with the week it is of, whether its p95 is
  over the threshold of its model, and whether the model was under load: at least the
  rate that the catalogue names, else the third quartile of its windows. Of requests above
  the last bound nobody knows by how much: a p95 among them is over a threshold that is a
  bound, and may be over a higher one.
-#}
{%- set of_window = 'model_id, platform_id, environment, window_start' -%}
with by_window as (
    select
        buckets.*,
        {{ week_start(local_time('buckets.window_start', 'rules.time_zone')) }} as week,
        models.latency_threshold_seconds,
        models.minimum_requests_per_second
    from {{ ref('int_latency_buckets') }} as buckets
    cross join {{ source('control', 'delivery_rules') }} as rules
    left join {{ source('control', 'catalog_models') }} as models
        on
            buckets.model_id = models.model_id
            and {{ is_valid_on('models', 'cast(buckets.window_start as date)') }}
),

window_buckets as (
    select
        *,
        coalesce(lag(upper_bound_seconds) over by_bound, 0) as lower_bound,
        coalesce(lag(request_count) over by_bound, 0) as lower_count,
        max(request_count) over (partition by {{ of_window }}) as total_count
    from by_window
    window by_bound as (partition by {{ of_window }} order by upper_bound_seconds)
),

windows as (
    select
        {{ of_window }},
        week,
        latency_threshold_seconds,
        minimum_requests_per_second,
        max(total_count) as request_count,
        max(window_seconds) as window_seconds,
        max(case when upper_bound_seconds = latency_threshold_seconds then request_count end) as requests_within,
        coalesce(max(case when upper_bound_seconds < {{ infinity() }} then upper_bound_seconds end), 0) as last_bound,
        coalesce(max(case when upper_bound_seconds < {{ infinity() }} then request_count end), 0) as requests_bounded,
        {{ safe_ratio('max(total_count)', 'max(window_seconds)') }} as requests_per_second,
        {{ histogram_percentile(95) }} as p95_seconds
    from window_buckets
    where total_count > 0
    group by {{ of_window }}, week, latency_threshold_seconds, minimum_requests_per_second
),

placed as (
    select
        *,
        row_number() over (partition by model_id, environment order by requests_per_second) as place,
        count(*) over (partition by model_id, environment) as n
    from windows
),

floors as (
    select
        model_id,
        environment,
        max(case when place = {{ integer_quotient('(3 * n + 3)', '4') }} then requests_per_second end) as usual_floor
    from placed
    group by model_id, environment
)

select
    windows.week,
    windows.model_id,
    windows.platform_id,
    windows.environment,
    windows.window_start,
    windows.latency_threshold_seconds,
    windows.request_count,
    windows.window_seconds,
    -- NULL where the threshold is no bound of the histogram.
    windows.requests_within,
    windows.minimum_requests_per_second,
    coalesce(windows.minimum_requests_per_second, floors.usual_floor) as load_floor,
    case
        when windows.requests_within is not null
            then case when windows.requests_within * 100 < windows.request_count * 95 then 1 else 0 end
        when
            windows.latency_threshold_seconds > windows.last_bound
            and windows.requests_bounded * 100 < windows.request_count * 95
            then null
        when windows.p95_seconds > windows.latency_threshold_seconds then 1
        else 0
    end as is_over,
    case
        when windows.requests_per_second >= coalesce(windows.minimum_requests_per_second, floors.usual_floor) then 1
        else 0
    end as is_under_load
from windows
inner join floors
    on windows.model_id = floors.model_id and coalesce(windows.environment, '') = coalesce(floors.environment, '')
