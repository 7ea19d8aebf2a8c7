{#-
  Finished training runs for the scorecard, leaves only: duration and GPU-hours, by the
  platform that trains their model. Like for like are runs of an architecture and a number
  of GPUs that every side saw, for a faster GPU is not a better platform.
-#}
with runs as (
    select
        runs.run_key,
        runs.model_id,
        -- NULL where either is not told: nobody knows what such a run is like.
        runs.architecture || ' on ' || cast(cast(runs.gpu_count as bigint) as string) as stratum,
        {{ local_month('runs.ended_at') }} as month,
        cast(runs.started_at as date) as started_on,
        {{ quotient(seconds_between('runs.started_at', 'runs.ended_at'), '3600') }} as duration_hours,
        {{ quotient(seconds_between('runs.started_at', 'runs.ended_at') ~ ' * runs.gpu_count', '3600') }} as gpu_hours
    from {{ ref('int_training_runs_owned') }} as runs
    cross join {{ source('control', 'delivery_rules') }} as rules
    where
        runs.status = 'finished'
        and runs.child_count = 0
        and not coalesce(runs.is_deleted, false)
        and runs.ended_at > runs.started_at
),

sided as (
    select
        'platform' as subject_kind,
        placements.platform_id as subject_id,
        'all' as comparison_id,
        placements.platform_id as side,
        'to_date' as period,
        runs.*
    from runs
    inner join {{ source('control', 'platform_placements') }} as placements
        on
            runs.model_id = placements.model_id
            and placements.stage = 'training'
            and {{ is_valid_on('placements', 'runs.started_on') }}
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        months.migration_id as comparison_id,
        case when months.period in ('before', 'after') then months.period end as side,
        months.period,
        runs.*
    from runs
    inner join {{ source('control', 'migration_models') }} as moved on runs.model_id = moved.model_id
    inner join {{ ref('int_migration_months') }} as months
        on moved.migration_id = months.migration_id and runs.month = months.month
),

totals as (
    select
        subject_kind,
        comparison_id,
        count(distinct side) as side_count
    from sided
    group by subject_kind, comparison_id
),

strata as (
    select
        subject_kind,
        comparison_id,
        stratum,
        count(distinct side) as side_count
    from sided
    group by subject_kind, comparison_id, stratum
)

select
    sided.subject_kind,
    sided.subject_id,
    sided.period,
    sided.month,
    sided.run_key,
    sided.stratum,
    sided.duration_hours,
    sided.gpu_hours,
    totals.side_count > 1 and coalesce(strata.side_count, 0) = totals.side_count as is_like_for_like
from sided
inner join totals
    on sided.subject_kind = totals.subject_kind and sided.comparison_id = totals.comparison_id
left join strata
    on
        sided.subject_kind = strata.subject_kind
        and sided.comparison_id = strata.comparison_id
        and sided.stratum = strata.stratum
