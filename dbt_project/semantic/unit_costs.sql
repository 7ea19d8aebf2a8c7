with units as (
  select
    billing_month,
    model_id,
    currency,
    fully_loaded_cost,
    '1,000 requests' as unit,
    0.001 as units,
    request_metered_cost as cost,
    requests as quantity,
    request_cost_reason as unit_reason,
    requests_day_count as day_count,
    requests_cost_day_count as cost_day_count,
    meter_coverage_ratio
  from {{ source('cost', 'mart_model_unit_costs') }}
  union all
  select
    billing_month,
    model_id,
    currency,
    fully_loaded_cost,
    '1M tokens' as unit,
    0.000001 as units,
    token_cost as cost,
    case when input_tokens is not null or output_tokens is not null
      then coalesce(input_tokens, 0) + coalesce(output_tokens, 0) end as quantity,
    token_cost_reason as unit_reason,
    tokens_day_count as day_count,
    tokens_cost_day_count as cost_day_count,
    meter_coverage_ratio
  from {{ source('cost', 'mart_model_unit_costs') }}
  union all
  select
    billing_month,
    model_id,
    currency,
    fully_loaded_cost,
    'GPU-hour' as unit,
    1 as units,
    gpu_cost as cost,
    held_gpu_hours as quantity,
    gpu_cost_reason as unit_reason,
    gpu_hours_day_count as day_count,
    gpu_hours_cost_day_count as cost_day_count,
    meter_coverage_ratio
  from {{ source('cost', 'mart_model_unit_costs') }}
)

select
  *,
  cast(billing_month || '-01' as date) as month_begin,
  coalesce(
    cast(day_count as double) / nullif(cast(cost_day_count as double), 0), meter_coverage_ratio
  ) as coverage_ratio
from units
