{#- Ledger amounts with the model, feature, team and cost centre they belong to. -#}
{{ config(materialized='table') }}

with amounts as (
    select * from {{ ref('int_charge_amounts_by_use') }}
),

aliases as (
    select * from {{ source('control', 'catalog_model_aliases') }}
),

named as (
    select
        amounts.*,
        case
            when amounts.target_kind = 'model' then coalesce(aliases.model_id, amounts.target)
        end as model_id,
        case when amounts.target_kind = 'feature' then amounts.target end as target_feature_id,
        case when amounts.target_kind = 'team' then amounts.target end as target_team_id,
        case when amounts.target_kind = 'pool' then amounts.target end as pool_id
    from amounts
    left join aliases
        on amounts.target_kind = 'model' and amounts.target = aliases.alias
)

select
    named.billing_month,
    named.charge_date,
    named.allocation_interval,
    named.interval_started_at,
    named.source,
    named.provider,
    named.platform_id,
    named.component,
    named.lifecycle_stage,
    named.assignment_method,
    named.rule_name,
    named.unallocated_service_name,
    named.unallocated_resource_type,
    named.billing_currency,
    named.currency,
    named.is_estimated,
    named.is_missing_rate,
    named.model_id,
    named.pool_id,
    named.charged_kind,
    named.charged_tokens,
    coalesce(named.target_feature_id, models.feature_id) as feature_id,
    coalesce(named.target_team_id, features.team_id, models.team_id) as team_id,
    coalesce(models.cost_center, teams.cost_center, feature_teams.cost_center) as cost_center,
    named.billed_cost,
    named.effective_cost,
    named.line_item_count
from named
left join {{ ref('int_model_versions') }} as models
    on
        named.model_id = models.model_id
        and named.charge_date >= coalesce(models.valid_from, named.charge_date)
        and (models.valid_to is null or named.charge_date < models.valid_to)
left join {{ source('control', 'catalog_features') }} as features
    on named.target_feature_id = features.feature_id
left join {{ source('control', 'catalog_teams') }} as teams
    on named.target_team_id = teams.team_id
left join {{ source('control', 'catalog_teams') }} as feature_teams
    on features.team_id = feature_teams.team_id
