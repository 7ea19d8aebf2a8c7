{#-
  How each model is loaded on each platform in the last three whole months that meters read: what a
  platform is chosen for. Percentiles are of the nearest rank over the hours, or days, that
  its meter reports; fewer than twenty have none.
-#}
{%- set median_place = integer_quotient('(described.n + 1)', '2') -%}
{%- set p95_place = integer_quotient('(95 * described.n + 99)', '100') -%}
with span as (
    select
        cast(starts_at as date) as first_day,
        cast(ends_at as date) as end_day
    from {{ ref('int_workload_span') }}
),

loads as (
    select
        *,
        max(load) over (partition by model_id, platform_id) as peak
    from {{ ref('int_workload_loads') }}
),

described as (
    select
        model_id,
        coalesce(platform_id, '') as placed_on,
        max(source) as load_source,
        max(load_unit) as load_unit,
        max(load_grain) as load_grain,
        count(*) as n,
        count(case when load > 0 then 1 end) as active_count,
        {{ safe_ratio('sum(load)', 'count(*)') }} as mean,
        cast(max(peak) as double) as peak,
        min(case when load = peak then started_at end) as peak_at,
        {{ sorted_values('cast(load as double)') }} as in_order
    from loads
    group by model_id, coalesce(platform_id, '')
),

details as (
    select
        model_id,
        coalesce(platform_id, '') as placed_on,
        {{ safe_ratio('sum(input_tokens_of_requests)', 'sum(requests_with_input_tokens)') }} as mean_input_tokens,
        {{ safe_ratio('coalesce(sum(batch_tokens), 0)', 'sum(tokens_of_known_tier)') }} as batch_ratio
    from {{ ref('int_workload_hours') }}
    group by model_id, coalesce(platform_id, '')
),

models as (
    select distinct versions.model_id
    from {{ ref('int_model_versions') }} as versions
    inner join span
        on
            coalesce(versions.valid_from, cast('1900-01-01' as date)) < span.end_day
            and coalesce(versions.valid_to, cast('2200-01-01' as date)) > span.first_day
),

profiles as (
    select
        coalesce(described.model_id, models.model_id) as model_id,
        described.placed_on,
        described.load_source,
        described.load_unit,
        described.load_grain,
        coalesce(described.n, 0) as n,
        described.active_count,
        described.mean,
        described.peak,
        described.peak_at,
        case when described.n >= 20 then {{ value_at('described.in_order', median_place) }} end as p50,
        case when described.n >= 20 then {{ value_at('described.in_order', p95_place) }} end as p95
    from described
    full outer join models on described.model_id = models.model_id
)

select
    profiles.model_id,
    nullif(profiles.placed_on, '') as platform_id,
    span.first_day,
    span.end_day,
    profiles.load_source,
    profiles.load_unit,
    profiles.load_grain,
    cast(profiles.n as bigint) as period_count,
    cast(profiles.active_count as bigint) as active_period_count,
    {{ safe_ratio(
        'profiles.active_count',
        days_between('span.first_day', 'span.end_day') ~ " * case when profiles.load_grain = 'hour' then 24 else 1 end"
    ) }} as active_ratio,
    profiles.mean as load_mean,
    profiles.p50 as load_p50,
    profiles.p95 as load_p95,
    profiles.peak as load_peak,
    profiles.peak_at,
    {{ quotient('profiles.p95', 'profiles.p50') }} as p95_to_p50_ratio,
    {{ quotient('profiles.peak', 'profiles.mean') }} as peak_to_mean_ratio,
    details.mean_input_tokens,
    details.batch_ratio,
    case
        when profiles.n = 0
            then
                'no meter counted its requests in these months: a source that delivers model_usage, such as prometheus'
                || ' or litellm'
        when profiles.n < 20 then 'fewer than 20 ' || profiles.load_grain || 's are metered: a longer series'
        when profiles.p50 = 0 then 'half of its ' || profiles.load_grain || 's have no load: see peak ÷ mean'
        when profiles.load_grain = 'day'
            then 'its meter reports by the day: model_usage by the hour shows the peaks within a day'
    end as load_reason,
    case
        when details.mean_input_tokens is null
            then 'no meter counts its requests with their input tokens: input_tokens of model_usage, or an LLM gateway'
    end as context_reason,
    case
        when details.batch_ratio is null then 'no meter names a service tier: service_tier of model_usage'
    end as batch_reason
from profiles
cross join span
left join details on profiles.model_id = details.model_id and profiles.placed_on = details.placed_on
