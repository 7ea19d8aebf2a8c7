with kinds as (
  select kind as unit, factor as units
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

-- A meter counts a whole month. Where it has several owners, each has its part of the cost, and no unit cost.
parts as (
  select
    billing_month, model_id, currency, team_id, cost_center,
    sum(case when component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead') then effective_cost end)
      as part_cost,
    min(coalesce(team_id, '')) over (partition by billing_month, model_id)
      = max(coalesce(team_id, '')) over (partition by billing_month, model_id) as has_one_team,
    min(coalesce(cost_center, '')) over (partition by billing_month, model_id)
      = max(coalesce(cost_center, '')) over (partition by billing_month, model_id) as has_one_center
  from {{ source('cost', 'fct_daily_model_costs') }}
  where model_id is not null
  group by billing_month, model_id, currency, team_id, cost_center
),

-- Idle capacity of no model serves nothing: it is cost without a quantity.
owned as (
  select distinct
    billing_month,
    model_id,
    currency,
    case when has_one_team then team_id end as team_id,
    case when has_one_center then cost_center end as cost_center,
    case when not (has_one_team and has_one_center) then 0 end as part_cost,
    cast(null as decimal(28, 10)) as idle_cost,
    false as has_moved
  from parts
  union all
  select billing_month, model_id, currency, team_id, cost_center, part_cost, null, true
  from parts
  where not (has_one_team and has_one_center)
  union all
  select billing_month, null, currency, null, null, null, sum(effective_cost), false
  from {{ source('cost', 'fct_daily_model_costs') }}
  where model_id is null and component = 'idle'
  group by billing_month, currency
),

units as (
  select
    owned.*,
    coalesce(part_cost, fully_loaded_cost) as own_cost,
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
    case unit when '1,000 requests' then request_cost_reason when 'GPU-hour' then gpu_cost_reason
      else token_cost_reason end as reason,
    case unit when '1,000 requests' then requests_day_count when 'GPU-hour' then gpu_hours_day_count
      else tokens_day_count end as day_count,
    case unit when '1,000 requests' then requests_cost_day_count when 'GPU-hour' then gpu_hours_cost_day_count
      else tokens_cost_day_count end as cost_day_count
  from owned
  cross join kinds
  left join months
    on owned.billing_month = months.billing_month and owned.model_id = months.model_id
      and owned.currency = months.currency and not owned.has_moved
),

reasons as (
  select
    *,
    case
      when has_moved then 'changed owner'
      when idle_cost is not null then 'idle'
      when unit in ('1,000 requests', 'GPU-hour', '1M tokens') or (cost is not null and quantity > 0) then reason
      else coalesce(reason, 'no line for it')
    end as unit_reason
  from units
)

select
  *,
  case when not has_moved then unit_reason end as meter_reason,
  case when unit_reason is null then cost else idle_cost end as cost_with_idle,
  cast(billing_month || '-01' as date) as month_begin,
  coalesce(cast(day_count as double) / nullif(cast(cost_day_count as double), 0), meter_coverage_ratio) as coverage_ratio
from reasons
