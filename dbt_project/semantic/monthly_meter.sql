select
  billing_month,
  model_id,
  cast(billing_month || '-01' as date) as month_begin,
  max(requests) as requests,
  max(gpu_hours) as gpu_hours
from {{ source('cost', 'mart_model_unit_costs') }}
group by billing_month, model_id
