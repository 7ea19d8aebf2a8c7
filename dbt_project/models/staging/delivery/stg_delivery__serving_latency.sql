{#-
  Percentiles of latency as a source computed them for a window. They are never merged;
  a window that is delivered twice counts as it was delivered last.
-#}
with source as (
    select
        *,
        row_number() over (
            partition by
                _source, source_system, period_start, period_end, model_id, pool_id, platform_id, service, service_id,
                project, environment, environment_id
            order by
                _load_id desc,
                requests desc, latency_p95_seconds desc, latency_p50_seconds desc, latency_p99_seconds desc
        ) as recency
    from {{ source('evidence', 'serving_latency') }}
)

select
    _source as source,
    source_system,
    period_start,
    period_end,
    model_id,
    pool_id,
    platform_id,
    service,
    service_id,
    project,
    environment,
    environment_id,
    latency_p50_seconds,
    latency_p90_seconds,
    latency_p95_seconds,
    latency_p99_seconds,
    cast(requests as double) as request_count,
    cast(successful_requests as double) as successful_request_count
from source
where recency = 1
