select *, cast(billing_month || '-01' as date) as month_begin
from {{ source('core', 'mart_refused_charges') }}
