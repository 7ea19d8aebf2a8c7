{#- Budgets as delivered, with the scope in the words of the catalogue. -#}
with source as (
    select
        budgets.*,
        replace(replace(lower(trim(budgets.scope_type)), ' ', '_'), '-', '_') as scope_word
    from {{ source('evidence', 'budgets') }} as budgets
)

select
    _source as source,
    _load_id as load_id,
    {{ month_label('budget_month') }} as billing_month,
    case
        when scope_word in ('all', 'everything', 'total', 'organisation', 'organization') then 'all'
        when scope_word in ('cost_center', 'cost_centre', 'costcenter', 'costcentre') then 'cost_center'
        when scope_word in ('model', 'feature', 'team', 'platform') then scope_word
        when scope_word in ('model_id', 'feature_id', 'team_id', 'platform_id') then replace(scope_word, '_id', '')
        else 'unknown'
    end as scope_type,
    trim(scope_id) as scope_id,
    budget_amount,
    upper(trim(currency)) as currency
from source
