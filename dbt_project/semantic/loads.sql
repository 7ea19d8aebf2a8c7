select *, cast(loaded_at as date) as loaded_on
from {{ source('core', 'mart_loads') }}
