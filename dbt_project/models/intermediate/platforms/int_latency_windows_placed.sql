{#-
  Windows of latency with the platform that served them: what the meter says, else where
  the catalogue places the model. The band of a load is the power of two that its rate
  lies above, so that more traffic on one platform moves no other window.
-#}
{%- set requests_per_second = quotient('windows.request_count', 'windows.window_seconds') %}
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
    windows.request_count - windows.requests_within as requests_over,
    {{ binary_band(requests_per_second) }} as load_band,
    -- No floor that follows from traffic: it would move with the traffic of one platform.
    windows.minimum_requests_per_second is null
    or {{ requests_per_second }} >= windows.minimum_requests_per_second as is_under_load
from {{ ref('int_latency_windows') }} as windows
left join {{ source('control', 'platform_placements') }} as placements
    on
        windows.model_id = placements.model_id
        and placements.stage = 'serving'
        and {{ is_valid_on('placements', 'cast(windows.window_start as date)') }}
where windows.latency_threshold_seconds is not null
