{#- One rate per month and pair: the last one dated in the month. No chains. -#}
with rates as (
    select * from {{ ref('stg_tables__fx_rates') }}
)

select
    {{ month_label('rate_date') }} as billing_month,
    from_currency,
    to_currency,
    rate
from rates
where from_currency <> to_currency
qualify row_number() over (
    partition by {{ month_label('rate_date') }}, from_currency, to_currency
    order by rate_date desc, load_id desc
) = 1
