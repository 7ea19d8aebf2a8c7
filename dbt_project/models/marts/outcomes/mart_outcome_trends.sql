{#-
  How each business metric moved: the mean of its last thirteen weeks less that of the
  thirteen before, as catalog.yml says what it is about and what is better. Weeks end with
  the last day that was delivered. Units with values on both sides are compared: a unit
  that came or went would move the mean, though nothing became better or worse. It
  describes: what a feature did, its study says.
-#}
{%- set weeks = 13 -%}
with declared as (
    select * from {{ source('control', 'catalog_outcomes') }}
),

metrics as (
    select
        outcomes.metric,
        max(outcomes.outcome_date) as last_day
    from {{ ref('fct_daily_outcomes') }} as outcomes
    cross join {{ ref('int_reporting_moment') }} as moment
    where outcomes.outcome_date < cast(moment.as_of as date) and outcomes.value is not null
    group by outcomes.metric
),

aged as (
    select
        outcomes.*,
        metrics.last_day,
        {{ integer_quotient(days_between('outcomes.outcome_date', 'metrics.last_day'), '7') }} as weeks_ago
    from {{ ref('fct_daily_outcomes') }} as outcomes
    inner join metrics on outcomes.metric = metrics.metric and outcomes.outcome_date <= metrics.last_day
    where outcomes.value is not null
),

placed as (
    select
        *,
        min(weeks_ago) over (partition by metric, unit) < {{ weeks }}
        and max(weeks_ago) over (partition by metric, unit) >= {{ weeks }} as is_on_both_sides
    from aged
    where weeks_ago < 2 * {{ weeks }}
),

metrics_compared as (
    select
        metric,
        min(unit_of_measure) as unit_of_measure,
        min(currency) as currency,
        max(last_day) as last_day,
        count(distinct currency) > 1 or count(distinct unit_of_measure) > 1 as is_mixed,
        max(weeks_ago) >= {{ weeks }} as has_prior,
        count(distinct case when is_on_both_sides then unit end) as common_unit_count,
        count(distinct case when weeks_ago < {{ weeks }} then unit end) as latest_unit_count
    from placed
    group by metric
),

by_week as (
    select
        placed.metric,
        placed.weeks_ago < {{ weeks }} as is_latest,
        placed.weeks_ago,
        {{ mean_in_order('placed.value') }} as week_mean
    from placed
    inner join metrics_compared as metrics on placed.metric = metrics.metric
    where
        not metrics.is_mixed
        and (placed.is_on_both_sides or (metrics.common_unit_count = 0 and placed.weeks_ago < {{ weeks }}))
    group by placed.metric, placed.weeks_ago
),

sides as (
    select
        metric,
        is_latest,
        count(*) as n,
        {{ mean_in_order('week_mean') }} as mean
    from by_week
    group by metric, is_latest
),

spread as (
    select
        by_week.metric,
        by_week.is_latest,
        sides.n,
        sides.mean,
        {{ sum_in_order('(by_week.week_mean - sides.mean) * (by_week.week_mean - sides.mean)') }} as squares
    from by_week
    inner join sides on by_week.metric = sides.metric and by_week.is_latest = sides.is_latest
    group by by_week.metric, by_week.is_latest, sides.n, sides.mean
),

compared as (
    select
        metrics.*,
        latest.mean as latest_mean,
        latest.n as week_count,
        before.mean as prior_mean,
        before.n as prior_week_count,
        {{ half_width_of_difference('latest.squares', 'latest.n', 'before.squares', 'before.n') }} as half_width
    from metrics_compared as metrics
    left join spread as latest on metrics.metric = latest.metric and latest.is_latest
    left join spread as before on metrics.metric = before.metric and not before.is_latest
)

select
    coalesce(declared.metric, compared.metric) as metric,
    coalesce(declared.metric_name, declared.metric, compared.metric) as metric_name,
    declared.outcome_kind,
    declared.better,
    case when not compared.is_mixed then compared.unit_of_measure end as unit_of_measure,
    case when not compared.is_mixed then compared.currency end as currency,
    compared.last_day,
    compared.latest_mean,
    compared.prior_mean,
    compared.latest_mean - compared.prior_mean as change,
    compared.latest_mean - compared.prior_mean - compared.half_width as change_low,
    compared.latest_mean - compared.prior_mean + compared.half_width as change_high,
    case
        when compared.half_width is null or declared.better is null then 'unknown'
        when abs(compared.latest_mean - compared.prior_mean) <= compared.half_width then 'no change beyond its interval'
        when (compared.latest_mean > compared.prior_mean) = (declared.better = 'higher') then 'better'
        else 'worse'
    end as verdict,
    cast(coalesce(compared.week_count, 0) as bigint) as week_count,
    cast(coalesce(compared.prior_week_count, 0) as bigint) as prior_week_count,
    cast(coalesce(nullif(compared.common_unit_count, 0), compared.latest_unit_count, 0) as bigint) as unit_count,
    case
        when compared.metric is null
            then 'nothing of it was delivered: a source with stream: outcomes and this metric'
        when compared.is_mixed
            then 'it is delivered in several currencies or units of measure: a metric for each'
        when compared.has_prior and compared.common_unit_count = 0
            then 'no unit has values on both sides: a longer series of each'
        when compared.half_width is null
            then 'fewer than three weeks on a side: a longer series of its source'
        when declared.metric is null
            then 'what it is about is not declared: outcomes of catalog.yml, with kind and better'
    end as reason
from declared
full outer join compared on declared.metric = compared.metric
