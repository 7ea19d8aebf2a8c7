{#-
  How each business metric moved: the mean of its last thirteen weeks less that of the
  thirteen before, as catalog.yml says what it is about and what is better. Weeks end with
  the last day that was delivered. It describes: what a feature did, its study says.
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

by_week as (
    select
        metric,
        weeks_ago < {{ weeks }} as is_latest,
        weeks_ago,
        {{ mean_in_order('value') }} as week_mean
    from aged
    where weeks_ago < 2 * {{ weeks }}
    group by metric, weeks_ago
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

described as (
    select
        metric,
        min(unit_of_measure) as unit_of_measure,
        min(currency) as currency,
        max(last_day) as last_day,
        count(distinct case when weeks_ago < {{ weeks }} then unit end) as unit_count
    from aged
    group by metric
),

compared as (
    select
        described.*,
        latest.mean as latest_mean,
        latest.n as week_count,
        before.mean as prior_mean,
        before.n as prior_week_count,
        {{ half_width_of_difference('latest.squares', 'latest.n', 'before.squares', 'before.n') }} as half_width
    from described
    inner join spread as latest on described.metric = latest.metric and latest.is_latest
    left join spread as before on described.metric = before.metric and not before.is_latest
)

select
    coalesce(declared.metric, compared.metric) as metric,
    coalesce(declared.metric_name, declared.metric, compared.metric) as metric_name,
    declared.outcome_kind,
    declared.better,
    compared.unit_of_measure,
    compared.currency,
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
        when compared.half_width is null
            then 'fewer than three weeks on a side: a longer series of its source'
        when declared.metric is null
            then 'what it is about is not declared: outcomes of catalog.yml, with kind and better'
    end as reason
from declared
full outer join compared on declared.metric = compared.metric
