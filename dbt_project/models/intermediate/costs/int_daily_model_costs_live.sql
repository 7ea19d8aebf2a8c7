{#- AI cost with tax and credits by day, as the current evidence and rules make it, closed months too. -#}
with models as (
    select * from {{ ref('int_model_versions') }}
),

costs as (
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
        costs.is_estimated,
        costs.billed_cost,
        costs.effective_cost
    from {{ ref('int_costs_by_component') }} as costs
    left join models
        on
            costs.model_id = models.model_id
            and costs.charge_date >= coalesce(models.valid_from, costs.charge_date)
            and (models.valid_to is null or costs.charge_date < models.valid_to)
    where costs.component <> 'out_of_scope'
)

select
    charge_date,
    billing_month,
    source,
    provider,
    platform_id,
    model_id,
    feature_id,
    team_id,
    cost_center,
    lifecycle_stage,
    component,
    assignment_method,
    pool_id,
    currency,
    {{ to_money('sum(billed_cost)') }} as billed_cost,
    {{ to_money('sum(effective_cost)') }} as effective_cost,
    is_estimated
from costs
group by
    charge_date, billing_month, source, provider, platform_id, model_id, feature_id, team_id, cost_center,
    lifecycle_stage, component, assignment_method, pool_id, currency, is_estimated
