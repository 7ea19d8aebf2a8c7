select
    models.model_id,
    models.model_name,
    models.feature_id,
    coalesce(models.team_id, features.team_id) as team_id,
    models.cost_center,
    models.valid_from,
    models.valid_to,
    models.is_declared
from {{ ref('int_model_versions') }} as models
left join {{ source('control', 'catalog_features') }} as features
    on models.feature_id = features.feature_id
