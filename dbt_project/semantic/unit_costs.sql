with kinds as (
  select
    kind as unit,
    factor as units
  from (values
    ('1,000 requests', 0.001), ('1M tokens', 0.000001), ('GPU-hour', 1),
    ('1M input', 0.000001), ('1M cached', 0.000001), ('1M written', 0.000001),
    ('1M output', 0.000001), ('of no kind', null)
  ) as kinds (kind, factor)
),

-- Where no line of a bill is for cached or written input, it was charged as input.
months as (
  select
    *,
    input_tokens
      - case when cached_input_token_cost is null then 0 else cached_input_tokens end
      - case when cache_write_token_cost is null then 0 else cache_write_tokens end as charged_as_input,
    case when input_tokens is not null or output_tokens is not null
      then coalesce(input_tokens, 0) + coalesce(output_tokens, 0) end as tokens
  from {{ source('cost', 'mart_model_unit_costs') }}
),

units as (
  select
    billing_month,
    model_id,
    currency,
    fully_loaded_cost,
    meter_coverage_ratio,
    input_tokens,
    cached_input_tokens,
    unit,
    units,
    case unit
      when '1,000 requests' then request_metered_cost
      when 'GPU-hour' then gpu_cost
      when '1M tokens' then token_cost
      when '1M input' then input_token_cost
      when '1M cached' then cached_input_token_cost
      when '1M written' then cache_write_token_cost
      when '1M output' then output_token_cost
      else other_token_cost
    end as cost,
    case unit
      when '1,000 requests' then requests
      when 'GPU-hour' then held_gpu_hours
      when '1M tokens' then tokens
      when '1M input' then charged_as_input
      when '1M cached' then cached_input_tokens
      when '1M written' then cache_write_tokens
      when '1M output' then output_tokens
    end as quantity,
    case unit
      when '1,000 requests' then request_cost_reason when 'GPU-hour' then gpu_cost_reason
      else token_cost_reason
    end as reason,
    case unit
      when '1,000 requests' then requests_day_count when 'GPU-hour' then gpu_hours_day_count
      else tokens_day_count
    end as day_count,
    case unit
      when '1,000 requests' then requests_cost_day_count when 'GPU-hour' then gpu_hours_cost_day_count
      else tokens_cost_day_count
    end as cost_day_count
  from months
  cross join kinds
)

select
  *,
  case when unit in ('1,000 requests', 'GPU-hour', '1M tokens') or (cost is not null and quantity > 0)
    then reason else coalesce(reason, 'no line for it') end as unit_reason,
  cast(billing_month || '-01' as date) as month_begin,
  coalesce(
    cast(day_count as double) / nullif(cast(cost_day_count as double), 0), meter_coverage_ratio
  ) as coverage_ratio
from units
