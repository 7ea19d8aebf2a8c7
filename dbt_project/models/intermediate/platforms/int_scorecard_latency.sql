{#-
  What latency counts for the scorecard, by week: windows and requests over the threshold.
  Like for like are windows of a model with one threshold, in bands of load that another
  side saw too: another platform that serves the model, or the months before or after a migration.
  Windows below the declared load floor of their model are left out of those.
-#}
{%- set of_model = 'subject_kind, comparison_id, model_id, latency_threshold_seconds' -%}
with windows as (
    select * from {{ ref('int_latency_windows_placed') }}
),

sided as (
    select
        'platform' as subject_kind,
        'all' as comparison_id,
        windows.platform_id as subject_id,
        windows.platform_id as side,
        'to_date' as period,
        windows.*
    from windows
    where windows.platform_id is not null
    union all
    select
        'migration' as subject_kind,
        months.migration_id as comparison_id,
        months.migration_id as subject_id,
        case when months.period in ('before', 'after') then months.period end as side,
        months.period,
        windows.*
    from windows
    inner join {{ source('control', 'migration_models') }} as moved on windows.model_id = moved.model_id
    inner join {{ ref('int_migration_months') }} as months
        on moved.migration_id = months.migration_id and windows.month = months.month
),

bands as (
    select
        {{ of_model }},
        load_band,
        count(distinct side) as side_count
    from sided
    where is_under_load
    group by {{ of_model }}, load_band
),

judged as (
    select
        sided.*,
        sided.is_under_load and bands.side_count > 1 as is_like_for_like
    from sided
    left join bands
        on
            sided.subject_kind = bands.subject_kind
            and sided.comparison_id = bands.comparison_id
            and sided.model_id = bands.model_id
            and sided.latency_threshold_seconds = bands.latency_threshold_seconds
            and sided.load_band = bands.load_band
)

select
    subject_kind,
    subject_id,
    comparison_id,
    period,
    model_id,
    metered_platform_id,
    environment,
    window_start,
    week,
    latency_threshold_seconds,
    load_band,
    coalesce(is_like_for_like, false) as is_like_for_like,
    is_over,
    request_count,
    requests_over
from judged
