{#-
  What studies of counted processes see, by unit and period, added up. A name that is a
  metric and a process is the metric. A month of which the window lacks the first day is
  left out.
-#}
with studies as (
    select * from {{ source('control', 'studies') }}
),

processes as (
    select * from {{ ref('stg_tables__process_volumes') }}
    where is_counted
),

metrics as (
    select distinct metric from {{ ref('stg_tables__outcomes') }}
    where is_counted
),

seen as (
    select
        studies.study_id,
        studies.window_start,
        processes.unit,
        {{ study_period('studies.period', 'processes.volume_date') }} as panel_date,
        processes.volume,
        processes.automated_volume,
        processes.handling_minutes,
        case when processes.handling_minutes is not null then processes.volume end as timed_volume
    from studies
    inner join processes
        on
            studies.outcome = processes.process_id
            and studies.window_start <= processes.volume_date and studies.window_end > processes.volume_date
    left join metrics on studies.outcome = metrics.metric
    where metrics.metric is null
)

select
    study_id,
    unit,
    panel_date,
    {{ sum_in_order('volume') }} as volume,
    {{ sum_in_order('automated_volume') }} as automated_volume,
    {{ sum_in_order('handling_minutes') }} as handling_minutes,
    {{ sum_in_order('timed_volume') }} as timed_volume
from seen
where panel_date >= window_start
group by study_id, unit, panel_date
