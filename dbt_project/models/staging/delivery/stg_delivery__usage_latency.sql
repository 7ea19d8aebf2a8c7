{#-
  Histograms of latency that came with a meter's reading, such as Prometheus', one row
  for each bound. They are of the reading's model and pool.
-#}
with readings as (
    select distinct
        _source,
        model_id,
        pool_id,
        platform_id,
        period_start,
        period_end,
        latency_histogram
    from {{ source('evidence', 'model_usage') }}
    where latency_histogram is not null and model_id is not null
),

buckets as (
    select
        *,
        {{ each_bucket('latency_histogram') }} as bucket
    from readings
)

select
    buckets._source as source,
    buckets._source as source_system,
    {{ five_minutes('buckets.period_start') }} as window_start,
    buckets.period_start,
    {{ seconds_between(
        'buckets.period_start', "coalesce(buckets.period_end, buckets.period_start + interval '1' day)"
    ) }} as period_seconds,
    coalesce(buckets.pool_id, '') as series_id,
    buckets.model_id,
    buckets.platform_id,
    case
        when lower(buckets.bucket.key) in ('+inf', 'inf', '+infinity', 'infinity') then {{ infinity() }}
        else cast(buckets.bucket.key as double)
    end as upper_bound_seconds,
    buckets.bucket.value as request_count
from buckets
