{#-
  Latencies by model, platform, environment, window and bound, added up over pods: only
  of bounds that every pod of the window has, since others cannot be added. Whose they
  are says the row, else its service by `identities`.
-#}
with histograms as (
    select
        source,
        source_system,
        window_start,
        period_start,
        period_seconds,
        series_id,
        service,
        platform_id,
        environment,
        upper_bound_seconds,
        request_count,
        model_id as given_model_id,
        cast(null as string) as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('stg_delivery__latency_histograms') }}
    union all
    select
        source,
        source_system,
        window_start,
        period_start,
        period_seconds,
        series_id,
        cast(null as string) as service,
        platform_id,
        cast(null as string) as environment,
        upper_bound_seconds,
        request_count,
        model_id as given_model_id,
        cast(null as string) as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('stg_delivery__usage_latency') }}
),

{{ with_owners('histograms', ['service'], 'period_start', on_calendar=false) }},

mapped as (
    select
        *,
        source_system || ' ' || series_id || ' ' || coalesce(service, '') || ' '
        || cast(period_start as string) as counter
    from owned
    where model_id is not null
),

windows as (
    select
        model_id,
        platform_id,
        environment,
        window_start,
        count(distinct counter) as counter_count,
        count(distinct period_start) as period_count,
        max(period_seconds) as period_seconds
    from mapped
    group by model_id, platform_id, environment, window_start
)

select
    mapped.model_id,
    mapped.platform_id,
    mapped.environment,
    mapped.window_start,
    mapped.upper_bound_seconds,
    sum(mapped.request_count) as request_count,
    max(windows.period_seconds * windows.period_count) as window_seconds
from mapped
inner join windows
    on
        mapped.model_id = windows.model_id
        and coalesce(mapped.platform_id, '') = coalesce(windows.platform_id, '')
        and coalesce(mapped.environment, '') = coalesce(windows.environment, '')
        and mapped.window_start = windows.window_start
group by
    mapped.model_id, mapped.platform_id, mapped.environment, mapped.window_start, mapped.upper_bound_seconds
having count(distinct mapped.counter) = max(windows.counter_count)
