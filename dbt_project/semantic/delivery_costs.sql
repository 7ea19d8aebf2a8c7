select *, cast(month || '-01' as date) as month_begin
from {{ source('delivery', 'mart_delivery_costs') }}
