{#-
  Requests of spans with their weight in a model's day. A token of each kind weighs what it costs
  in the month; where a price is unknown all weigh alike.
-#}
with days as (
    select distinct
        model_id,
        charge_date as metered_date,
        currency
    from {{ ref('fct_daily_model_costs') }}
    where is_ai_cost and model_id is not null
),

readings as (
    select
        readings.*,
        days.currency,
        greatest(
            readings.input_tokens - readings.cached_input_tokens - readings.cache_write_input_tokens, 0
        ) as uncached_input_tokens
    from {{ ref('int_task_readings') }} as readings
    inner join days on readings.model_id = days.model_id and readings.metered_date = days.metered_date
),

prices as (
    select
        readings.model_id,
        readings.currency,
        {{ month_label('readings.metered_date') }} as metered_month,
        max(
            case
                when
                    (readings.input_tokens > 0 and prices.cost_per_million_input_tokens is null)
                    or (readings.output_tokens > 0 and prices.cost_per_million_output_tokens is null)
                    then 1
                else 0
            end
        ) = 0 as are_known,
        max(prices.cost_per_million_input_tokens) as input_price,
        max(coalesce(prices.cost_per_million_cached_input_tokens, prices.cost_per_million_input_tokens))
            as cached_input_price,
        max(coalesce(prices.cost_per_million_cache_write_tokens, prices.cost_per_million_input_tokens))
            as cache_write_price,
        max(prices.cost_per_million_output_tokens) as output_price
    from readings
    left join {{ ref('mart_model_unit_costs') }} as prices
        on
            readings.model_id = prices.model_id
            and readings.currency = prices.currency
            and {{ month_label('readings.metered_date') }} = prices.billing_month
    group by readings.model_id, readings.currency, {{ month_label('readings.metered_date') }}
)

select
    readings.*,
    prices.are_known,
    prices.input_price,
    prices.output_price,
    {{ weight_of_tokens({
        'uncached_input_tokens': 'input_price', 'cached_input_tokens': 'cached_input_price',
        'cache_write_input_tokens': 'cache_write_price', 'output_tokens': 'output_price',
    }, 'readings', 'prices') }} as weight
from readings
inner join prices
    on
        readings.model_id = prices.model_id
        and readings.currency = prices.currency
        and {{ month_label('readings.metered_date') }} = prices.metered_month
