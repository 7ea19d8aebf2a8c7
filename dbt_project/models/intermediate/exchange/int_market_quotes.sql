{#-
  What market sources publish against their own base, and the base itself, which is one
  of itself. A day that was delivered twice counts as it was delivered last.
-#}
with published as (
    select
        rates.source,
        rates.from_currency as base_currency,
        rates.to_currency as quoted_currency,
        rates.rate as units_per_base,
        cast(rates.rate_date as date) as quote_date,
        row_number() over (
            partition by rates.source, rates.from_currency, rates.to_currency, cast(rates.rate_date as date)
            order by rates.rate_date desc, rates.load_id desc, rates.rate desc
        ) as recency
    from {{ ref('stg_tables__fx_rates') }} as rates
    where rates.rate_origin = 'market' and rates.from_currency <> rates.to_currency
)

select
    source,
    base_currency,
    quoted_currency,
    units_per_base,
    quote_date
from published
where recency = 1
union all
select distinct
    source,
    base_currency,
    base_currency as quoted_currency,
    cast(1 as decimal(38, 18)) as units_per_base,
    quote_date
from published
