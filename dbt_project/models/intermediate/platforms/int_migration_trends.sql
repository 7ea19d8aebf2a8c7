{#-
  Did a metric already move before a migration? The slope over its months before, by least
  squares, is flat where its interval of 90 % holds zero. Six months tell, fewer do not.
-#}
{%- set of = 'subject_id, metric, basis' -%}
with observed as (
    select
        {{ of }},
        observed_in as month,
        {{ sum_in_order('numerator') }} as numerator,
        {{ sum_in_order('denominator') }} as denominator
    from {{ ref('int_scorecard_costs') }}
    where subject_kind = 'migration' and period = 'before' and numerator is not null and denominator is not null
    group by {{ of }}, observed_in
    union all
    select
        {{ of }},
        observed_in as month,
        numerator,
        denominator
    from {{ ref('int_scorecard_operations') }}
    where subject_kind = 'migration' and period = 'before'
    union all
    {% for metric, over, count in [
        ('windows_over_threshold_ratio', 'is_over', '1'),
        ('requests_over_threshold_ratio', 'requests_over', 'request_count'),
    ] -%}
    select
        subject_id,
        '{{ metric }}' as metric,
        'like_for_like' as basis,
        {{ month_label('week') }} as month,
        cast(sum({{ over }}) as double) as numerator,
        cast(sum({{ count }}) as double) as denominator
    from {{ ref('int_scorecard_latency') }}
    where subject_kind = 'migration' and period = 'before' and is_like_for_like and {{ over }} is not null
    group by subject_id, {{ month_label('week') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

placed as (
    select
        {{ of }},
        {{ quotient('numerator', 'denominator') }} as metric_value,
        cast(row_number() over (partition by {{ of }} order by month) as double) as place
    from observed
    where numerator is not null and denominator > 0
),

moments as (
    select
        {{ of }},
        cast(count(*) as double) as n,
        {{ mean_in_order('place') }} as mean_place,
        {{ mean_in_order('metric_value') }} as mean_value
    from placed
    group by {{ of }}
),

slopes as (
    select
        placed.subject_id,
        placed.metric,
        placed.basis,
        max(moments.n) as n,
        {{ sum_in_order('(placed.place - moments.mean_place) * (placed.place - moments.mean_place)') }}
            as place_squares,
        {{ sum_in_order('(placed.metric_value - moments.mean_value) * (placed.metric_value - moments.mean_value)') }}
            as value_squares,
        {{ sum_in_order('(placed.place - moments.mean_place) * (placed.metric_value - moments.mean_value)') }}
            as products
    from placed
    inner join moments
        on
            placed.subject_id = moments.subject_id
            and placed.metric = moments.metric
            and placed.basis = moments.basis
    group by placed.subject_id, placed.metric, placed.basis
)

select
    subject_id as migration_id,
    metric,
    basis,
    cast(n as bigint) as month_count,
    case when n >= 6 then {{ quotient('products', 'place_squares') }} end as slope_per_month,
    case when n >= 6 then {{ slope_is_flat('products', 'place_squares', 'value_squares', 'n') }} end as is_flat
from slopes
