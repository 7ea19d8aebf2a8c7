{#-
  By how much exchange moved what a provider charges on a bill, for every pair of months:
  all that it charges for AI, at the month's own rates and at those of the earlier month.
  Amounts count without their sign: a credit as large as the usage leaves nothing to
  convert, and the usage moves all the same. Where the earlier month has no rate, its own
  is kept: an exchange effect that nobody knows is not made up.
-#}
{%- set bases = {'effective': 'unconverted_effective_cost', 'billed': 'unconverted_billed_cost'} %}
with billed_currencies as (
    {% for basis, amount in bases.items() -%}
    select
        billing_month,
        source,
        provider,
        billing_currency,
        currency,
        '{{ basis }}' as basis,
        sum(abs({{ amount }})) as unconverted_cost
    from {{ ref('int_charge_amounts') }}
    where component <> 'out_of_scope'
    group by billing_month, source, provider, billing_currency, currency
    {{ "union all" if not loop.last }}
    {% endfor %}
),

rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

months as (
    select distinct billing_month from billed_currencies
),

at_both_rates as (
    select
        earlier.billing_month as prior_billing_month,
        later.billing_month,
        later.source,
        later.provider,
        later.basis,
        later.currency,
        case
            when later.billing_currency = later.currency then {{ to_money('later.unconverted_cost') }}
            else {{ money_times_rate('later.unconverted_cost', 'own_rates.rate') }}
        end as gross_cost,
        case
            when later.billing_currency = later.currency then {{ to_money('later.unconverted_cost') }}
            else {{ money_times_rate('later.unconverted_cost', 'coalesce(prior_rates.rate, own_rates.rate)') }}
        end as gross_cost_at_prior_rates
    from billed_currencies as later
    inner join months as earlier on later.billing_month > earlier.billing_month
    left join rates as own_rates
        on
            later.billing_month = own_rates.billing_month
            and later.billing_currency = own_rates.from_currency
            and later.currency = own_rates.to_currency
    left join rates as prior_rates
        on
            earlier.billing_month = prior_rates.billing_month
            and later.billing_currency = prior_rates.from_currency
            and later.currency = prior_rates.to_currency
)

select
    prior_billing_month,
    billing_month,
    source,
    provider,
    basis,
    currency,
    sum(gross_cost) as gross_cost,
    sum(gross_cost_at_prior_rates) as gross_cost_at_prior_rates
from at_both_rates
group by prior_billing_month, billing_month, source, provider, basis, currency
