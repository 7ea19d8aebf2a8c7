{#-
  What prices, purchases, kinds and quantities on the bill did to the cost of an origin between
  two months, in the reporting currency at the earlier month's exchange rate. Quantities are
  added in one unit of price: their sum moves the quantity bar, what is used of each unlike the
  others the mix. What a unit cost and no price explains is how it was bought; where no price is
  known, it is nobody's, and the cost counts as one of an unknown rate.
-#}
{%- set bars = ['rate', 'purchase_mix', 'kind_mix', 'quantity', 'new', 'retired', 'correction'] %}
{%- set of_origin = 'prior_billing_month, billing_month, source, provider, billing_currency, origin, basis' %}
with skus as (
    select
        *,
        case
            when expected_cost is null or is_new then 0
            when is_bought_otherwise then cost - expected_cost - rate_amount
            -- Bills round their lines: of what pays its price, a ten-thousandth is no discount, nor
            -- is a hundredth of the currency where the price is worked out from cost and quantity.
            when
                has_prices and abs(cost - expected_cost - rate_amount)
                > greatest(abs(cost) * 0.0001, case when is_price_worked_out then 0.01 else 0 end)
                then cost - expected_cost - rate_amount
            else 0
        end as purchase_mix_amount,
        case when not has_prices and not is_bought_otherwise and not is_new then cost else 0 end as unknown_rate_cost
    from {{ ref('int_month_pairs_skus') }}
),

units as (
    select
        {{ of_origin }},
        sum(rate_amount) as rate_amount,
        sum(purchase_mix_amount + fee_amount) as purchase_mix_amount,
        sum(correction_amount) as correction_amount,
        sum(unknown_rate_cost) as unknown_rate_cost,
        sum(expected_cost) as expected_cost,
        sum(case when has_prices then cost - expected_cost - rate_amount - purchase_mix_amount else 0 end) as rounding,
        sum(case when is_new then cost else 0 end) as new_cost,
        sum(case when is_retired then prior_cost else 0 end) as retired_cost,
        sum(case when prior_quantity > 0 then prior_cost end) as prior_cost,
        sum(case when prior_quantity > 0 then prior_quantity end) as prior_quantity,
        sum(case when quantity > 0 then quantity end) as quantity
    from skus
    group by {{ of_origin }}, unit
),

at_total_quantity as (
    select
        *,
        {{ money_at_quantity('prior_cost', 'quantity', 'prior_quantity') }} as expected_at_total
    from units
),

origins as (
    select
        {{ of_origin }},
        sum(rate_amount) as rate_amount,
        sum(purchase_mix_amount) as purchase_mix_amount,
        sum(coalesce(expected_cost - expected_at_total, 0)) as kind_mix_amount,
        sum(coalesce(expected_at_total - prior_cost + rounding, 0)) as quantity_amount,
        sum(case when expected_at_total is null then new_cost else 0 end) as new_amount,
        sum(case when expected_at_total is null then 0 - retired_cost else 0 end) as retired_amount,
        sum(correction_amount) as correction_amount,
        sum(unknown_rate_cost) as unknown_rate_cost
    from at_total_quantity
    group by {{ of_origin }}
),

run as (
    select * from {{ source('control', 'run') }}
),

rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

converted as (
    select
        origins.*,
        coalesce(own_rates.to_currency, origins.billing_currency) as currency,
        coalesce(prior_rates.rate, own_rates.rate) as exchange_rate
    from origins
    cross join run
    left join rates as own_rates
        on
            origins.billing_month = own_rates.billing_month
            and origins.billing_currency = own_rates.from_currency
            and run.currency = own_rates.to_currency
    left join rates as prior_rates
        on
            origins.prior_billing_month = prior_rates.billing_month
            and origins.billing_currency = prior_rates.from_currency
            and run.currency = prior_rates.to_currency
)

select
    prior_billing_month,
    billing_month,
    source,
    provider,
    origin,
    basis,
    currency,
    {% for bar in bars -%}
    {{ to_money('sum(' ~ converted_money(bar ~ '_amount', 'exchange_rate') ~ ')') }} as {{ bar }}_amount,
    {% endfor -%}
    {{ to_money('sum(' ~ converted_money('unknown_rate_cost', 'exchange_rate') ~ ')') }} as unknown_rate_cost
from converted
group by prior_billing_month, billing_month, source, provider, origin, basis, currency
