{#- Sources with charges of a closed month that would now be converted at another rate. -#}
with changed_rates as (
    select
        locked.billing_month,
        locked.from_currency
    from {{ ref('stg_closed_months__exchange_rates') }} as locked
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            locked.billing_month = rates.billing_month
            and locked.from_currency = rates.from_currency
            and locked.to_currency = rates.to_currency
    where locked.rate is not null and (rates.rate is null or rates.rate <> locked.rate)
)

select distinct
    amounts.billing_month,
    amounts.source
from {{ ref('int_charge_amounts') }} as amounts
inner join changed_rates
    on
        amounts.billing_month = changed_rates.billing_month
        and amounts.billing_currency = changed_rates.from_currency
