{#-
  Figures that were delivered and are probably not meant: an exchange rate of another
  order of magnitude than usual, or half as much again as in the month before, with what
  was billed in the currency in that month; and charges and meters in doubt.
-#}
with rates as (
    select
        *,
        lag(rate) over (
            partition by from_currency, to_currency order by billing_month
        ) as rate_before
    from {{ ref('int_exchange_rates_by_month') }}
),

magnitudes as (
    {% for currency, units in currency_magnitudes().items() -%}
    select
        '{{ currency }}' as currency,
        cast({{ units }} as double) as units
    {{ "union all" if not loop.last }}
    {% endfor %}
),

compared_rates as (
    select
        rates.*,
        cast(rates.rate as double) * {{ safe_ratio('from_units.units', 'to_units.units') }} as times_usual,
        {{ safe_ratio('rates.rate', 'rates.rate_before') }} as times_before
    from rates
    left join magnitudes as from_units on rates.from_currency = from_units.currency
    left join magnitudes as to_units on rates.to_currency = to_units.currency
    where rates.rate > 0
),

doubtful_rates as (
    select
        *,
        coalesce(times_usual > 4 or times_usual < 0.25, false) as is_of_another_magnitude
    from compared_rates
    where
        times_usual > 4 or times_usual < 0.25
        or times_before > 1.5 or times_before < 0.66
),

billed as (
    select
        billing_month,
        billing_currency,
        sum(billed_cost) as billed_cost
    from {{ ref('int_daily_service_charges') }}
    group by billing_month, billing_currency
)

select
    case when doubtful_rates.is_of_another_magnitude then 'F1' else 'F2' end as rule_id,
    doubtful_rates.billing_month,
    doubtful_rates.rate_source as source,
    doubtful_rates.from_currency as currency,
    'The rate from ' || doubtful_rates.from_currency || ' to ' || doubtful_rates.to_currency || ' is '
    || cast(cast(doubtful_rates.rate as decimal(18, 4)) as string) || case
        when doubtful_rates.is_of_another_magnitude then ', far from what is usual'
        else ', and ' || cast(cast(doubtful_rates.rate_before as decimal(18, 4)) as string) || ' the month before'
    end || '. Correct it where it was typed in.' as description,
    cast(1 as bigint) as row_count,
    billed.billed_cost
from doubtful_rates
left join billed
    on
        doubtful_rates.billing_month = billed.billing_month
        and doubtful_rates.from_currency = billed.billing_currency
{% for other in ['int_doubtful_charges', 'int_doubtful_meters'] -%}
union all
select
    rule_id,
    billing_month,
    source,
    currency,
    description,
    row_count,
    billed_cost
from {{ ref(other) }}
{% endfor %}
