select
  *,
  cast(billing_month || '-01' as date) as month_begin
from {{ source('cost', 'mart_task_costs') }}
