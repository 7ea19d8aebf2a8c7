{#-
  Percentiles of the scorecard with their interval of 90 % by order statistics: p95 of
  latency of a whole period, between the bounds of the median week; median and p90 of
  training times, the p90 without an interval. Fewer than five runs have none, fewer than
  ten no p90.
-#}
{%- set of = 'subject_kind, subject_id, period, basis' -%}
with weeks as (
    select
        {{ of }},
        count(*) as n,
        {{ sorted_values('p95_to_threshold_ratio') }} as metric_values
    from {{ ref('int_scorecard_p95') }}
    where week is not null and p95_to_threshold_ratio is not null
    group by {{ of }}
),

runs as (
    select
        subject_kind,
        subject_id,
        period,
        'all' as basis,
        duration_hours
    from {{ ref('int_scorecard_training') }}
    union all
    select
        subject_kind,
        subject_id,
        period,
        'like_for_like' as basis,
        duration_hours
    from {{ ref('int_scorecard_training') }}
    where is_like_for_like
),

in_order as (
    select
        {{ of }},
        count(*) as n,
        {{ sorted_values('duration_hours') }} as metric_values
    from runs
    group by {{ of }}
)

select
    periods.subject_kind,
    periods.subject_id,
    periods.period,
    periods.basis,
    'p95_to_threshold_ratio' as metric,
    periods.p95_to_threshold_ratio as metric_value,
    {{ value_at('weeks.metric_values', median_bound_rank('weeks.n')) }} as interval_low,
    {{ value_at('weeks.metric_values', 'weeks.n + 1 - ' ~ median_bound_rank('weeks.n')) }} as interval_high,
    'median of weeks' as interval_basis,
    coalesce(weeks.n, 0) as n_observed
from {{ ref('int_scorecard_p95') }} as periods
left join weeks
    on
        periods.subject_kind = weeks.subject_kind
        and periods.subject_id = weeks.subject_id
        and periods.period = weeks.period
        and periods.basis = weeks.basis
where periods.week is null
union all
select
    {{ of }},
    'training_hours_p50' as metric,
    case when n >= 5 then {{ median_of_sorted('metric_values', 'n') }} end as metric_value,
    {{ value_at('metric_values', median_bound_rank('n')) }} as interval_low,
    {{ value_at('metric_values', 'n + 1 - ' ~ median_bound_rank('n')) }} as interval_high,
    'runs' as interval_basis,
    n as n_observed
from in_order
union all
select
    {{ of }},
    'training_hours_p90' as metric,
    case when n >= 10 then {{ ninth_decile_of_sorted('metric_values', 'n') }} end as metric_value,
    cast(null as double) as interval_low,
    cast(null as double) as interval_high,
    'none' as interval_basis,
    n as n_observed
from in_order
