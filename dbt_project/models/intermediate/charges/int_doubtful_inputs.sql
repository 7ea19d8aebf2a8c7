{#-
  Figures that were delivered and are probably not meant: an exchange rate of another
  order of magnitude than usual, or half as much again as in the month before; a meter
  that counts ten or a hundred times as much a day as in the month before. Money is what
  was billed in the currency, or to the model, in that month.
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
),

metered as (
    select
        {{ month_label('period_start') }} as billing_month,
        source,
        model_id,
        {{ safe_ratio('sum(requests)', 'count(distinct cast(period_start as date))') }} as requests_a_day,
        {{ safe_ratio(
            'sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))',
            'count(distinct cast(period_start as date))'
        ) }} as tokens_a_day
    from {{ ref('int_model_usage') }}
    where model_id is not null
    group by {{ month_label('period_start') }}, source, model_id
),

compared_meters as (
    select
        *,
        {{ safe_ratio('requests_a_day', 'lag(requests_a_day) over same_meter') }} as times_requests,
        {{ safe_ratio('tokens_a_day', 'lag(tokens_a_day) over same_meter') }} as times_tokens
    from metered
    window same_meter as (partition by source, model_id order by billing_month)
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
union all
select
    'Q1' as rule_id,
    billing_month,
    source,
    cast(null as string) as currency,
    'Model ' || model_id || ' was used about '
    || cast(cast(coalesce(times_requests, times_tokens) as decimal(18, 2)) as string)
    || ' times as much a day as in the month before. See whether a unit changed.' as description,
    cast(1 as bigint) as row_count,
    cast(null as decimal(28, 10)) as billed_cost
from compared_meters
where
    {{ is_power_of_ten('times_requests') }} or {{ is_power_of_ten('times_tokens') }}
