{#-
  Ratios of the scorecard with their interval of 90 %. A ratio is the sum of its numerators
  by that of its denominators; its error is that of a ratio estimator whose clusters are
  months. A denominator of zero is known, and what it took counts; one that is NULL is not.
  Windows and requests over a threshold count each week as one trial (Wilson), for
  what is slow stays slow. A share of a bill is counted and not estimated: no interval.
-#}
{%- set of = 'subject_kind, subject_id, period, basis, metric' -%}
with weeks as (
    select
        subject_kind,
        subject_id,
        period,
        is_like_for_like,
        week,
        count(*) as window_count,
        sum(is_over) as windows_over,
        nullif(count(is_over), 0) as windows_known,
        count(is_over) as windows_telling,
        sum(requests_over) as requests_over,
        sum(case when requests_over is not null then request_count end) as requests_known,
        count(requests_over) as requests_telling
    from {{ ref('int_scorecard_latency') }}
    group by subject_kind, subject_id, period, is_like_for_like, week
),

latency as (
    {% for basis in ['like_for_like', 'all'] %}{% for what in ['windows', 'requests'] -%}
    {% set compared = 'is_like_for_like' if basis == 'like_for_like' else 'true' -%}
    select
        subject_kind,
        subject_id,
        period,
        '{{ basis }}' as basis,
        '{{ what }}_over_threshold_ratio' as metric,
        cast(week as string) as observed_in,
        cast(sum(case when {{ compared }} then {{ what }}_over end) as double) as numerator,
        cast(sum(case when {{ compared }} then {{ what }}_known end) as double) as denominator,
        sum(window_count - case when {{ compared }} then {{ what }}_telling else 0 end) as missing_count,
        sum(window_count) as observation_count
    from weeks
    group by subject_kind, subject_id, period, week
    {{ 'union all' if not loop.last }}
    {% endfor %}{{ 'union all' if not loop.last }}
    {% endfor %}
),

training as (
    {% for basis in ['like_for_like', 'all'] -%}
    {% set compared = 'is_like_for_like' if basis == 'like_for_like' else 'true' -%}
    select
        subject_kind,
        subject_id,
        period,
        '{{ basis }}' as basis,
        'training_gpu_hours_per_run' as metric,
        month as observed_in,
        {{ sum_in_order('case when ' ~ compared ~ ' then gpu_hours end') }} as numerator,
        cast(sum(case when {{ compared }} and gpu_hours is not null then 1 end) as double) as denominator,
        sum(case when {{ compared }} and gpu_hours is not null then 0 else 1 end) as missing_count,
        count(*) as observation_count
    from {{ ref('int_scorecard_training') }}
    group by subject_kind, subject_id, period, month
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

counted as (
    {% for model in ['int_scorecard_costs', 'int_scorecard_operations', 'int_scorecard_infra_hours'] -%}
    select
        {{ of }},
        observed_in,
        numerator,
        denominator
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

clusters as (
    select * from latency
    union all
    select * from training
    union all
    select
        {{ of }},
        observed_in,
        {{ sum_in_order('case when denominator is not null then numerator end') }} as numerator,
        {{ sum_in_order('case when numerator is not null then denominator end') }} as denominator,
        sum(case when numerator is not null and denominator is not null then 0 else 1 end) as missing_count,
        count(*) as observation_count
    from counted
    group by {{ of }}, observed_in
),

totals as (
    select
        {{ of }},
        {{ sum_in_order('case when denominator is not null then numerator end') }} as numerator,
        {{ sum_in_order('denominator') }} as denominator,
        count(denominator) as n_observed,
        sum(missing_count) as missing_count,
        sum(observation_count) as observation_count
    from clusters
    group by {{ of }}
),

deviations as (
    select
        clusters.*,
        clusters.numerator - {{ quotient('totals.numerator', 'totals.denominator') }} * clusters.denominator
            as deviation
    from clusters
    inner join totals
        on
            clusters.subject_kind = totals.subject_kind
            and clusters.subject_id = totals.subject_id
            and clusters.period = totals.period
            and clusters.basis = totals.basis
            and clusters.metric = totals.metric
    where clusters.denominator is not null and totals.denominator > 0
),

errors as (
    select
        {{ of }},
        {{ sum_in_order('deviation * deviation') }} as squares
    from deviations
    group by {{ of }}
),

measured as (
    select
        totals.*,
        {{ safe_ratio('totals.numerator', 'totals.denominator') }} as metric_value,
        {{ half_width_of_ratio('errors.squares', 'totals.n_observed', 'totals.denominator') }} as cluster_half_width,
        totals.metric in ('windows_over_threshold_ratio', 'requests_over_threshold_ratio') as is_of_weeks,
        totals.metric in (
            'portable_spend_ratio', 'portable_with_effort_spend_ratio', 'proprietary_spend_ratio',
            'unclassified_spend_ratio'
        ) as is_counted
    from totals
    left join errors
        on
            totals.subject_kind = errors.subject_kind
            and totals.subject_id = errors.subject_id
            and totals.period = errors.period
            and totals.basis = errors.basis
            and totals.metric = errors.metric
),

bounded as (
    select
        *,
        case
            when is_counted then null
            when is_of_weeks then {{ wilson_bound('metric_value * n_observed', 'n_observed', '-1') }}
            else metric_value - cluster_half_width
        end as lower_bound,
        case
            when is_counted then null
            when is_of_weeks then {{ wilson_bound('metric_value * n_observed', 'n_observed', '1') }}
            else metric_value + cluster_half_width
        end as upper_bound
    from measured
)

select
    {{ of }},
    metric_value,
    -- Nothing is less than nothing; greatest() would make 0 of a bound that is not known.
    case when lower_bound < 0 then cast(0 as double) else lower_bound end as interval_low,
    upper_bound as interval_high,
    case
        when is_counted then 'counted'
        when is_of_weeks then 'weeks'
        else 'months'
    end as interval_basis,
    case
        when upper_bound - metric_value > metric_value - lower_bound then upper_bound - metric_value
        else metric_value - lower_bound
    end as half_width,
    n_observed,
    {{ safe_ratio('missing_count', 'observation_count') }} as missing_ratio
from bounded
