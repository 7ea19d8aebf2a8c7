select *
from {{ source('delivery', 'mart_velocity_events') }}
where state = 'used'
