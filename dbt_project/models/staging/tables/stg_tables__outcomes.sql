{#-
  Business metrics as delivered, by calendar day in UTC. A metric has one value for a unit
  on a day: that of the newest load, and of several in one load the greatest. Other rows
  do not count; they are told of in mart_data_quality_issues.
-#}
with source as (
    select
        _source as source,
        _load_id as load_id,
        cast(outcome_date as date) as outcome_date,
        trim(metric) as metric,
        trim(unit) as unit,
        trim(unit_of_measure) as unit_of_measure,
        upper(trim(currency)) as currency,
        feature_id,
        trim(arm) as arm,
        value,
        is_treated
    from {{ source('evidence', 'outcomes') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by metric, unit, outcome_date
            order by
                load_id desc, value desc, coalesce(unit_of_measure, '') asc, coalesce(currency, '') asc,
                coalesce(feature_id, '') asc, coalesce(arm, '') asc, case when is_treated then 0 else 1 end asc
        ) as recency
    from source
)

select
    source,
    outcome_date,
    metric,
    unit,
    unit_of_measure,
    currency,
    feature_id,
    arm,
    value,
    is_treated,
    recency = 1 as is_counted
from ranked
