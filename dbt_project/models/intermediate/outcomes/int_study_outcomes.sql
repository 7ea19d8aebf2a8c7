{#-
  What studies ask about, by unit and period, as far as it was delivered. A period of a
  metric has the mean of its days, which for a study by day is the day's value. The
  outcome of a counted process is the minutes that one item took. A month of which the
  window lacks the first day is left out.
-#}
with studies as (
    select * from {{ source('control', 'studies') }}
),

outcomes as (
    select * from {{ ref('stg_tables__outcomes') }}
    where is_counted
),

processes as (
    select * from {{ ref('int_study_processes') }}
    where handling_minutes is not null
),

seen as (
    select
        studies.study_id,
        studies.window_start,
        outcomes.unit,
        {{ study_period('studies.period', 'outcomes.outcome_date') }} as panel_date,
        outcomes.value,
        outcomes.unit_of_measure,
        outcomes.currency
    from studies
    inner join outcomes
        on
            studies.outcome = outcomes.metric
            and studies.window_start <= outcomes.outcome_date and studies.window_end > outcomes.outcome_date
)

select
    study_id,
    unit,
    panel_date,
    {{ safe_ratio(sum_in_order('value'), 'count(value)') }} as outcome,
    {{ one_text('unit_of_measure') }} as outcome_unit,
    {{ one_text('currency') }} as currency
from seen
where panel_date >= window_start
group by study_id, unit, panel_date
union all
select
    study_id,
    unit,
    panel_date,
    {{ safe_ratio('handling_minutes', 'timed_volume') }} as outcome,
    'minutes' as outcome_unit,
    cast(null as string) as currency
from processes
