{#-
  The data of each study: every unit on every period of its window, up to the last one of
  which the metric was delivered for any unit. What was not delivered is a row without an
  outcome. A unit of which nothing was delivered is not there.
-#}
with studies as (
    select * from {{ source('control', 'studies') }}
),

study_units as (
    select * from {{ source('control', 'study_units') }}
),

outcomes as (
    select * from {{ ref('int_study_outcomes') }}
),

delivered_until as (
    select
        study_id,
        max(panel_date) as last_date
    from outcomes
    group by study_id
),

days as (
    select
        studies.study_id,
        studies.period,
        {{ each_day('studies.window_start', 'delivered_until.last_date') }} as window_day
    from studies
    inner join delivered_until on studies.study_id = delivered_until.study_id
),

panel_dates as (
    select
        study_id,
        cast(window_day as date) as panel_date
    from days
    where cast(window_day as date) = {{ study_period('period', 'window_day') }}
),

panel_units as (
    select distinct
        study_id,
        unit
    from outcomes
),

with_units_named as (
    select distinct study_id from study_units
),

starts as (
    select
        panel_units.study_id,
        panel_units.unit,
        case
            when with_units_named.study_id is null then studies.launch_date
            else study_units.first_date
        end as first_date
    from panel_units
    inner join studies on panel_units.study_id = studies.study_id
    left join with_units_named on panel_units.study_id = with_units_named.study_id
    left join study_units
        on panel_units.study_id = study_units.study_id and panel_units.unit = study_units.unit
)

select
    starts.study_id,
    starts.unit,
    panel_dates.panel_date,
    outcomes.outcome,
    outcomes.outcome_unit,
    outcomes.currency,
    outcomes.outcome is null as is_gap,
    coalesce(panel_dates.panel_date >= starts.first_date, false) as is_post
from starts
inner join panel_dates on starts.study_id = panel_dates.study_id
left join outcomes
    on
        starts.study_id = outcomes.study_id
        and starts.unit = outcomes.unit
        and panel_dates.panel_date = outcomes.panel_date
