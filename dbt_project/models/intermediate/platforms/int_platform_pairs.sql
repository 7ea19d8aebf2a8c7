{#-
  Two platforms by what both served or trained: of each unit the figures of either over the
  strata that both saw, and how the two compare: the logarithm of their ratio, or their
  difference, as the mean of the strata, with its variance. The error of a figure is that
  of a ratio whose clusters are months or weeks; fewer than three have none.
-#}
{%- set of = 'metric, platform_id, unit_id, stratum' -%}
with clusters as (
    select * from {{ ref('int_platform_strata') }}
),

totals as (
    select
        {{ of }},
        {{ sum_in_order('numerator') }} as numerator,
        {{ sum_in_order('denominator') }} as denominator,
        count(*) as n_observed
    from clusters
    group by {{ of }}
),

errors as (
    select
        totals.metric,
        totals.platform_id,
        totals.unit_id,
        totals.stratum,
        totals.numerator,
        totals.denominator,
        totals.n_observed,
        {{ quotient('totals.numerator', 'totals.denominator') }} as figure,
        {{ sum_in_order(
            '(clusters.numerator - ' ~ quotient('totals.numerator', 'totals.denominator') ~ ' * clusters.denominator)'
            ~ ' * (clusters.numerator - ' ~ quotient('totals.numerator', 'totals.denominator')
            ~ ' * clusters.denominator)'
        ) }} as squares
    from totals
    inner join clusters
        on
            totals.metric = clusters.metric and totals.platform_id = clusters.platform_id
            and totals.unit_id = clusters.unit_id and totals.stratum = clusters.stratum
    where totals.denominator > 0
    group by
        totals.metric, totals.platform_id, totals.unit_id, totals.stratum, totals.numerator, totals.denominator,
        totals.n_observed
),

figures as (
    select
        *,
        case
            when n_observed > 2
                then {{ quotient('squares * n_observed', '(n_observed - 1) * denominator * denominator') }}
        end as variance
    from errors
),

comparisons as (
    {% for metric, measure, unit in platform_comparisons() -%}
    select
        '{{ metric }}' as metric,
        '{{ measure }}' as measure
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

paired as (
    select
        comparisons.measure,
        of_platform.*,
        of_reference.platform_id as reference_platform_id,
        of_reference.numerator as reference_numerator,
        of_reference.denominator as reference_denominator,
        least(of_platform.n_observed, of_reference.n_observed) as least_n,
        case
            when comparisons.measure = 'difference' then of_platform.figure - of_reference.figure
            when of_platform.figure > 0 and of_reference.figure > 0
                then ln({{ quotient('of_platform.figure', 'of_reference.figure') }})
        end as compared,
        case
            when comparisons.measure = 'difference' then of_platform.variance + of_reference.variance
            when of_platform.figure > 0 and of_reference.figure > 0
                then
                    {{ quotient('of_platform.variance', 'of_platform.figure * of_platform.figure') }}
                    + {{ quotient('of_reference.variance', 'of_reference.figure * of_reference.figure') }}
        end as compared_variance
    from figures as of_platform
    inner join comparisons on of_platform.metric = comparisons.metric
    inner join figures as of_reference
        on
            of_platform.metric = of_reference.metric and of_platform.unit_id = of_reference.unit_id
            and of_platform.stratum = of_reference.stratum and of_platform.platform_id <> of_reference.platform_id
)

select
    metric,
    measure,
    platform_id,
    reference_platform_id,
    unit_id,
    {{ quotient(sum_in_order('numerator'), sum_in_order('denominator')) }} as platform_figure,
    {{ quotient(sum_in_order('reference_numerator'), sum_in_order('reference_denominator')) }} as reference_figure,
    {{ mean_in_order('compared') }} as compared,
    case
        when count(compared_variance) = count(*)
            then {{ quotient(sum_in_order('compared_variance'), 'count(*) * count(*)') }}
    end as compared_variance,
    count(*) as stratum_count,
    min(least_n) as least_n,
    sum(n_observed) as n_observed
from paired
where compared is not null
group by metric, measure, platform_id, reference_platform_id, unit_id
