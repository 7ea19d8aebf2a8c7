{#-
  What platforms are compared by, in strata that are alike: a model in one band of load
  (and under one threshold), or an architecture on a number of GPUs. By month or week, as a
  numerator and a denominator. The band is the power of two that requests per second lie
  above, of a month on average.
-#}
with months as (
    select
        costs.metric,
        costs.subject_id as platform_id,
        costs.model_id as unit_id,
        costs.observed_in,
        costs.numerator,
        costs.denominator,
        {{ quotient(
            'costs.denominator * 1000',
            seconds_between("cast(costs.observed_in || '-01' as timestamp)", month_end('costs.observed_in'))
        ) }} as requests_per_second
    from {{ ref('int_scorecard_unit_costs') }} as costs
    where
        costs.subject_kind = 'platform' and costs.basis = 'all'
        and costs.metric in ('charged_per_thousand_inferences', 'cost_per_thousand_inferences')
        and costs.denominator > 0 and costs.numerator is not null
),

strata as (
    select
        metric,
        platform_id,
        unit_id,
        'load 2^' || cast({{ binary_band('requests_per_second') }} as string) as stratum,
        observed_in,
        numerator,
        denominator
    from months
    {% for what, over, of in [
        ('windows', 'is_over', '1'),
        ('requests', 'requests_over', 'request_count'),
    ] -%}
    union all
    select
        '{{ what }}_over_threshold_ratio' as metric,
        subject_id as platform_id,
        model_id as unit_id,
        'load 2^' || cast(load_band as string) || ', '
        || cast(cast(latency_threshold_seconds as decimal(18, 6)) as string) || ' s' as stratum,
        cast(week as string) as observed_in,
        cast({{ over }} as double) as numerator,
        cast({{ of }} as double) as denominator
    from {{ ref('int_scorecard_latency') }}
    where subject_kind = 'platform' and is_like_for_like and {{ over }} is not null
    {% endfor -%}
    union all
    select
        'training_gpu_hours_per_run' as metric,
        subject_id as platform_id,
        stratum as unit_id,
        'all loads' as stratum,
        month as observed_in,
        gpu_hours as numerator,
        cast(1 as double) as denominator
    from {{ ref('int_scorecard_training') }}
    where subject_kind = 'platform' and stratum is not null and gpu_hours is not null
)

select
    metric,
    platform_id,
    unit_id,
    stratum,
    observed_in,
    {{ sum_in_order('numerator') }} as numerator,
    {{ sum_in_order('denominator') }} as denominator
from strata
group by metric, platform_id, unit_id, stratum, observed_in
