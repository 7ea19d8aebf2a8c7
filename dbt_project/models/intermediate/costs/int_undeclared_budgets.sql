{#-
  Budgets of scopes that neither a cost nor the catalogue names, such as a mistyped team.
  A kind of scope that is none of the known ones is one of them.
-#}
{%- set declared = {
    'team': ['catalog_teams', 'team_id'],
    'feature': ['catalog_features', 'feature_id'],
    'model': ['catalog_models', 'model_id'],
    'platform': ['catalog_platforms', 'platform_id'],
    'cost_center': ['catalog_cost_centers', 'cost_center'],
} %}
with named as (
    select distinct
        scope_type,
        scope_id
    from {{ ref('int_monthly_scope_costs') }}
    union
    select
        'cost_center' as scope_type,
        cost_center as scope_id
    from {{ source('control', 'catalog_teams') }}
    {% for scope_type, (relation, column) in declared.items() -%}
    union
    select
        '{{ scope_type }}' as scope_type,
        {{ column }} as scope_id
    from {{ source('control', relation) }}
    {% endfor %}
)

select
    budgets.billing_month,
    budgets.scope_type,
    budgets.scope_id,
    budgets.source,
    case
        when budgets.scope_type = 'unknown'
            then 'the kind of scope of ' || budgets.scope_id || ' is not one that triptych knows'
        else
            'neither a cost nor catalog.yml names the '
            || replace(budgets.scope_type, '_', ' ') || ' ' || budgets.scope_id
    end as reason
from {{ ref('int_budgets_current') }} as budgets
left join named on budgets.scope_type = named.scope_type and budgets.scope_id = named.scope_id
where budgets.scope_type <> 'all' and named.scope_id is null
