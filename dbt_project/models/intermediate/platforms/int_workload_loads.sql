{#-
  The load of each model on each platform, hour by hour or day by day, as one meter tells
  it: the meter that counts answers, then that with requests, then the finest, then that
  with most readings. A meter that reports once a day is one by the day, whatever it says.
-#}
with meters as (
    select
        model_id,
        coalesce(platform_id, '') as placed_on,
        source,
        max(counts_answers) as counts_answers,
        count(requests) > 0 as has_requests,
        count(distinct hour_started_at) > count(distinct cast(hour_started_at as date)) as is_hourly,
        count(distinct hour_started_at) as reading_count,
        coalesce(sum(requests), sum(tokens)) as total
    from {{ ref('int_workload_hours') }}
    group by model_id, coalesce(platform_id, ''), source
),

ranked as (
    select
        *,
        row_number() over (
            partition by model_id, placed_on
            order by counts_answers desc, has_requests desc, is_hourly desc, reading_count desc, total desc, source asc
        ) as place
    from meters
),

periods as (
    select
        hours.model_id,
        hours.platform_id,
        hours.source,
        ranked.has_requests,
        ranked.is_hourly,
        case
            when ranked.is_hourly then hours.hour_started_at
            else {{ interval_start('day', 'hours.hour_started_at') }}
        end as started_at,
        case when ranked.has_requests then hours.requests else hours.tokens end as load
    from {{ ref('int_workload_hours') }} as hours
    inner join ranked
        on
            hours.model_id = ranked.model_id
            and coalesce(hours.platform_id, '') = ranked.placed_on
            and hours.source = ranked.source
            and ranked.place = 1
)

select
    model_id,
    platform_id,
    source,
    case when has_requests then 'requests' else 'tokens' end as load_unit,
    case when is_hourly then 'hour' else 'day' end as load_grain,
    started_at,
    sum(load) as load
from periods
where load is not null
group by model_id, platform_id, source, has_requests, is_hourly, started_at
