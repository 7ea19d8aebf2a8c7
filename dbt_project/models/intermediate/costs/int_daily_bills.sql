{#- Bills that are daily, with charges on most of their last four weeks, and how far they have come. -#}
with costs as (
    select * from {{ ref('fct_daily_model_costs') }}
),

ends as (
    select
        source,
        max(charge_date) as last_day
    from costs
    group by source
),

daily as (
    select
        ends.source,
        ends.last_day,
        max(ends.last_day) over () as latest_day
    from ends
    inner join costs on ends.source = costs.source and costs.charge_date > {{ days_later('ends.last_day', -28) }}
    group by ends.source, ends.last_day
    having count(distinct costs.charge_date) >= 20
)

select
    source,
    last_day,
    latest_day,
    last_day <= {{ days_later('latest_day', -14) }} as is_late
from daily
