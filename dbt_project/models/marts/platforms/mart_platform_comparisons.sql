{#-
  Each platform against each other one, like for like: by the models that both served in
  the same band of load and under the same threshold. The figure is the mean of the ratios
  (or differences) of the models, never a ratio of sums: which models a platform serves
  would decide that. One row for each model, and one for their mean (`unit_id` is NULL).
  The interval says how well these models' months are known, and nothing of other models.
-#}
with placed as (
    select distinct
        platform_id,
        stage
    from {{ source('control', 'platform_placements') }}
),

asked as (
    {% for metric, measure, unit in platform_comparisons() -%}
    select
        '{{ metric }}' as metric,
        '{{ measure }}' as measure,
        '{{ unit }}' as unit_kind,
        placed.platform_id,
        others.platform_id as reference_platform_id
    from placed
    inner join placed as others on placed.stage = others.stage and placed.platform_id <> others.platform_id
    where placed.stage = '{{ 'training' if metric.startswith('training') else 'serving' }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

means as (
    select
        metric,
        platform_id,
        reference_platform_id,
        cast(null as string) as unit_id,
        cast(null as double) as platform_figure,
        cast(null as double) as reference_figure,
        {{ mean_in_order('compared') }} as compared,
        case
            when count(compared_variance) = count(*)
                then {{ quotient(sum_in_order('compared_variance'), 'count(*) * count(*)') }}
        end as compared_variance,
        count(*) as unit_count,
        {{ distinct_texts('unit_id') }} as units,
        min(least_n) as least_n,
        sum(n_observed) as n_observed
    from {{ ref('int_platform_pairs') }}
    group by metric, platform_id, reference_platform_id
),

compared as (
    select
        asked.*,
        means.unit_id,
        means.platform_figure,
        means.reference_figure,
        means.compared,
        means.compared_variance,
        means.unit_count,
        means.units,
        means.least_n,
        means.n_observed
    from asked
    left join means
        on
            asked.metric = means.metric and asked.platform_id = means.platform_id
            and asked.reference_platform_id = means.reference_platform_id
    union all
    select
        asked.*,
        pairs.unit_id,
        pairs.platform_figure,
        pairs.reference_figure,
        pairs.compared,
        pairs.compared_variance,
        1 as unit_count,
        pairs.unit_id as units,
        pairs.least_n,
        pairs.n_observed
    from asked
    inner join {{ ref('int_platform_pairs') }} as pairs
        on
            asked.metric = pairs.metric and asked.platform_id = pairs.platform_id
            and asked.reference_platform_id = pairs.reference_platform_id
),

bounded as (
    select
        *,
        {{ student_t_95('(least_n - 1)') }} * sqrt(compared_variance) as half_width
    from compared
)

select
    bounded.metric,
    bounded.measure,
    bounded.unit_kind,
    bounded.platform_id,
    coalesce(platforms.platform_name, bounded.platform_id) as platform_name,
    bounded.reference_platform_id,
    coalesce(others.platform_name, bounded.reference_platform_id) as reference_platform_name,
    bounded.unit_id,
    run.currency,
    bounded.platform_figure,
    bounded.reference_figure,
    {% for column, value in [
        ('metric_value', 'bounded.compared'),
        ('interval_low', '(bounded.compared - bounded.half_width)'),
        ('interval_high', '(bounded.compared + bounded.half_width)'),
    ] -%}
    case bounded.measure when 'ratio' then exp({{ value }}) else {{ value }} end as {{ column }},
    {% endfor -%}
    cast(coalesce(bounded.unit_count, 0) as bigint) as unit_count,
    bounded.units,
    cast(coalesce(bounded.n_observed, 0) as bigint) as n_observed,
    case
        when bounded.compared is null
            then 'no ' || bounded.unit_kind || ' is known on both in the same band of load and threshold'
        when bounded.half_width is null then 'fewer than three months or weeks on a side say nothing of chance'
    end as reason
from bounded
cross join {{ source('control', 'run') }} as run
left join {{ ref('dim_platforms') }} as platforms on bounded.platform_id = platforms.platform_id
left join {{ ref('dim_platforms') }} as others on bounded.reference_platform_id = others.platform_id
