select
    team_id,
    team_name,
    cost_center
from {{ source('control', 'catalog_teams') }}
