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

units as (
    select
        metric,
        unit,
        min(weeks_ago) < {{ weeks }} as is_in_latest,
        min(weeks_ago) < {{ weeks }} and max(weeks_ago) >= {{ weeks }} as is_on_both_sides
    from aged
    where weeks_ago < 2 * {{ weeks }}
    group by metric, unit
),

described as (
    select
        metric,
        min(unit_of_measure) as unit_of_measure,
        min(currency) as currency,
        max(last_day) as last_day,
        count(distinct currency) > 1 or count(distinct unit_of_measure) > 1 as is_mixed,
        max(case when weeks_ago >= {{ weeks }} then 1 else 0 end) = 1 as has_prior
    from aged
    where weeks_ago < 2 * {{ weeks }}
    group by metric
),

unit_counts as (
    select
        metric,
        sum(case when is_on_both_sides then 1 else 0 end) as common_count,
        sum(case when is_in_latest then 1 else 0 end) as latest_count
    from units
    group by metric
),

compared_metrics as (
    select
        described.*,
        unit_counts.common_count > 0 as has_common_units,
        case when unit_counts.common_count > 0 then unit_counts.common_count else unit_counts.latest_count end
            as unit_count
    from described
    inner join unit_counts on described.metric = unit_counts.metric
),

by_week as (
    select
        aged.metric,
        aged.weeks_ago < {{ weeks }} as is_latest,
        aged.weeks_ago,
        {{ mean_in_order('aged.value') }} as week_mean
    from aged
    inner join units on aged.metric = units.metric and aged.unit = units.unit
    inner join compared_metrics as metrics on aged.metric = metrics.metric
    where
        aged.weeks_ago < 2 * {{ weeks }}
        and not metrics.is_mixed
        and (units.is_on_both_sides or (not metrics.has_common_units and units.is_in_latest))
    group by aged.metric, aged.weeks_ago
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
    from compared_metrics as metrics
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
    cast(coalesce(compared.unit_count, 0) as bigint) as unit_count,
    case
        when compared.metric is null
            then 'nothing of it was delivered: a source with stream: outcomes and this metric'
        when compared.is_mixed
            then 'it is delivered in several currencies or units of measure: a metric for each'
        when compared.has_prior and not compared.has_common_units
            then 'no unit has values on both sides: a longer series of each'
        when compared.half_width is null
            then 'fewer than three weeks on a side: a longer series of its source'
        when declared.metric is null
            then 'what it is about is not declared: outcomes of catalog.yml, with kind and better'
    end as reason
from declared
full outer join compared on declared.metric = compared.metric
