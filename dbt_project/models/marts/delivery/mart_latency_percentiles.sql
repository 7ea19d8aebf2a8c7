{#-
  Percentiles of latency as their source computed them, window by window, beside the
  threshold of the model. They stay what they are: percentiles of several windows,
  instances or models have no percentile of their own, so none is merged or averaged.
-#}
with windows as (
    select
        source,
        source_system,
        period_start,
        period_end,
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
        request_count,
        successful_request_count,
        model_id as given_model_id,
        cast(null as string) as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('stg_delivery__serving_latency') }}
),

{{ with_owners('windows', ['service', 'project'], 'period_start', on_calendar=false) }}

select
    owned.source,
    owned.source_system,
    owned.period_start as window_start,
    owned.period_end as window_end,
    {{ seconds_between('owned.period_start', 'owned.period_end') }} as window_seconds,
    {{ local_month('owned.period_start') }} as month,
    owned.model_id,
    owned.feature_id,
    owned.team_id,
    owned.pool_id,
    owned.platform_id,
    owned.service,
    owned.service_id,
    owned.environment,
    owned.environment_id,
    'delivered' as percentile_kind,
    owned.latency_p50_seconds as p50_seconds,
    owned.latency_p90_seconds as p90_seconds,
    owned.latency_p95_seconds as p95_seconds,
    owned.latency_p99_seconds as p99_seconds,
    owned.request_count,
    owned.successful_request_count,
    models.latency_threshold_seconds,
    {{ safe_ratio('owned.latency_p95_seconds', 'models.latency_threshold_seconds') }} as p95_to_threshold_ratio,
    owned.latency_p95_seconds > models.latency_threshold_seconds as is_over_threshold
from owned
cross join {{ source('control', 'delivery_rules') }} as rules
left join {{ source('control', 'catalog_models') }} as models
    on
        owned.model_id = models.model_id
        and {{ is_valid_on('models', 'cast(owned.period_start as date)') }}
