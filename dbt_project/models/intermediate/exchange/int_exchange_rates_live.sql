{#-
  Exchange as a line of its own: at which rate each month's foreign charges were
  converted, and what the move of the rate since the month before did to them. Each
  charge is converted at both rates and rounded as in the ledger, so the effect is the
  exact difference of two sums.
-#}
with rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

rates_a_month_later as (
    select
        rates.from_currency,
        rates.to_currency,
        rates.rate,
        {{ month_label("cast(rates.billing_month || '-01' as timestamp) + interval '1' month") }} as billing_month
    from rates
),

charges as (
    select
        amounts.billing_month,
        amounts.billing_currency as from_currency,
        run.currency as to_currency,
        amounts.unconverted_billed_cost,
        amounts.unconverted_effective_cost,
        amounts.billed_cost,
        amounts.effective_cost,
        amounts.line_item_count
    from {{ ref('int_charge_amounts') }} as amounts
    inner join {{ source('control', 'run') }} as run on amounts.billing_currency <> run.currency
),

converted as (
    select
        charges.billing_month,
        charges.from_currency,
        charges.to_currency,
        sum(charges.line_item_count) as charge_count,
        sum(charges.unconverted_billed_cost) as unconverted_billed_cost,
        sum(charges.unconverted_effective_cost) as unconverted_effective_cost,
        sum(charges.billed_cost) as billed_cost,
        sum(charges.effective_cost) as effective_cost,
        sum(charges.billed_cost - {{ money_times_rate('charges.unconverted_billed_cost', 'earlier.rate') }})
            as billed_cost_moved,
        sum(charges.effective_cost - {{ money_times_rate('charges.unconverted_effective_cost', 'earlier.rate') }})
            as effective_cost_moved
    from charges
    left join rates_a_month_later as earlier
        on
            charges.billing_month = earlier.billing_month
            and charges.from_currency = earlier.from_currency
            and charges.to_currency = earlier.to_currency
    group by charges.billing_month, charges.from_currency, charges.to_currency
),

pairs as (
    select
        billing_month,
        from_currency,
        to_currency
    from rates
    union
    select
        billing_month,
        from_currency,
        to_currency
    from converted
)

select
    pairs.billing_month,
    pairs.from_currency,
    pairs.to_currency,
    pairs.to_currency as currency,
    rates.rate,
    rates.rate_source,
    rates.rate_rule,
    rates.rate_derivation,
    rates.day_count,
    rates.last_rate_date,
    earlier.rate as previous_rate,
    cast(coalesce(converted.charge_count, 0) as bigint) as charge_count,
    {{ to_money('coalesce(converted.unconverted_billed_cost, 0)') }} as unconverted_billed_cost,
    {{ to_money('coalesce(converted.unconverted_effective_cost, 0)') }} as unconverted_effective_cost,
    case when rates.rate is not null then {{ to_money('coalesce(converted.billed_cost, 0)') }} end as billed_cost,
    case when rates.rate is not null then {{ to_money('coalesce(converted.effective_cost, 0)') }} end as effective_cost,
    case
        when rates.rate is not null and earlier.rate is not null
            then {{ to_money('coalesce(converted.billed_cost_moved, 0)') }}
    end as exchange_effect_billed_cost,
    case
        when rates.rate is not null and earlier.rate is not null
            then {{ to_money('coalesce(converted.effective_cost_moved, 0)') }}
    end as exchange_effect_effective_cost
from pairs
left join rates
    on
        pairs.billing_month = rates.billing_month
        and pairs.from_currency = rates.from_currency
        and pairs.to_currency = rates.to_currency
left join rates_a_month_later as earlier
    on
        pairs.billing_month = earlier.billing_month
        and pairs.from_currency = earlier.from_currency
        and pairs.to_currency = earlier.to_currency
left join converted
    on
        pairs.billing_month = converted.billing_month
        and pairs.from_currency = converted.from_currency
        and pairs.to_currency = converted.to_currency
