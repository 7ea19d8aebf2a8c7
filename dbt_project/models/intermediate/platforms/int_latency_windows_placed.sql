{#-
  Windows of latency with the platform that served them: what the meter says, else where
  the catalogue places the model. The band of a load is the power of two that its rate
  lies above, so that more traffic on one platform moves no other window.
-#}
with windows as (
    select * from {{ ref('int_latency_windows') }}
),

over_threshold as (
    select
        buckets.model_id,
        buckets.platform_id,
        buckets.environment,
        buckets.window_start,
        max(buckets.window_seconds) as window_seconds,
        max(case when buckets.upper_bound_seconds = windows.latency_threshold_seconds then buckets.request_count end)
            as requests_within
    from {{ ref('int_latency_buckets') }} as buckets
    inner join windows
        on
            buckets.model_id = windows.model_id
            and coalesce(buckets.platform_id, '') = coalesce(windows.platform_id, '')
            and coalesce(buckets.environment, '') = coalesce(windows.environment, '')
            and buckets.window_start = windows.window_start
    group by buckets.model_id, buckets.platform_id, buckets.environment, buckets.window_start
)

select
    windows.model_id,
    coalesce(windows.platform_id, placements.platform_id) as platform_id,
    windows.platform_id as metered_platform_id,
    windows.environment,
    windows.window_start,
    windows.week,
    {{ month_label('windows.window_start') }} as month,
    windows.latency_threshold_seconds,
    windows.request_count,
    windows.is_over,
    windows.request_count - over_threshold.requests_within as requests_over,
    {{ binary_band(quotient('windows.request_count', 'over_threshold.window_seconds')) }} as load_band,
    models.minimum_requests_per_second is null
    or {{ quotient('windows.request_count', 'over_threshold.window_seconds') }} >= models.minimum_requests_per_second
        as is_under_load
from windows
inner join over_threshold
    on
        windows.model_id = over_threshold.model_id
        and coalesce(windows.platform_id, '') = coalesce(over_threshold.platform_id, '')
        and coalesce(windows.environment, '') = coalesce(over_threshold.environment, '')
        and windows.window_start = over_threshold.window_start
left join {{ source('control', 'platform_placements') }} as placements
    on
        windows.model_id = placements.model_id
        and placements.stage = 'serving'
        and cast(windows.window_start as date) >= coalesce(placements.valid_from, cast('1900-01-01' as date))
        and cast(windows.window_start as date) < coalesce(placements.valid_to, cast('2200-01-01' as date))
left join {{ source('control', 'catalog_models') }} as models
    on
        windows.model_id = models.model_id
        and cast(windows.window_start as date) >= coalesce(models.valid_from, cast('1900-01-01' as date))
        and cast(windows.window_start as date) < coalesce(models.valid_to, cast('2200-01-01' as date))
where windows.latency_threshold_seconds is not null
