{#-
  Figures that were delivered and are probably not meant: an exchange rate of another
  order of magnitude than usual, or half as much again as in the month before, with what
  was billed in the currency in that month; money of months without a rate where others
  have one that somebody typed in; rules over columns that no bill has; and charges and
  meters in doubt.
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
        {{ safe_ratio('to_units.units', 'from_units.units') }} as usual_rate,
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

typed_rates as (
    select
        rates.from_currency,
        rates.to_currency,
        max(rates.rate_source) as rate_source,
        {{ distinct_texts('rates.billing_month') }} as billing_months
    from rates
    inner join {{ source('control', 'run') }} as run on rates.to_currency = run.currency
    group by rates.from_currency, rates.to_currency
    having min(rates.rate_rule) = 'typed_in' and max(rates.rate_rule) = 'typed_in'
),

newest_month as (
    select max(billing_month) as billing_month
    from billed
)

select
    case when doubtful_rates.is_of_another_magnitude then 'F1' else 'F2' end as rule_id,
    doubtful_rates.billing_month,
    doubtful_rates.rate_source as source,
    doubtful_rates.from_currency as currency,
    'The rate from ' || doubtful_rates.from_currency || ' to ' || doubtful_rates.to_currency || ' is '
    || cast(cast(doubtful_rates.rate as decimal(18, 4)) as string) || case
        when doubtful_rates.is_of_another_magnitude
            then ', and about ' || cast(cast(doubtful_rates.usual_rate as decimal(18, 4)) as string) || ' is usual'
        else ', and ' || cast(cast(doubtful_rates.rate_before as decimal(18, 4)) as string) || ' the month before'
    end || coalesce(
        ': ' || doubtful_rates.from_currency || ' ' || {{ amount_text('billed.billed_cost') }} || ' become '
        || doubtful_rates.to_currency || ' '
        || {{ amount_text(money_times_rate('billed.billed_cost', 'doubtful_rates.rate')) }}, ''
    ) || '. Correct it where it was typed in.' as description,
    cast(1 as bigint) as row_count,
    billed.billed_cost
from doubtful_rates
left join billed
    on
        doubtful_rates.billing_month = billed.billing_month
        and doubtful_rates.from_currency = billed.billing_currency
union all
select
    'F3' as rule_id,
    billed.billing_month,
    typed_rates.rate_source as source,
    billed.billing_currency as currency,
    'There is no rate from ' || typed_rates.from_currency || ' to ' || typed_rates.to_currency || ' for '
    || billed.billing_month || ', so this money is in no total: rates are of ' || typed_rates.billing_months
    || '. Add a rate of ' || billed.billing_month || ', or a source of type ecb_rates.' as description,
    cast(1 as bigint) as row_count,
    billed.billed_cost
from billed
inner join typed_rates on billed.billing_currency = typed_rates.from_currency
left join rates
    on
        typed_rates.from_currency = rates.from_currency
        and typed_rates.to_currency = rates.to_currency
        and billed.billing_month = rates.billing_month
where rates.rate is null and billed.billed_cost <> 0
union all
select
    'R2' as rule_id,
    billed.billing_month,
    'allocation.yml' as source,
    billed.billing_currency as currency,
    'Rule ''' || named.rule_name || ''' takes nothing: no bill has the column ''' || named.column_name
    || '''. Correct its name.' as description,
    cast(1 as bigint) as row_count,
    billed.billed_cost
from billed
inner join newest_month on billed.billing_month = newest_month.billing_month
cross join {{ source('control', 'unknown_columns') }} as named
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
