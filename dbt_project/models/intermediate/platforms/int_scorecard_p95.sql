{#-
  The 95th percentile of latency as a multiple of the threshold, from histograms that were
  added up over models, windows and weeks: of a whole period (`week` is NULL) and of each
  of its weeks. Only bounds that every window of the group has can be added.
-#}
{%- set of_group = 'subject_kind, subject_id, period, basis, week' -%}
with counted as (
    select
        windows.subject_kind,
        windows.subject_id,
        windows.period,
        windows.is_like_for_like,
        windows.week,
        {{ quotient('buckets.upper_bound_seconds', 'windows.latency_threshold_seconds') }} as upper_bound_seconds,
        sum(buckets.request_count) as request_count,
        count(*) as telling_count
    from {{ ref('int_scorecard_latency') }} as windows
    inner join {{ ref('int_latency_buckets') }} as buckets
        on
            windows.model_id = buckets.model_id
            and coalesce(windows.metered_platform_id, '') = coalesce(buckets.platform_id, '')
            and coalesce(windows.environment, '') = coalesce(buckets.environment, '')
            and windows.window_start = buckets.window_start
    group by
        windows.subject_kind, windows.subject_id, windows.period, windows.is_like_for_like, windows.week,
        {{ quotient('buckets.upper_bound_seconds', 'windows.latency_threshold_seconds') }}
),

weekly as (
    {% for basis in ['like_for_like', 'all'] -%}
    select
        subject_kind,
        subject_id,
        period,
        '{{ basis }}' as basis,
        week,
        upper_bound_seconds,
        sum(request_count) as request_count,
        sum(telling_count) as telling_count
    from counted
    {% if basis == 'like_for_like' %}where is_like_for_like{% endif %}
    group by subject_kind, subject_id, period, week, upper_bound_seconds
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

levels as (
    select * from weekly
    union all
    select
        subject_kind,
        subject_id,
        period,
        basis,
        cast(null as date) as week,
        upper_bound_seconds,
        sum(request_count) as request_count,
        sum(telling_count) as telling_count
    from weekly
    group by subject_kind, subject_id, period, basis, upper_bound_seconds
),

most as (
    select
        *,
        max(telling_count) over (partition by {{ of_group }}) as window_count
    from levels
),

buckets as (
    select
        *,
        coalesce(lag(upper_bound_seconds) over by_bound, 0) as lower_bound,
        coalesce(lag(request_count) over by_bound, 0) as lower_count,
        max(request_count) over (partition by {{ of_group }}) as total_count
    from most
    where telling_count = window_count
    window by_bound as (partition by {{ of_group }} order by upper_bound_seconds)
)

select
    {{ of_group }},
    max(window_count) as window_count,
    {{ histogram_percentile(95) }} as p95_to_threshold_ratio
from buckets
group by {{ of_group }}
