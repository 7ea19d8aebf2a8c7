{#-
  Cost per thousand successful inferences by month and model, as a numerator and a
  denominator, of whole months on a platform or on a side of a move. Of a platform what it
  charged for serving the models that are placed there; of either what these models cost
  in all, on every platform and without training: the fixed part is what nobody used, the
  marginal part the use itself. What is not metered is NULL.
-#}
{%- set parts = {
    'charged_per_thousand_inferences': 'charged',
    'cost_per_thousand_inferences': 'cost',
    'marginal_cost_per_thousand_inferences': 'cost_of_use',
    'fixed_cost_per_thousand_inferences': 'cost_without_use',
} -%}
with whole_months as (
    select distinct
        costs.month,
        costs.model_id,
        placements.platform_id,
        cast(costs.cost_of_use + costs.cost_without_use as double) as cost,
        cast(costs.cost_of_use as double) as cost_of_use,
        cast(costs.cost_without_use as double) as cost_without_use,
        cast(costs.successful_requests as double) as successful_requests
    from {{ ref('int_model_inference_costs') }} as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    left join {{ source('control', 'platform_placements') }} as placements
        on
            costs.model_id = placements.model_id
            and placements.stage = 'serving'
            and cast(costs.month || '-01' as date) >= coalesce(placements.valid_from, cast('1900-01-01' as date))
            and coalesce(placements.valid_to, cast('2200-01-01' as date))
            >= cast({{ month_end('costs.month') }} as date)
    where {{ month_end('costs.month') }} <= moment.as_of
),

served as (
    select
        'platform' as subject_kind,
        whole_months.platform_id as subject_id,
        whole_months.platform_id as side,
        'to_date' as period,
        case when not charges.lacks_rate then cast(charges.serving_cost as double) end as charged,
        whole_months.*
    from whole_months
    left join {{ ref('int_platform_charges') }} as charges
        on
            whole_months.platform_id = charges.platform_id
            and whole_months.month = charges.month
            and whole_months.model_id = charges.model_id
    where whole_months.platform_id is not null
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        case when months.period in ('before', 'after') then months.period end as side,
        months.period,
        cast(null as double) as charged,
        whole_months.*
    from whole_months
    inner join {{ source('control', 'migration_models') }} as moved on whole_months.model_id = moved.model_id
    inner join {{ ref('int_migration_months') }} as months
        on moved.migration_id = months.migration_id and whole_months.month = months.month
),

sides as (
    select
        subject_id,
        model_id,
        count(distinct case when successful_requests > 0 and cost is not null then side end) as side_count
    from served
    where subject_kind = 'migration'
    group by subject_id, model_id
),

unit_costs as (
    select
        served.*,
        coalesce(sides.side_count, 0) > 1 as is_like_for_like
    from served
    left join sides
        on
            served.subject_kind = 'migration'
            and served.subject_id = sides.subject_id
            and served.model_id = sides.model_id
)

{% for metric, numerator in parts.items() %}{% for basis in ['all', 'like_for_like'] -%}
select
    subject_kind,
    subject_id,
    period,
    '{{ basis }}' as basis,
    '{{ metric }}' as metric,
    month as observed_in,
    model_id,
    {{ numerator }} as numerator,
    {{ quotient('successful_requests', '1000') }} as denominator
from unit_costs
where
    {{ 'is_like_for_like' if basis == 'like_for_like' else 'true' }}
    and {{ "subject_kind = 'platform'" if numerator == 'charged' else 'true' }}
{{ 'union all' if not loop.last }}
{% endfor %}{{ 'union all' if not loop.last }}
{% endfor %}
