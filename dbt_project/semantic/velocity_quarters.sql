select *, quarter as delivery_quarter, cast(first_month || '-01' as date) as quarter_begin
from {{ source('delivery', 'mart_velocity_quarters') }}
