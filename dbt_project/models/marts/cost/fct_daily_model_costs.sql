with costs as (
    select * from {{ ref('int_costs_by_component') }}
    where component <> 'out_of_scope'
),

models as (
    select * from {{ ref('int_model_versions') }}
)

select
    costs.charge_date,
    costs.billing_month,
    costs.source,
    costs.provider,
    costs.platform_id,
    costs.model_id,
    coalesce(costs.feature_id, models.feature_id) as feature_id,
    coalesce(costs.team_id, models.team_id) as team_id,
    coalesce(costs.cost_center, models.cost_center) as cost_center,
    costs.lifecycle_stage,
    costs.component,
    costs.assignment_method,
    costs.pool_id,
    costs.currency,
    {{ to_money('sum(costs.billed_cost)') }} as billed_cost,
    {{ to_money('sum(costs.effective_cost)') }} as effective_cost,
    costs.is_estimated
from costs
left join models
    on
        costs.model_id = models.model_id
        and costs.charge_date >= coalesce(models.valid_from, costs.charge_date)
        and (models.valid_to is null or costs.charge_date < models.valid_to)
group by all
