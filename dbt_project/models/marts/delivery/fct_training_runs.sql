{#-
  Training runs, each in its newest state. Only a finished run has a duration; one that
  says it is running and has not been heard of for a day is an orphan, and its end is
  unknown for ever. Runs with runs below them span those, so durations count leaves.
-#}
with runs as (
    select
        owned.*,
        owned.child_count = 0 as is_leaf,
        owned.parent_run_id is null as is_top_level,
        owned.status = 'running'
        and {{ hours_between('coalesce(owned.last_metric_at, owned.started_at)', 'moment.as_of') }} > 24 as is_orphan,
        {{ seconds_between('owned.started_at', 'owned.ended_at') }} as start_to_end_seconds
    from {{ ref('int_training_runs_owned') }} as owned
    cross join {{ ref('int_reporting_moment') }} as moment
),

judged as (
    select
        *,
        case
            when is_orphan then 'orphan'
            when status in ('running', 'scheduled') then 'open'
            when ended_at is null then 'no_end'
            when start_to_end_seconds < 0 then 'ended_before_it_started'
        end as duration_missing_reason
    from runs
)

select
    judged.run_key,
    judged.source,
    judged.source_system,
    judged.run_id,
    judged.parent_run_id,
    judged.experiment,
    judged.registered_model,
    judged.model_id,
    judged.feature_id,
    judged.team_id,
    judged.architecture,
    judged.accelerator,
    judged.instance_type,
    judged.repository,
    judged.commit_sha,
    judged.status,
    judged.is_leaf,
    judged.is_top_level,
    cast(judged.child_count as bigint) as child_count,
    judged.is_orphan,
    judged.is_deleted,
    judged.started_at,
    judged.ended_at,
    case when judged.duration_missing_reason is null then judged.start_to_end_seconds end as duration_seconds,
    judged.duration_missing_reason,
    judged.gpu_count,
    case
        when judged.duration_missing_reason is null
            then {{ safe_ratio('judged.start_to_end_seconds * judged.gpu_count', '3600') }}
    end as gpu_hours,
    {{ local_day('judged.started_at') }} as started_on,
    {{ local_month('judged.started_at') }} as started_month,
    {{ local_month('judged.ended_at') }} as ended_month
from judged
cross join {{ source('control', 'delivery_rules') }} as rules
