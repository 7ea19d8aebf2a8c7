{#-
  What studies know besides their outcome, by column and period, as far as it was
  delivered. A column is a metric of that name; one that is delivered of a single unit
  is that of every unit, and has none here. A column without a metric says in which arm
  the outcome's own rows are. All these are the mean of a period's days; a counted
  process has its counts, added up.
-#}
with studies as (
    select * from {{ source('control', 'studies') }}
),

study_columns as (
    select * from {{ source('control', 'study_columns') }}
),

outcomes as (
    select * from {{ ref('stg_tables__outcomes') }}
    where is_counted
),

processes as (
    select * from {{ ref('int_study_processes') }}
),

metrics as (
    select
        metric,
        min(unit) = max(unit) as is_of_one_unit
    from outcomes
    group by metric
),

counted as (
    select distinct study_id from processes
),

seen as (
    select
        studies.study_id,
        studies.window_start,
        study_columns.column_name,
        case when study_columns.metric is null or not metrics.is_of_one_unit then outcomes.unit end as unit,
        {{ study_period('studies.period', 'outcomes.outcome_date') }} as panel_date,
        case
            when study_columns.metric is not null then outcomes.value
            when study_columns.column_name = 'arm' and lower(outcomes.arm) = 'control' then 0
            when study_columns.column_name = 'arm' and outcomes.arm is not null then 1
            when study_columns.column_name = 'is_treated' and outcomes.is_treated then 1
            when study_columns.column_name = 'is_treated' and not outcomes.is_treated then 0
        end as value,
        case when study_columns.metric is not null then outcomes.currency end as currency
    from studies
    inner join study_columns on studies.study_id = study_columns.study_id
    inner join outcomes
        on
            coalesce(study_columns.metric, studies.outcome) = outcomes.metric
            and studies.window_start <= outcomes.outcome_date and studies.window_end > outcomes.outcome_date
    inner join metrics on outcomes.metric = metrics.metric
    left join counted on studies.study_id = counted.study_id
    where counted.study_id is null or study_columns.column_name not in ({{ sql_texts(process_columns()) }})
)

select
    study_id,
    column_name,
    unit,
    panel_date,
    {{ safe_ratio(sum_in_order('value'), 'count(value)') }} as value,
    {{ one_text('currency') }} as currency
from seen
where panel_date >= window_start and value is not null
group by study_id, column_name, unit, panel_date
{% for column in process_columns() -%}
union all
select
    study_id,
    '{{ column }}' as column_name,
    unit,
    panel_date,
    {{ column }} as value,
    cast(null as string) as currency
from processes
where {{ column }} is not null
{% endfor %}
