select *, cast(billing_month || '-01' as date) as month_begin
from {{ source('roi', 'mart_platform_usage') }}
