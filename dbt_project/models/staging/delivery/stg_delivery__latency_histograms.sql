{#-
  What histograms of latencies counted, by five minutes, or by the delivered window where
  that is longer. A row that is delivered twice counts once.
-#}
with source as (
    select
        *,
        row_number() over (
            partition by
                source_system, period_start, period_end, series_id, upper_bound_seconds, model_id, service, platform_id,
                environment
            order by _load_id desc, request_count desc
        ) as recency
    from {{ source('evidence', 'latency_histograms') }}
)

select
    _source as source,
    source_system,
    {{ five_minutes('period_start') }} as window_start,
    period_start,
    {{ seconds_between('period_start', 'period_end') }} as period_seconds,
    coalesce(series_id, '') as series_id,
    model_id,
    service,
    platform_id,
    environment,
    upper_bound_seconds,
    cast(request_count as double) as request_count
from source
where recency = 1
