{#-
  Quarter against quarter: the span of the figures of a kind by metric, and how many of them
  changed beyond chance, which is where the intervals of both quarters lie apart. The quarter
  before is the one before in which anything ended.
-#}
with known as (
    select *
    from {{ ref('mart_velocity_quarters') }}
    where is_over and n_used > 0
),

quarters as (
    select
        quarter,
        lag(quarter) over (order by quarter) as quarter_before
    from known
    group by quarter
)

select
    newer.quarter,
    quarters.quarter_before,
    newer.scope_kind,
    newer.metric,
    newer.unit,
    min(newer.metric_value) as least,
    max(newer.metric_value) as greatest,
    min(earlier.metric_value) as least_before,
    max(earlier.metric_value) as greatest_before,
    count(newer.interval_low + earlier.interval_low) as compared_count,
    count(case when newer.interval_high < earlier.interval_low then 1 end) as less_count,
    count(case when newer.interval_low > earlier.interval_high then 1 end) as more_count
from known as newer
inner join quarters on newer.quarter = quarters.quarter
inner join known as earlier
    on
        quarters.quarter_before = earlier.quarter and newer.scope_kind = earlier.scope_kind
        and newer.scope_id = earlier.scope_id and newer.metric = earlier.metric
where newer.metric_value is not null and earlier.metric_value is not null
group by newer.quarter, quarters.quarter_before, newer.scope_kind, newer.metric, newer.unit
