{#-
  Cost per thousand successful inferences, fully loaded, by month and model, as a numerator
  and a denominator, of whole months on a platform or on a side of a move. The fixed part is
  what nobody used: idle capacity that a meter told, unused commitments and overhead; the
  marginal part is the use itself. A denominator that nobody metered is NULL, and so is the
  cost of a month in which the model has a part in another currency, for want of a rate.
-#}
{%- set parts = {
    'cost_per_thousand_inferences': 'cost',
    'marginal_cost_per_thousand_inferences': 'cost_of_use',
    'fixed_cost_per_thousand_inferences': 'cost_without_use',
} -%}
with run as (
    select * from {{ source('control', 'run') }}
),

costs_in_currencies as (
    select
        *,
        count(*) over (partition by billing_month, model_id) = 1 as is_all
    from {{ ref('mart_model_unit_costs') }}
),

whole_months as (
    select distinct
        costs.billing_month as month,
        costs.model_id,
        placements.platform_id,
        case when costs.is_all then cast(costs.fully_loaded_cost as double) end as cost,
        case when costs.is_all then cast(costs.direct_cost + costs.shared_cost as double) end as cost_of_use,
        case
            when costs.is_all
                then cast(costs.idle_cost + costs.unused_commitment_cost + costs.overhead_cost as double)
        end as cost_without_use,
        cast(costs.successful_requests as double) as successful_requests
    from costs_in_currencies as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    inner join run on costs.currency = run.currency
    left join {{ source('control', 'platform_placements') }} as placements
        on
            costs.model_id = placements.model_id
            and placements.stage = 'serving'
            and cast(costs.billing_month || '-01' as date)
            >= coalesce(placements.valid_from, cast('1900-01-01' as date))
            and coalesce(placements.valid_to, cast('2200-01-01' as date))
            >= cast({{ month_end('costs.billing_month') }} as date)
    where {{ month_end('costs.billing_month') }} <= moment.as_of
),

served as (
    select
        'platform' as subject_kind,
        whole_months.platform_id as subject_id,
        whole_months.platform_id as side,
        'to_date' as period,
        whole_months.*
    from whole_months
    where whole_months.platform_id is not null
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        case when months.period in ('before', 'after') then months.period end as side,
        months.period,
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
{% if basis == 'like_for_like' %}where is_like_for_like{% endif %}
{{ 'union all' if not loop.last }}
{% endfor %}{{ 'union all' if not loop.last }}
{% endfor %}
