select
  *,
  coalesce(infrastructure_idle_effective_cost, 0) + requested_idle_effective_cost as idle_effective_cost,
  coalesce(infrastructure_idle_billed_cost, 0) + requested_idle_billed_cost as idle_billed_cost
from {{ source('cost', 'fct_daily_pool_costs') }}
where coalesce(driver, '') <> 'gpu_hours'
