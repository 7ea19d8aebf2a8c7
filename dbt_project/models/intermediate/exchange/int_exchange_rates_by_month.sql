{#-
  One rate per month and pair. A typed-in rate beats every market rate, and the last one
  dated in the month beats the others; it is used as it is typed, never turned round or
  chained. Among market rates the one with the fewest steps wins.
-#}
with typed as (
    select
        {{ month_label('rates.rate_date') }} as billing_month,
        rates.from_currency,
        rates.to_currency,
        rates.rate,
        rates.source as rate_source,
        'typed_in' as rate_rule,
        'direct' as rate_derivation,
        cast(1 as bigint) as day_count,
        cast(rates.rate_date as date) as last_rate_date,
        row_number() over (
            partition by {{ month_label('rates.rate_date') }}, rates.from_currency, rates.to_currency
            order by rates.rate_date desc, rates.load_id desc, rates.rate desc
        ) as recency
    from {{ ref('stg_tables__fx_rates') }} as rates
    where rates.rate_origin = 'typed' and rates.from_currency <> rates.to_currency
),

candidates as (
    select
        billing_month,
        from_currency,
        to_currency,
        rate,
        rate_source,
        rate_rule,
        rate_derivation,
        day_count,
        last_rate_date,
        0 as preference
    from typed
    where recency = 1
    union all
    select
        market.billing_month,
        market.from_currency,
        market.to_currency,
        market.rate,
        market.source as rate_source,
        market.rate_rule,
        market.rate_derivation,
        market.day_count,
        market.last_rate_date,
        case market.rate_derivation when 'direct' then 1 when 'inverse' then 2 else 3 end as preference
    from {{ ref('int_market_rates_by_month') }} as market
    where market.rate > 0
),

ranked as (
    select
        *,
        row_number() over (
            partition by billing_month, from_currency, to_currency
            order by preference asc, day_count desc, rate_source asc, rate desc
        ) as choice
    from candidates
)

select
    billing_month,
    from_currency,
    to_currency,
    rate,
    rate_source,
    rate_rule,
    rate_derivation,
    day_count,
    last_rate_date
from ranked
where choice = 1
