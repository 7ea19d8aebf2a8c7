{#-
  Line items as a drill-down shows them: assigned, with the model's canonical id. What is bought for
  a commitment and given to nobody is the billed cost of those who use it; its reason says so.
-#}
{%- set is_shared_purchase -%}
    assigned.charge_category = 'Purchase' and assigned.commitment_discount_id is not null
            and assigned.component in ('unallocated', 'out_of_scope') and assigned.effective_cost = 0
{%- endset %}
select
    assigned.source,
    assigned.load_id,
    assigned.source_uri,
    {{ month_label('assigned.billing_period_start') }} as billing_month,
    assigned.charge_date,
    assigned.charge_period_start,
    assigned.charge_period_end,
    assigned.service_provider_name as provider,
    assigned.service_name,
    assigned.resource_id,
    assigned.resource_name,
    assigned.sku_id,
    assigned.charge_description,
    assigned.charge_category,
    assigned.sub_account_id,
    assigned.region_id,
    assigned.tags,
    assigned.invoice_id,
    assigned.consumed_quantity,
    assigned.consumed_unit,
    case
        when assigned.target_kind = 'model' then coalesce(aliases.model_id, assigned.target)
    end as model_id,
    case when assigned.target_kind = 'feature' then assigned.target end as feature_id,
    case when assigned.target_kind = 'team' then assigned.target end as team_id,
    case when assigned.target_kind = 'pool' then assigned.target end as pool_id,
    coalesce(assigned.matched_platform_id, {{ to_slug('assigned.service_provider_name') }}) as platform_id,
    assigned.lifecycle_stage,
    assigned.component,
    {{ is_ai_cost('assigned.component') }} as is_ai_cost,
    assigned.assignment_method,
    assigned.rule_name,
    case
        when
            {{ is_shared_purchase }}
            then 'billed to those who use commitment ' || assigned.commitment_discount_id
        else assigned.scope_reason
    end as scope_reason,
    case
        when
            {{ is_shared_purchase }}
            then lower(assigned.commitment_discount_id)
    end as shared_commitment_id,
    upper(assigned.billing_currency) as billing_currency,
    assigned.billed_cost,
    assigned.effective_cost
from {{ ref('int_charges_assigned') }} as assigned
left join {{ source('control', 'catalog_model_aliases') }} as aliases
    on assigned.target_kind = 'model' and assigned.target = aliases.alias
