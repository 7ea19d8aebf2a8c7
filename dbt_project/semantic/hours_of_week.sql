select *, cast(billing_month || '-01' as date) as month_begin
from {{ source('delivery', 'mart_accelerator_hours_of_week') }}
