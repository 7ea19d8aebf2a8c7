select
    feature_id,
    feature_name,
    team_id
from {{ source('control', 'catalog_features') }}
