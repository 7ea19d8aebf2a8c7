{#-
  Whose a name is, on which days: what catalog.yml maps, and what it says of models and
  features themselves. Names that other systems use are in lower case.
-#}
with mapped as (
    select
        kind,
        name,
        source,
        model_id,
        feature_id,
        team_id,
        valid_from,
        valid_to
    from {{ source('control', 'identities') }}
    union all
    select
        'model' as kind,
        model_id as name,
        cast(null as string) as source,
        model_id,
        feature_id,
        team_id,
        valid_from,
        valid_to
    from {{ source('control', 'catalog_models') }}
    union all
    select
        'alias' as kind,
        alias as name,
        cast(null as string) as source,
        model_id,
        cast(null as string) as feature_id,
        cast(null as string) as team_id,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to
    from {{ source('control', 'catalog_model_aliases') }}
    union all
    select
        'feature' as kind,
        feature_id as name,
        cast(null as string) as source,
        cast(null as string) as model_id,
        feature_id,
        team_id,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to
    from {{ source('control', 'catalog_features') }}
)

select
    kind,
    name,
    source,
    model_id,
    feature_id,
    team_id,
    coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
    coalesce(valid_to, cast('2200-01-01' as date)) as valid_to
from mapped
