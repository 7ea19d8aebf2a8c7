{#- What the business saw: one value for each metric, unit and day. -#}
with outcomes as (
    select * from {{ ref('stg_tables__outcomes') }}
)

select
    outcome_date,
    metric,
    unit,
    value,
    unit_of_measure,
    currency,
    feature_id,
    arm,
    is_treated,
    source
from outcomes
where is_counted
