{#-
  Allocated cost in the shape of FOCUS: one charge a row, and what was divided out of
  a pool with its method and ratio. The amounts are those of fct_daily_model_costs;
  nothing is divided again.
-#}
{%- set owners = {
    'model': 'model_id', 'feature': 'feature_id', 'team': 'team_id', 'cost_center': 'cost_center',
} %}
{%- set of_component = {'component': 'charges.component', 'lifecycle_stage': 'charges.lifecycle_stage'} %}
with charges as (
    select
        *,
        driver is not null as is_allocated,
        {{ json_members_of(owners) }} as owner_members
    from {{ ref('int_allocated_charges') }}
)

select
    charges.billing_month,
    charges.charge_date,
    charges.source,
    charges.provider,
    charges.platform_id,
    charges.model_id,
    charges.feature_id,
    charges.team_id,
    charges.cost_center,
    charges.lifecycle_stage,
    charges.component,
    charges.assignment_method,
    charges.pool_id,
    charges.currency,
    charges.is_estimated,
    case charges.component
        when 'tax' then 'Tax'
        when 'credit' then 'Credit'
        when 'remainder' then 'Adjustment'
        else 'Usage'
    end as charge_category,
    replace(charges.component, '_', ' ') || ' cost of '
    || coalesce(charges.model_id, charges.feature_id, charges.team_id, charges.pool_id, charges.source)
        as charge_description,
    coalesce(charges.provider, charges.source) as service_provider_name,
    coalesce(platforms.platform_name, charges.platform_id, charges.source) as service_name,
    case when charges.is_allocated then 'triptych:' || charges.driver end as allocated_method_id,
    charges.allocated_ratio,
    '{"Elements":[{"AllocatedRatio":' || {{ json_ratio('charges.allocated_ratio') }} || ',"UsageUnit":'
    || {{ json_text('charges.driver') }} || '}]}' as allocated_method_details,
    case when charges.is_allocated then coalesce(charges.model_id, charges.component) end as allocated_resource_id,
    case when charges.is_allocated then coalesce(models.model_name, charges.model_id, charges.component) end
        as allocated_resource_name,
    case when charges.is_allocated then {{ json_object('charges.owner_members') }} end as allocated_tags,
    {{ json_object('charges.owner_members || ' ~ json_members_of(of_component)) }} as tags,
    charges.billed_cost,
    charges.effective_cost
from charges
left join {{ ref('dim_models') }} as models
    on
        charges.model_id = models.model_id
        and charges.charge_date >= coalesce(models.valid_from, charges.charge_date)
        and (models.valid_to is null or charges.charge_date < models.valid_to)
left join {{ ref('dim_platforms') }} as platforms on charges.platform_id = platforms.platform_id
